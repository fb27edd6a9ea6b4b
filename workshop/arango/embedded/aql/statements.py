"""Statements as pipelines: each takes the rows of the one before it, sets variables in the frame and yields.

The frame is one list for the whole query. A statement that holds rows back (SORT, COLLECT) keeps copies of the frame
and puts them back one by one.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from workshop.arango.embedded.aql import nodes, search
from workshop.arango.embedded.aql.analysis import descending, limits, lookups
from workshop.arango.embedded.aql.expressions import assign, collection_of, is_collection, range_bounds
from workshop.arango.embedded.aql.operators import truth
from workshop.arango.embedded.aql.plan import (
    STATEMENTS,
    Expression,
    Frame,
    Pipeline,
    Scope,
    compile_expression,
    compiles,
    is_constant,
    once,
)
from workshop.arango.embedded.aql.values import hash_key, sort_key
from workshop.arango.embedded.errors import ArangoError

CHECK_EVERY = 1024
"""Rows after which a loop looks whether its query was killed or ran out of time."""


STEPS = {
    nodes.Filter: "FilterNode",
    nodes.Let: "CalculationNode",
    nodes.Sort: "SortNode",
    nodes.Limit: "LimitNode",
    nodes.Collect: "CollectNode",
    nodes.Insert: "InsertNode",
    nodes.Update: "UpdateNode",
    nodes.Remove: "RemoveNode",
    nodes.Upsert: "UpsertNode",
}
"""What ArangoDB calls the steps that statements become; loops name themselves."""


def compile_query(query: nodes.Query, scope: Scope) -> tuple[Pipeline, Expression | None]:
    """Compile a query's statements; gives the pipeline and the value that each of its rows returns, None without RETURN."""
    pipeline: Pipeline = once
    statements = list(query.statements)
    while statements:
        statement, *statements = statements
        if isinstance(statement, nodes.Return):
            return _return(statement, scope, pipeline)
        pipeline, consumed = STATEMENTS[type(statement)](statement, statements, scope, pipeline)
        statements = statements[consumed:]
        if type(statement) in STEPS:
            scope.plan.describe(STEPS[type(statement)])
    return pipeline, None


def _return(statement: nodes.Return, scope: Scope, upstream: Pipeline) -> tuple[Pipeline, Expression]:
    value = compile_expression(statement.value, scope)
    scope.plan.describe("ReturnNode", distinct=statement.distinct)
    if statement.distinct and scope.base is None:
        raise ArangoError(1501, "cannot use DISTINCT modifier on top-level query element")
    if not statement.distinct:
        return upstream, value
    slot = scope.slot()

    def pipeline(frame: Frame) -> Iterator[None]:
        seen = set()
        for _ in upstream(frame):
            result = value(frame)
            key = hash_key(result)
            if key not in seen:
                seen.add(key)
                frame[slot] = result
                yield

    return pipeline, lambda frame: frame[slot]


@compiles(nodes.Query)
def _subquery(node: nodes.Query, scope: Scope) -> Expression:
    """A subquery as an expression: the array of its results. One that depends on no outer variable runs once."""
    inner = scope.child()
    was_random, scope.plan.random = scope.plan.random, False
    pipeline, value = compile_query(node, inner)
    repeatable = not (scope.plan.random or inner.outer_use)
    scope.plan.random |= was_random
    plan = scope.plan

    def subquery(frame: Frame) -> list[Any]:
        if value is None:
            for _ in pipeline(frame):
                pass
            return []
        return [value(frame) for _ in pipeline(frame)]

    if not repeatable:
        return subquery
    results: list[list[Any]] = []

    def remembered(frame: Frame) -> list[Any]:
        if plan.written:
            return subquery(frame)
        if not results:
            results.append(subquery(frame))
        return results[0]

    return remembered


@compiles(nodes.For)
def _for(statement: nodes.For, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    if statement.search is not None:
        raise ArangoError(9, "SEARCH is not implemented by the embedded server")
    source = statement.source
    if is_collection(source, scope):
        return _for_collection(statement, rest, scope, upstream)
    items: Callable[[Frame], Iterable[Any]]
    if isinstance(source, nodes.Range):
        bounds = range_bounds(source, scope)
        items = lambda frame: _lazy_range(*bounds(frame))  # noqa: E731
    else:
        value = compile_expression(source, scope)

        def items(frame: Frame) -> Iterable[Any]:
            array = value(frame)
            if type(array) is not list:
                given = _type_name(array)
                message = f"collection or array expected as operand to FOR loop; you provided a value of type '{given}'"
                raise ArangoError(1563, message)
            return array

    scope.open_loop()
    set_variable = assign(statement.variable, scope)
    scope.plan.describe("EnumerateListNode")
    return _loop(items, statement.variable, set_variable, scope, upstream), 0


def _lazy_range(low: int, high: int) -> Iterable[int]:
    return range(low, high + 1) if low <= high else range(low, high - 1, -1)


def _type_name(value: Any) -> str:
    return {type(None): "null", bool: "bool", int: "number", float: "number", str: "string", dict: "object"}[type(value)]


def _loop(
    items: Callable[[Frame], Iterable[Any]],
    variable: Any,
    set_variable: Callable[[Frame, Any], None],
    scope: Scope,
    upstream: Pipeline,
) -> Pipeline:
    check = scope.context.check

    if not isinstance(variable, str):

        def destructuring(frame: Frame) -> Iterator[None]:
            for _ in upstream(frame):
                for number, item in enumerate(items(frame), 1):
                    set_variable(frame, item)
                    if not number % CHECK_EVERY:
                        check()
                    yield

        return destructuring
    slot = scope.variables[variable]

    def loop(frame: Frame) -> Iterator[None]:
        count = 0
        for _ in upstream(frame):
            for item in items(frame):
                frame[slot] = item
                count += 1
                if not count % CHECK_EVERY:
                    check()
                yield

    return loop


def _for_collection(statement: nodes.For, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    name, collection = collection_of(statement.source, scope)
    scope.plan.reads(name)
    is_single = scope.single_row
    scope.open_loop()
    set_variable = assign(statement.variable, scope)
    if not scope.plan.execute:
        return _loop(lambda frame: (), statement.variable, set_variable, scope, upstream), 0
    wanted = []
    if isinstance(statement.variable, str):
        found = search.nearest(statement.variable, collection, rest, scope, upstream) if is_single else None
        if found is not None:
            return found
        wanted = lookups(statement.variable, rest, scope)
    plan, statistics = scope.plan, scope.context.statistics
    served = [".".join(path) for path, _ in wanted if collection.lookup(path, []) is not None]
    plan.describe(
        "IndexNode" if served else "EnumerateCollectionNode", collection=name, **({"attribute": served[0]} if served else {})
    )

    def documents(frame: Frame) -> Iterable[Any]:
        for path, values in wanted:
            rows = collection.lookup(path, values(frame))
            if rows is not None:
                rows = sorted(set(rows))
                statistics.scanned_index += len(rows)
                return collection.documents(rows)
        # What the query itself writes is not read by it: the rows are those that are there now.
        rows = collection.rows() if plan.written else None
        statistics.scanned_full += collection.count()
        return collection.documents(rows)

    return _loop(documents, statement.variable, set_variable, scope, upstream), 0


@compiles(nodes.Filter)
def _filter(statement: nodes.Filter, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    condition, statistics = compile_expression(statement.condition, scope), scope.context.statistics

    def pipeline(frame: Frame) -> Iterator[None]:
        for _ in upstream(frame):
            if truth(condition(frame)):
                yield
            else:
                statistics.filtered += 1

    return pipeline, 0


@compiles(nodes.Let)
def _let(statement: nodes.Let, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    value = compile_expression(statement.value, scope)
    set_variable = assign(statement.variable, scope)

    def pipeline(frame: Frame) -> Iterator[None]:
        for _ in upstream(frame):
            set_variable(frame, value(frame))
            yield

    return pipeline, 0


@compiles(nodes.Sort)
def _sort(statement: nodes.Sort, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    keys = []
    for expression, direction in statement.keys:
        closure = compile_expression(expression, scope)
        if not is_constant(closure):
            keys.append((closure, descending(direction, scope)))
    if not keys:
        return upstream, 0
    wanted = _rows_wanted(rest, scope) if len(keys) == 1 else None

    def pipeline(frame: Frame) -> Iterator[None]:
        def rows() -> Iterator[tuple[Any, ...]]:
            for _ in upstream(frame):
                yield (*(sort_key(key(frame)) for key, _ in keys), frame.copy())

        if wanted is not None:
            choose = heapq.nlargest if keys[0][1] else heapq.nsmallest
            ordered = choose(wanted, rows(), key=lambda row: row[0])
        else:
            ordered = list(rows())
            for position in reversed(range(len(keys))):
                ordered.sort(key=lambda row: row[position], reverse=keys[position][1])  # noqa: B023
        for row in ordered:
            frame[:] = row[-1]
            yield

    return pipeline, 0


def _rows_wanted(rest: list[Any], scope: Scope) -> int | None:
    """How many sorted rows the LIMIT behind a SORT lets through; None when all are needed."""
    if not rest or not isinstance(rest[0], nodes.Limit) or scope.context.options.get("fullCount") or scope.plan.written:
        return None
    offset, count = limits(rest[0], scope)
    return offset + count


@compiles(nodes.Limit)
def _limit(statement: nodes.Limit, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    offset, count = limits(statement, scope)
    is_last = scope.top_level and not any(isinstance(later, nodes.Limit) for later in rest)
    counts_all = is_last and bool(scope.context.options.get("fullCount"))
    statistics = scope.context.statistics
    # A change in front of a LIMIT happens for all rows, whether they are let through or not.
    drains = counts_all or bool(scope.plan.written)

    def pipeline(frame: Frame) -> Iterator[None]:
        number = 0
        if count or drains:
            for _ in upstream(frame):
                number += 1
                if offset < number <= offset + count:
                    yield
                if number >= offset + count and not drains:
                    break
        if counts_all:
            statistics.full_count = number

    return pipeline, 0


@compiles(nodes.With)
def _with(statement: nodes.With, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    for source in statement.collections:
        collection_of(source, scope)
    return upstream, 0


@compiles(nodes.Window)
def _window(statement: nodes.Window, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    raise ArangoError(9, "WINDOW is not implemented by the embedded server")
