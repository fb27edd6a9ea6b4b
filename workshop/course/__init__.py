"""The course itself: lessons made and run, models built, exercises checked."""
