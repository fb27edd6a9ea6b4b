"""Folders as arangodump writes them: read, and restored."""
