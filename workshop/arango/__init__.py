"""ArangoDB behind the notebooks: connecting to it, and the embedded server that stands in where there is none."""

from workshop.arango.client import connect, database_name, ensure, require, version, with_collections
from workshop.arango.server import down, external, find, up, url

__all__ = [
    "connect",
    "database_name",
    "down",
    "ensure",
    "external",
    "find",
    "require",
    "up",
    "url",
    "version",
    "with_collections",
]
