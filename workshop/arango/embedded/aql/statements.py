"""Statements as pipelines: each takes the rows of the one before it, sets variables in the frame and yields.

The frame is one list for the whole query. A statement that holds rows back (SORT, COLLECT) keeps copies of the frame
and puts them back one by one.
"""

import functools
import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from workshop.arango.embedded.aql import nodes, search
from workshop.arango.embedded.aql.expressions import (
    assign,
    bind_value,
    collection_name,
    range_bounds,
)
from workshop.arango.embedded.aql.operators import truth
from workshop.arango.embedded.aql.plan import (
    STATEMENTS,
    Expression,
    Frame,
    Pipeline,
    Scope,
    compile_expression,
    compiles,
    constant_value,
    is_constant,
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


def once(frame: Frame) -> Iterator[None]:
    """The start of every pipeline: one row."""
    yield


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
        if isinstance(statement, (nodes.For, nodes.Traversal, nodes.Paths)):
            scope.single_row = False
        else:
            scope.plan.describe(STEPS[type(statement)])
    return pipeline, None


def _return(statement: nodes.Return, scope: Scope, upstream: Pipeline) -> tuple[Pipeline, Expression]:
    value = compile_expression(statement.value, scope)
    scope.plan.describe("ReturnNode", distinct=statement.distinct)
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
    is_name = isinstance(source, nodes.Name) and scope.find(source.name) is None and source.name != "CURRENT"
    if is_name or isinstance(source, nodes.CollectionBind):
        return _for_collection(statement, rest, scope, upstream)
    items: Callable[[Frame], Iterable[Any]]
    if isinstance(source, nodes.Range):
        bounds = range_bounds(source, scope)
        items = lambda frame: _lazy_range(*bounds(frame))  # noqa: E731
    else:
        value = compile_expression(source, scope)
        warn = scope.context.warn

        def items(frame: Frame) -> Iterable[Any]:
            array = value(frame)
            if type(array) is list:
                return array
            if not isinstance(array, list):
                warn(1563, f"array expected as operand to FOR loop; you provided a value of type '{_type_name(array)}'")
            return ()

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
    name = collection_name(statement.source, scope)
    if name in scope.plan.written:
        raise ArangoError(1579, f"access after data-modification by collection '{name}'")
    scope.plan.read.add(name)
    set_variable = assign(statement.variable, scope)
    if not scope.plan.execute:
        return _loop(lambda frame: (), statement.variable, set_variable, scope, upstream), 0
    collection = scope.context.collection(name)
    lookups = []
    if isinstance(statement.variable, str):
        found = search.nearest(statement.variable, collection, rest, scope, upstream)
        if found is not None:
            return found
        lookups = _lookups(statement.variable, rest, scope)
    plan, statistics = scope.plan, scope.context.statistics
    served = [".".join(path) for path, _ in lookups if collection.lookup(path, []) is not None]
    plan.describe(
        "IndexNode" if served else "EnumerateCollectionNode", collection=name, **({"attribute": served[0]} if served else {})
    )

    def documents(frame: Frame) -> Iterable[Any]:
        for path, values in lookups:
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


def _lookups(variable: str, rest: list[Any], scope: Scope) -> list[tuple[tuple[str, ...], Callable[[Frame], list[Any]]]]:
    """The equalities in the FILTERs behind a FOR that an index may answer: attribute path, and the values wanted."""
    found = []
    for statement in rest:
        if not isinstance(statement, nodes.Filter):
            break
        for condition in _conjuncts(statement.condition):
            if not isinstance(condition, nodes.Binary) or condition.operator not in ("==", "IN"):
                continue
            for left, right in ((condition.left, condition.right), (condition.right, condition.left)):
                path = attribute_path(left, variable)
                if path and not mentions(right, variable):
                    value = compile_expression(right, scope)
                    if condition.operator == "==":
                        found.append((path, lambda frame, value=value: [value(frame)]))
                    elif left is condition.left:
                        found.append((path, functools.partial(_members, value)))
    return found


def _members(value: Expression, frame: Frame) -> list[Any]:
    array = value(frame)
    return array if type(array) is list else []


def _conjuncts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, nodes.Binary) and condition.operator == "AND":
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    else:
        yield condition


def attribute_path(node: Any, variable: str) -> tuple[str, ...] | None:
    """`("a", "b")` for `variable.a.b`; None for anything else."""
    path: list[str] = []
    while isinstance(node, nodes.Attribute):
        path.append(node.name)
        node = node.base
    return tuple(reversed(path)) if path and isinstance(node, nodes.Name) and node.name == variable else None


def mentions(node: Any, variable: str) -> bool:
    """Whether a variable's name occurs anywhere in a part of a query; a subquery counts as mentioning everything."""
    if isinstance(node, nodes.Name):
        return node.name == variable
    if isinstance(node, nodes.Query):
        return True
    if isinstance(node, (list, tuple)):
        return any(mentions(part, variable) for part in node)
    fields = getattr(node, "__dataclass_fields__", ())
    return any(mentions(getattr(node, field), variable) for field in fields)


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
            keys.append((closure, _descending(direction, scope)))
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


def _descending(direction: Any, scope: Scope) -> bool:
    if not isinstance(direction, str):
        direction = constant_value(direction, scope, "a sort direction")
    if not isinstance(direction, str) or direction.upper() not in ("ASC", "DESC"):
        raise ArangoError(1501, f"invalid sort direction {direction!r}, expecting 'ASC' or 'DESC'")
    return direction.upper() == "DESC"


def _rows_wanted(rest: list[Any], scope: Scope) -> int | None:
    """How many sorted rows the LIMIT behind a SORT lets through; None when all are needed."""
    if not rest or not isinstance(rest[0], nodes.Limit) or scope.context.options.get("fullCount"):
        return None
    offset, count = limits(rest[0], scope)
    return offset + count


def limits(statement: nodes.Limit, scope: Scope) -> tuple[int, int]:
    """Offset and count of a LIMIT, in rows; 1504 when they are no numbers from 0 on."""
    numbers = []
    for part in (statement.offset, statement.count):
        if isinstance(part, nodes.Bind) and not scope.plan.execute:
            bind_value(part, scope)
            numbers.append(0)
            continue
        value = constant_value(part, scope, "LIMIT")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != int(value):
            raise ArangoError(1504, f"a LIMIT of {value!r} is no number of rows")
        numbers.append(int(value))
    return numbers[0], numbers[1]


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


@compiles(nodes.Window)
def _window(statement: nodes.Window, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    raise ArangoError(9, "WINDOW is not implemented by the embedded server")
