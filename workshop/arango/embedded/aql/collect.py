"""COLLECT: rows grouped by values, with aggregates and the rows of each group."""

from collections.abc import Iterator
from typing import Any

from workshop.arango.embedded.aql import functions, nodes
from workshop.arango.embedded.aql.plan import Expression, Frame, Pipeline, Scope, compile_expression, compiles
from workshop.arango.embedded.aql.values import AqlWarning, hash_key, sort_key
from workshop.arango.embedded.errors import ArangoError

AGGREGATES = frozenset(
    [
        "LENGTH",
        "COUNT",
        "MIN",
        "MAX",
        "SUM",
        "AVERAGE",
        "AVG",
        "STDDEV_POPULATION",
        "STDDEV_SAMPLE",
        "STDDEV",
        "VARIANCE_POPULATION",
        "VARIANCE_SAMPLE",
        "VARIANCE",
        "UNIQUE",
        "SORTED_UNIQUE",
        "COUNT_DISTINCT",
        "COUNT_UNIQUE",
        "BIT_AND",
        "BIT_OR",
        "BIT_XOR",
        "PUSH",
    ]
)
"""Functions that AGGREGATE takes. Except for COUNT and PUSH, each is the array function of its name."""


@compiles(nodes.Collect)
def _collect(statement: nodes.Collect, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    groups = [compile_expression(expression, scope) for _, expression in statement.groups]
    aggregates = [_aggregate(call, scope) for _, call in statement.aggregates]
    members = _members(statement, scope)
    scope.variables.clear()
    group_slots = [scope.declare(name) for name, _ in statement.groups]
    aggregate_slots = [scope.declare(name) for name, _ in statement.aggregates]
    into = scope.declare(statement.into) if statement.into else None
    count = scope.declare(statement.count) if statement.count else None
    check = scope.context.check

    def pipeline(frame: Frame) -> Iterator[None]:
        found: dict[Any, tuple[list[Any], list[list[Any]], list[Any], list[int]]] = {}
        if not groups:
            found[()] = ([], [[] for _ in aggregates], [], [0])
        for number, _ in enumerate(upstream(frame), 1):
            values = [group(frame) for group in groups]
            key = tuple(hash_key(value) for value in values)
            group = found.get(key)
            if group is None:
                group = found[key] = (values, [[] for _ in aggregates], [], [0])
            for values_of_one, (argument, _) in zip(group[1], aggregates):
                values_of_one.append(argument(frame) if argument else None)
            if members is not None:
                group[2].append(members(frame))
            group[3][0] += 1
            if not number % 1024:
                check()
        for values, collected, rows, (size,) in sorted(found.values(), key=lambda group: sort_key(group[0])):
            for slot, value in zip(group_slots, values):
                frame[slot] = value
            for slot, (_, finish), items in zip(aggregate_slots, aggregates, collected):
                frame[slot] = finish(items)
            if into is not None:
                frame[into] = rows
            if count is not None:
                frame[count] = size
            yield

    return pipeline, 0


def _aggregate(call: Any, scope: Scope) -> tuple[Expression | None, Any]:
    """The argument of an aggregate, and what makes its result of the group's values."""
    if not isinstance(call, nodes.Call) or call.name not in AGGREGATES:
        raise ArangoError(1574, "aggregate expression must be a call of an aggregate function")
    if call.name in ("COUNT", "LENGTH"):
        if len(call.arguments) > 1:
            raise ArangoError(1541, f"invalid number of arguments for function '{call.name}()'")
        return None, len
    if len(call.arguments) != 1:
        raise ArangoError(1541, f"invalid number of arguments for function '{call.name}()'")
    argument = compile_expression(call.arguments[0], scope)
    if call.name == "PUSH":
        return argument, list
    function, warn = functions.find(call.name).call, scope.context.warn

    def finish(items: list[Any]) -> Any:
        try:
            return function(items)
        except AqlWarning as warning:
            warn(warning.number, warning.message)
            return None

    return argument, finish


def _members(statement: nodes.Collect, scope: Scope) -> Expression | None:
    """What a group's array holds for each row: INTO's expression, or an object of the level's variables or of KEEP's."""
    if statement.keep is not None and statement.into is None:
        raise ArangoError(1501, "syntax error, use of 'KEEP' without 'INTO'")
    if statement.into is None:
        return None
    if statement.projection is not None:
        return compile_expression(statement.projection, scope)
    if statement.keep is None:
        slots = dict(scope.variables)
    else:
        slots = {}
        for name in statement.keep:
            slot = scope.find(name)
            if slot is None:
                raise ArangoError(1501, f"use of unknown variable '{name}' for KEEP")
            scope.note_use(slot)
            slots[name] = slot
    return lambda frame: {name: frame[slot] for name, slot in slots.items()}
