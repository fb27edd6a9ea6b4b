"""Apertium, rule-based translation (https://apertium.org, GPL-2.0 or later): where it is, and how it is kept running."""
