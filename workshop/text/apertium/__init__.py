"""Apertium, rule-based machine translation (https://apertium.org, GPL-2.0 or later): where it is, and how it is kept running."""
