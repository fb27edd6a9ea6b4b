"""ArangoDB behind the notebooks: connecting to it, and the embedded server that stands in where there is none."""

from workshop.arango.client import connect, database_name, require, version, with_collections
from workshop.arango.server import NAME, down, external, find, up, url

__all__ = [
    "NAME",
    "connect",
    "database_name",
    "down",
    "external",
    "find",
    "require",
    "up",
    "url",
    "version",
    "with_collections",
]
