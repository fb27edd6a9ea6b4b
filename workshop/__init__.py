"""The package behind the notebooks: services, models that are built, and what would distract from a lesson."""

__version__ = "0.1.0"
