"""The nearest documents by vector: FOR … SORT similarity LIMIT answered from the collection's matrix or vector index.

What the matrix gives is only an order in which to look: documents are read best first, the FILTERs and LETs of the query run
on each, its exact score is computed as everywhere else, and the search ends when no document further down can get into
the result. The answer is therefore the one that sorting all documents would give.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from workshop.arango.embedded.aql import functions, nodes
from workshop.arango.embedded.aql.analysis import attribute_path, descending, limits, mentions
from workshop.arango.embedded.aql.plan import (
    STATEMENTS,
    Expression,
    Frame,
    Pipeline,
    Scope,
    compile_expression,
    compile_steady,
    compiles,
    constant_value,
    invoke,
    once,
)
from workshop.arango.embedded.aql.values import NUMERIC, number, sort_key
from workshop.arango.embedded.errors import ArangoError

EXACT = {"COSINE_SIMILARITY": "cosine", "L1_DISTANCE": "l1", "L2_DISTANCE": "l2"}
APPROXIMATE = {
    "APPROX_NEAR_COSINE": ("cosine", True),
    "APPROX_NEAR_L2": ("l2", False),
    "APPROX_NEAR_INNER_PRODUCT": ("innerProduct", True),
}
"""Metric of the index, and whether the greatest scores are the nearest."""
FIRST_LOOK = 32
"""Documents that are read before asking whether the search may end; more where a FILTER may refuse some."""
LARGEST_DIMENSION = 4096
"""Longer vectors are compared one by one: a matrix of them is too large to be kept."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Score:
    """The exact score of a document that an approximate search has found."""

    metric: str
    left: Any
    right: Any


@compiles(Score)
def _score(node: Score, scope: Scope) -> Expression:
    sides = [compile_expression(side, scope) for side in (node.left, node.right)]
    if node.metric == "innerProduct":
        return invoke(lambda left, right: number(float(np.dot(left, right))), sides, scope.context.warn)
    function = functions.find("COSINE_SIMILARITY" if node.metric == "cosine" else "L2_DISTANCE")
    return invoke(function.call, sides, scope.context.warn)


def nearest(
    variable: str, collection: Any, rest: list[Any], scope: Scope, upstream: Pipeline
) -> tuple[Pipeline, int] | None:
    """Compile a FOR together with the FILTERs, LETs, SORT and LIMIT behind it, where they ask for nearest documents.

    Gives None when the query has another form; its FOR is then compiled alone. `upstream` gives one row at most.
    """
    length = next((n for n, part in enumerate(rest) if not isinstance(part, (nodes.Filter, nodes.Let))), len(rest))
    between, (sort, limit) = rest[:length], (*rest[length : length + 2], None, None)[:2]
    if not isinstance(sort, nodes.Sort) or len(sort.keys) != 1 or not isinstance(limit, nodes.Limit):
        return None
    key, direction = sort.keys[0]
    call = _definition(key, between)
    if not isinstance(call, nodes.Call) or call.name not in (*EXACT, *APPROXIMATE):
        return None
    if any(isinstance(part, nodes.CHANGES) for part in nodes.walk(between)):  # it happens for all documents
        return None
    if call.name in EXACT and scope.context.options.get("fullCount"):
        return None
    sides = _sides(call, variable, between, scope)
    if sides is None:
        return None
    path, other = sides
    vector = compile_steady(other, scope)
    if vector is None:  # for every document another one
        return None
    search = _Search(variable, collection, path, scope)
    search.compile(call, between, key, descending(direction, scope), limit)
    return search.pipeline(upstream, vector), length + 2


def _definition(key: Any, between: list[Any]) -> Any:
    """What a sort key stands for: itself, or the value of the LET of its name."""
    if isinstance(key, nodes.Name):
        return next((part.value for part in between if isinstance(part, nodes.Let) and part.variable == key.name), key)
    return key


def _sides(call: nodes.Call, variable: str, between: list[Any], scope: Scope) -> tuple[tuple[str, ...], Any] | None:
    """The attribute path that is compared, and the vector that it is compared with."""
    hidden = [part.variable for part in between if isinstance(part, nodes.Let)]
    if len(call.arguments) < 2 or not all(isinstance(name, str) for name in hidden):
        return None
    first, second = call.arguments[:2]
    for one, other in ((first, second), (second, first)):
        path = attribute_path(one, variable, scope)
        if path and not mentions(other, variable, *hidden):
            return path, other
    return None


class _Search:
    """One FOR with what follows it up to its LIMIT."""

    def __init__(self, variable: str, collection: Any, path: tuple[str, ...], scope: Scope):
        self.collection, self.path, self.scope = collection, path, scope
        self.slot = scope.variables[variable]
        self.measure: str | None = None
        self.index: Any = None
        self.probes: int | None = None

    def compile(self, call: nodes.Call, between: list[Any], key: Any, descending: bool, limit: nodes.Limit) -> None:
        self.descending = descending
        self.offset, count = limits(limit, self.scope)
        self.wanted = self.offset + count
        self.measure = EXACT.get(call.name)
        exact: Any = call
        if call.name in APPROXIMATE:
            exact = self._approximate(call)
        self.inner: Pipeline = once
        for part in between:
            if isinstance(part, nodes.Let) and part.value is call:
                part = nodes.Let(part.variable, exact)
            self.inner, _ = STATEMENTS[type(part)](part, [], self.scope, self.inner)
        self.score: Expression = compile_expression(exact if key is call else key, self.scope)
        self.filtered = any(isinstance(part, nodes.Filter) for part in between)
        self.scope.plan.describe(
            "EnumerateNearVectorNode" if self.index else "EnumerateCollectionNode",
            collection=self.collection.name,
            attribute=".".join(self.path),
            exact=self.index is None,
            limit=self.wanted,
        )

    def _approximate(self, call: nodes.Call) -> Score:
        """Find the index that an APPROX_NEAR function needs; gives the call that computes its exact score."""
        metric, descending = APPROXIMATE[call.name]
        if self.descending is not descending:
            raise ArangoError(1554, f"failed vector search: {call.name}() needs SORT … {'DESC' if descending else 'ASC'}")
        self.index = self.collection.near_index(self.path, metric)
        if self.index is None:
            place = f"{self.collection.name}.{'.'.join(self.path)}"
            raise ArangoError(
                1554, f"failed vector search: {call.name}() needs a vector index with metric {metric} on {place}"
            )
        if len(call.arguments) > 2:
            given = constant_value(call.arguments[2], self.scope, "the options of a vector search")
            probes = given.get("nProbe") if isinstance(given, dict) else None
            if not isinstance(given, dict) or (probes is not None and (type(probes) is not int or probes < 1)):
                raise ArangoError(10, "the options of a vector search are an object like {nProbe: 4}")
            self.probes = probes
        return Score(metric, *call.arguments[:2])

    def pipeline(self, upstream: Pipeline, vector: Expression) -> Pipeline:
        def run(frame: Frame) -> Iterator[None]:
            for _ in upstream(frame):
                kept = self._collect(frame, vector(frame)) if self.wanted else []
                for _, _, row in kept[self.offset : self.wanted]:
                    frame[:] = row
                    yield

        return run

    def _collect(self, frame: Frame, vector: Any) -> list[tuple[Any, int, Frame]]:
        """The best rows as (sort key of the score, number of the row, frame), best first."""
        kept: list[tuple[Any, int, Frame]] = []
        slot = self.slot
        for rows, bound in self._candidates(vector):
            if bound is not None and len(kept) >= self.wanted and not self._may_improve(kept, bound):
                break
            self.scope.context.check()
            for row, frame[slot] in self.collection.items(None if rows is None else rows.tolist()):
                for _ in self.inner(frame):
                    kept.append((sort_key(self.score(frame)), row, frame.copy()))
            kept.sort(key=lambda item: item[1])
            kept.sort(key=lambda item: item[0], reverse=self.descending)
            del kept[self.wanted :]
        return kept

    def _may_improve(self, kept: list[tuple[Any, int, Frame]], bound: float) -> bool:
        worst = kept[-1][0]
        return not (sort_key(bound) < worst if self.descending else sort_key(bound) > worst)

    def _candidates(self, vector: Any) -> Iterator[tuple[np.ndarray | None, float | None]]:
        """Chunks of rows to look at, each with a bound on its scores: None where a chunk must be looked at in any case."""
        numbers = type(vector) is list and len(vector) > 0 and NUMERIC.issuperset(map(type, vector))
        if self.index is not None:
            if not numbers or len(vector) != self.index.matrix.dimension:
                raise ArangoError(10, f"a vector of {self.index.matrix.dimension} numbers is expected")
            yield from self._near(vector)
            return
        self.scope.context.statistics.scanned_full += self.collection.count()
        ascending, ranking = not self.descending, None
        if numbers and len(vector) <= LARGEST_DIMENSION:
            ranking = self.collection.matrix(self.path, len(vector)).rank(vector, self.measure, ascending=ascending)
        if ranking is None:
            yield None, None
            return
        from workshop.arango.embedded.vectors import in_order

        if len(ranking.exact):
            yield ranking.exact, None
        if ascending and len(ranking.absent):  # null sorts before every number
            yield ranking.absent, None
        first = max(FIRST_LOOK, self.wanted + 16) * (4 if self.filtered else 1)
        yield from in_order(ranking, ascending=ascending, first=first)
        if not ascending and len(ranking.absent):
            yield ranking.absent, -float("inf")

    def _near(self, vector: list[float]) -> Iterator[tuple[np.ndarray, float | None]]:
        """What the vector index finds; more of it as long as FILTERs refuse too much."""
        count, seen = self.wanted * (4 if self.filtered else 1), np.zeros(0, np.int64)
        while True:
            rows = self.index.search(vector, count, self.probes)
            new = rows[~np.isin(rows, seen)]
            self.scope.context.statistics.scanned_index += len(new)
            # Bounds are not known here: a further chunk comes only while the result is short of rows.
            yield new, None if not len(seen) else (-float("inf") if self.descending else float("inf"))
            if not self.filtered or len(rows) < count:
                return
            seen, count = np.union1d(seen, rows), count * 4
