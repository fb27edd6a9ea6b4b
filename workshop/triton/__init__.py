"""The Triton server behind the notebooks: where it is, what it serves, starting and stopping it."""

from workshop.triton.server import Model, down, ensure, external, find, grpc_url, http_url, models, require, up, version

__all__ = ["Model", "down", "ensure", "external", "find", "grpc_url", "http_url", "models", "require", "up", "version"]
