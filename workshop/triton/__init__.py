"""The Triton server behind the notebooks: where it is, what it serves, starting and stopping it."""

from workshop.triton.loading import Model, configured, models, require
from workshop.triton.server import NAME, down, external, find, grpc_url, http_url, up, version

__all__ = [
    "NAME",
    "Model",
    "configured",
    "down",
    "external",
    "find",
    "grpc_url",
    "http_url",
    "models",
    "require",
    "up",
    "version",
]
