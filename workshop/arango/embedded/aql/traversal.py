"""Walks over graphs: traversals with pruning and uniqueness, and the searches for shortest and for all paths."""

import collections
import heapq
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from workshop.arango.embedded.aql import nodes
from workshop.arango.embedded.aql.expressions import bind_value, collection_of
from workshop.arango.embedded.aql.operators import truth
from workshop.arango.embedded.aql.plan import (
    Frame,
    Pipeline,
    Scope,
    compile_expression,
    compiles,
    constant_value,
    options,
)
from workshop.arango.embedded.aql.values import to_number
from workshop.arango.embedded.errors import ArangoError

CHECK_EVERY = 256
"""Steps after which a walk looks whether its query was killed or ran out of time."""
Edge = dict[str, Any]


@compiles(nodes.Traversal)
def _traversal(statement: nodes.Traversal, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    start = compile_expression(statement.start, scope)
    least, most = _depths(statement.depth, scope)
    given = _walk_options(statement.options, scope)
    walk = Walk(statement.graph, statement.direction, given, scope)
    scope.open_loop()
    slots = [scope.declare(name) for name in statement.variables]
    slots += [scope.slot() for _ in range(3 - len(slots))]
    prune, prune_slot = None, None
    if statement.prune is not None:
        name, condition = statement.prune
        prune = compile_expression(condition, scope)
        prune_slot = scope.declare(name) if name else None
    scope.plan.describe("TraversalNode", depth=[least, most], direction=statement.direction)
    wants_path = len(statement.variables) == 3 or prune is not None

    def pipeline(frame: Frame) -> Iterator[None]:
        def set_row(path: "Path") -> None:
            frame[slots[0]] = walk.vertex(path.vertices[-1])
            frame[slots[1]] = path.edges[-1] if path.edges else None
            if wants_path:
                frame[slots[2]] = walk.path(path)
            if prune_slot is not None:
                frame[prune_slot] = prune(frame)

        def pruned(path: "Path") -> bool:
            if prune is None:
                return False
            set_row(path)
            return truth(prune(frame) if prune_slot is None else frame[prune_slot])

        for _ in upstream(frame):
            origin = _vertex_id(start(frame), scope)
            if origin is None:
                continue
            for path in walk.paths(origin, least, most, given, pruned):
                set_row(path)
                yield

    return pipeline, 0


class Path:
    """Ids of the vertices and the edges between them."""

    __slots__ = ("edges", "length", "vertices")

    def __init__(self, vertices: tuple[str, ...], edges: tuple[Edge, ...], length: float = 0.0):
        self.vertices = vertices
        self.edges = edges
        self.length = length

    def extended(self, edge: Edge, vertex: str, length: float = 0.0) -> "Path":
        """This path and one step more."""
        return Path((*self.vertices, vertex), (*self.edges, edge), self.length + length)


class Walk:
    """The edges and vertices that one FOR walks over."""

    def __init__(self, graph: nodes.Graph, direction: str, given: dict[str, Any], scope: Scope):
        scope.plan.forbid_after_change("traversal")
        self.scope = scope
        self.weight = given["weightAttribute"]
        self.default_weight = given["defaultWeight"]
        self.sources = self._sources(graph, direction, given)
        self._vertices: dict[str, Any] = {}
        self._vertex_collections = given["vertexCollections"]

    def _sources(self, graph: nodes.Graph, direction: str, given: dict[str, Any]) -> list[tuple[Any, str]]:
        plan, wanted = self.scope.plan, given["edgeCollections"]
        pairs = [(source, own) for own, source in graph.edges]
        if graph.name is not None:
            name = bind_value(graph.name, self.scope) if isinstance(graph.name, nodes.Bind) else graph.name.value
            if plan.execute:
                pairs = [(nodes.Name(part["collection"]), None) for part in self._graph(name)["edgeDefinitions"]]
        sources = []
        for source, own in pairs:
            name, collection = collection_of(source, self.scope)
            plan.reads(name)
            if not plan.execute or (wanted is not None and name not in wanted):
                continue
            if collection.type != 3:
                raise ArangoError(1218, f"collection type invalid: collection '{name}' expected to be an edge collection")
            sources.append((collection, (own or direction).lower()))
        return sources

    def _graph(self, name: Any) -> dict[str, Any]:
        if not isinstance(name, str):
            raise ArangoError(1553, "the name of a graph must be a string")
        return self.scope.context.database.graph(name)

    def neighbours(self, vertex: str) -> Iterator[tuple[Edge, str]]:
        """The edges to follow from a vertex, each with the id at its other end."""
        for collection, way in self.sources:
            for edge in collection.edges(vertex, way):
                outbound = way == "outbound" or (way == "any" and edge["_from"] == vertex)
                yield edge, edge["_to"] if outbound else edge["_from"]

    def vertex(self, identifier: str) -> Any:
        """A vertex's document; null, with a warning, for one that is not there."""
        if identifier not in self._vertices:
            self._vertices[identifier] = self._read(identifier)
        return self._vertices[identifier]

    def _read(self, identifier: str) -> Any:
        collection, _, key = identifier.partition("/")
        try:
            document = self.scope.context.collection(collection).get(key)
        except ArangoError:
            document = None
        if document is None:
            self.scope.context.warn(1202, f"vertex '{identifier}' not found")
        return document

    def path(self, path: Path) -> dict[str, Any]:
        """A path as AQL sees it."""
        weights: dict[str, Any] = {}
        if self.weight:
            weights["weights"] = list(itertools.accumulate((self.length(edge) for edge in path.edges), initial=0))
        return {"edges": list(path.edges), "vertices": [self.vertex(vertex) for vertex in path.vertices], **weights}

    def length(self, edge: Edge) -> Any:
        """What an edge counts on a weighted path."""
        if self.weight is None:
            return 1
        weight = edge.get(self.weight, self.default_weight)
        if isinstance(weight, bool) or not isinstance(weight, (int, float)):
            weight = self.default_weight
        if weight < 0:
            raise ArangoError(1948)
        return weight

    def paths(
        self, start: str, least: int, most: int, given: dict[str, Any], pruned: Callable[[Path], bool]
    ) -> Iterator[Path]:
        """All paths from a vertex within the depths, in the order and with the uniqueness that the options ask for."""
        order, unique_vertices = given["order"], given["uniqueVertices"]
        unique_edges = given["uniqueEdges"] == "path"
        visited = {start}
        ticket = itertools.count()
        waiting: Any = collections.deque([Path((start,), ())])
        if order == "weighted":
            waiting = [(0.0, next(ticket), waiting[0])]
        allowed = self._vertex_collections
        for number in itertools.count(1):
            if not waiting:
                return
            if not number % CHECK_EVERY:
                self.scope.context.check()
            if order == "weighted":
                _, _, path = heapq.heappop(waiting)
            else:
                path = waiting.popleft() if order == "bfs" else waiting.pop()
            depth = len(path.edges)
            if unique_vertices == "global" and depth:
                # In a weighted walk a vertex is settled when it is taken, not when it is first seen.
                if path.vertices[-1] in visited:
                    continue
                visited.add(path.vertices[-1])
            stop = depth >= most or pruned(path)
            if depth >= least:
                yield path
            if stop:
                continue
            steps = []
            for edge, vertex in self.neighbours(path.vertices[-1]):
                if unique_edges and any(edge["_id"] == known["_id"] for known in path.edges):
                    continue
                if unique_vertices == "path" and vertex in path.vertices:
                    continue
                if unique_vertices == "global" and vertex in visited:
                    continue
                if allowed is not None and vertex.partition("/")[0] not in allowed:
                    continue
                steps.append(path.extended(edge, vertex, self.length(edge) if order == "weighted" else 0))
            if order == "weighted":
                for step in steps:
                    heapq.heappush(waiting, (step.length, next(ticket), step))
            else:
                waiting.extend(steps if order == "bfs" else reversed(steps))

    def shortest(self, start: str, target: str) -> Iterator[Path]:
        """Paths without repeated vertices from start to target, shortest first (Yen's algorithm, 1971)."""
        first = self._dijkstra(Path((start,), ()), target, set(), set())
        if first is None:
            return
        yield first
        found, ticket = [first], itertools.count()
        candidates: list[tuple[float, int, Path]] = []
        known = {tuple(edge["_id"] for edge in first.edges)}
        while True:
            last = found[-1]
            for position in range(len(last.edges)):
                root_edges = last.edges[:position]
                root = Path(last.vertices[: position + 1], root_edges, sum(self.length(edge) for edge in root_edges))
                same = [path for path in found if path.edges[:position] == root_edges and len(path.edges) > position]
                banned = {path.edges[position]["_id"] for path in same}
                path = self._dijkstra(root, target, banned, set(root.vertices[:-1]))
                if path is not None:
                    signature = tuple(edge["_id"] for edge in path.edges)
                    if signature not in known:
                        known.add(signature)
                        heapq.heappush(candidates, (path.length, next(ticket), path))
            if not candidates:
                return
            _, _, path = heapq.heappop(candidates)
            found.append(path)
            yield path

    def _dijkstra(self, root: Path, target: str, banned: set[str], excluded: set[str]) -> Path | None:
        ticket = itertools.count()
        waiting = [(root.length, next(ticket), root)]
        settled = set(excluded)
        for number in itertools.count(1):
            if not waiting:
                return None
            if not number % CHECK_EVERY:
                self.scope.context.check()
            _, _, path = heapq.heappop(waiting)
            vertex = path.vertices[-1]
            if vertex == target:
                return path
            if vertex in settled:
                continue
            settled.add(vertex)
            for edge, neighbour in self.neighbours(vertex):
                if neighbour in settled or (path is root and edge["_id"] in banned):
                    continue
                step = path.extended(edge, neighbour, self.length(edge))
                heapq.heappush(waiting, (step.length, next(ticket), step))


def _depths(node: Any, scope: Scope) -> tuple[int, int]:
    """The least and the greatest depth: `n`, `n..m`, by default 1."""
    if node is None:
        return 1, 1
    parts = (node.low, node.high) if isinstance(node, nodes.Range) else (node, node)
    numbers = []
    for part in parts:
        value = constant_value(part, scope, "the depths of a traversal")
        if value is None and not scope.plan.execute:
            value = 1
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise ArangoError(1501, f"invalid traversal depth {value!r}: a number from 0 on is expected")
        numbers.append(int(value))
    if numbers[0] > numbers[1]:
        raise ArangoError(1501, "invalid traversal depth: the least is greater than the greatest")
    return numbers[0], numbers[1]


def _walk_options(node: Any, scope: Scope) -> dict[str, Any]:
    """What OPTIONS say on a walk, with defaults for what they do not say or say wrongly, as ArangoDB has it."""
    given = options(node, scope)
    order = given.get("order")
    vertices, edges = given.get("uniqueVertices"), given.get("uniqueEdges")
    if edges == "global":
        raise ArangoError(10, "uniqueEdges: 'global' is not supported, due to otherwise unpredictable results")
    chosen = {
        "order": order if order in ("dfs", "bfs", "weighted") else ("bfs" if given.get("bfs") is True else "dfs"),
        "uniqueVertices": vertices if vertices in ("path", "global") else "none",
        "uniqueEdges": "none" if edges == "none" else "path",
        "weightAttribute": _of_type(given.get("weightAttribute"), str) or None,
        "defaultWeight": _of_type(given.get("defaultWeight"), (int, float), 1),
        "vertexCollections": _names(given.get("vertexCollections")),
        "edgeCollections": _names(given.get("edgeCollections")),
    }
    if chosen["uniqueVertices"] == "global" and chosen["order"] == "dfs":
        raise ArangoError(
            10, "uniqueVertices: 'global' is only supported, with order: 'bfs' or 'weighted', due to unpredictable results"
        )
    return chosen


def _of_type(value: Any, kind: Any, default: Any = None) -> Any:
    return value if isinstance(value, kind) and not isinstance(value, bool) else default


def _names(value: Any) -> list[str] | None:
    """Names of collections that a walk keeps to; None for all."""
    if isinstance(value, str):
        return [value]
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else None


def _vertex_id(value: Any, scope: Scope) -> str | None:
    """A vertex's id: given as such or within a document. Anything else is warned about and leads nowhere."""
    identifier = value.get("_id") if isinstance(value, dict) else value
    if isinstance(identifier, str) and "/" in identifier:
        return identifier
    scope.context.warn(10, "invalid start vertex: a document or the id of one is expected")
    return None


@compiles(nodes.Paths)
def _paths(statement: nodes.Paths, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    start, target = compile_expression(statement.start, scope), compile_expression(statement.target, scope)
    least, most = _depths(statement.depth, scope)
    walk = Walk(statement.graph, statement.direction, _walk_options(statement.options, scope), scope)
    scope.open_loop()
    slots = [scope.declare(name) for name in statement.variables]
    scope.plan.describe("ShortestPathNode" if statement.kind == "SHORTEST_PATH" else "EnumeratePathsNode")
    check = scope.context.check

    def ends(frame: Frame) -> tuple[str | None, str | None]:
        return _vertex_id(start(frame), scope), _vertex_id(target(frame), scope)

    def steps(frame: Frame) -> Iterator[None]:
        """SHORTEST_PATH: one row for each vertex, with the edge that leads to it."""
        for _ in upstream(frame):
            origin, goal = ends(frame)
            path = None if origin is None or goal is None else next(walk.shortest(origin, goal), None)
            if path is None:
                continue
            for vertex, edge in zip(path.vertices, (None, *path.edges)):
                frame[slots[0]] = walk.vertex(vertex)
                if len(slots) > 1:
                    frame[slots[1]] = edge
                yield

    def whole(frame: Frame) -> Iterator[None]:
        """The other searches: one row for each path."""
        for _ in upstream(frame):
            origin, goal = ends(frame)
            if origin is None or goal is None:
                continue
            for path in found(origin, goal):
                check()
                value = walk.path(path)
                value.pop("weights", None)
                if statement.kind == "K_SHORTEST_PATHS":
                    weight = to_number(path.length) if walk.weight else len(path.edges)
                    value = {"vertices": value["vertices"], "edges": value["edges"], "weight": weight}
                frame[slots[0]] = value
                yield

    def found(origin: str, goal: str) -> Iterator[Path]:
        if statement.kind == "K_PATHS":
            limits = {"order": "bfs", "uniqueVertices": "path", "uniqueEdges": "path"}
            for path in walk.paths(origin, least, most, limits, lambda path: False):
                if path.vertices[-1] == goal:
                    yield path
            return
        best = None
        for path in walk.shortest(origin, goal):
            best = path.length if best is None else best
            if statement.kind == "ALL_SHORTEST_PATHS" and path.length > best:
                return
            yield path

    return (steps if statement.kind == "SHORTEST_PATH" else whole), 0
