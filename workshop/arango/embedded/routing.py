"""Which function answers which path: a tree over the path's segments."""

from collections.abc import Callable, Iterator
from typing import Any

from workshop.arango.embedded.errors import ArangoError


class Handler:
    """A function that answers one path and method.

    `light` marks one that needs the store's lock at most to look up the user, so that it is answered while a long
    query runs. `open` marks one that answers without authentication.
    """

    __slots__ = ("function", "light", "open")

    def __init__(self, function: Callable[..., Any], light: bool, open: bool):
        self.function, self.light, self.open = function, light, open


class _Node:
    __slots__ = ("children", "parameter", "rest", "handlers")

    def __init__(self):
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.rest: dict[str, Handler] = {}
        self.handlers: dict[str, Handler] = {}


class Routes:
    """Registered handlers. Paths are written as "/_api/document/{collection}/{key}"; "{*}" takes all that follows."""

    def __init__(self):
        self._root = _Node()

    def __call__(self, methods: str, *paths: str, light: bool = False, open: bool = False) -> Callable[..., Any]:
        """Register a function for methods, separated by spaces, and paths; it is called with the call and the parameters."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            handler = Handler(function, light, open)
            for path in paths:
                node, into = self._root, None
                for segment in path.strip("/").split("/"):
                    if segment == "{*}":
                        into = node.rest
                    elif segment.startswith("{"):
                        node.parameter = node = node.parameter or _Node()
                    else:
                        node = node.children.setdefault(segment, _Node())
                for method in methods.split():
                    (node.handlers if into is None else into).setdefault(method, handler)
            return function

        return register

    def find(self, method: str, segments: list[str]) -> tuple[Handler, list[str]]:
        """The handler and its arguments. ArangoError 404 for an unknown path, 405 for a method it does not have."""
        known = False
        for handlers, arguments in _matches(self._root, segments, 0, []):
            handler = handlers.get(method)
            if handler is not None:
                return handler, arguments
            known = True
        raise ArangoError(405) if known else ArangoError(404, f"unknown path '/{'/'.join(segments)}'")


def _matches(
    node: _Node, segments: list[str], place: int, arguments: list[str]
) -> Iterator[tuple[dict[str, Handler], list[str]]]:
    """What fits a path: names before parameters, and both before the rest of a path."""
    if place == len(segments):
        if node.handlers:
            yield node.handlers, arguments
    else:
        segment = segments[place]
        if (child := node.children.get(segment)) is not None:
            yield from _matches(child, segments, place + 1, arguments)
        if node.parameter is not None:
            yield from _matches(node.parameter, segments, place + 1, [*arguments, segment])
    if node.rest:
        yield node.rest, [*arguments, *segments[place:]]


routes = Routes()
