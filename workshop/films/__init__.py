"""The films of the recommendations: their sources, and who is related to whom."""
