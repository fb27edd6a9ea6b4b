"""The routes of the HTTP API, one module for each part of it. Importing the package registers them all."""

from workshop.arango.embedded.routes import (  # noqa: F401
    admin,
    collections,
    databases,
    documents,
    edges,
    graphs,
    imports,
    indexes,
    missing,
    queries,
    simple,
    users,
)
