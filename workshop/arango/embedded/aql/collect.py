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


class _Group:
    """The values that a group's rows have in common, and what they have each: one list for every aggregate."""

    __slots__ = ("collected", "members", "size", "values")

    def __init__(self, values: list[Any], collected: list[list[Any]]):
        self.values = values
        self.collected = collected
        self.members: list[Any] = []
        self.size = 0


@compiles(nodes.Collect)
def _collect(statement: nodes.Collect, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    groups = [compile_expression(expression, scope) for _, expression in statement.groups]
    aggregates = [_aggregate(call, scope) for _, call in statement.aggregates]
    members = _members(statement, scope)
    scope.end_loops()
    group_slots = [scope.declare(name) for name, _ in statement.groups]
    aggregate_slots = [scope.declare(name) for name, _ in statement.aggregates]
    into = scope.declare(statement.into) if statement.into else None
    count = scope.declare(statement.count) if statement.count else None
    check = scope.context.check

    def pipeline(frame: Frame) -> Iterator[None]:
        found: dict[Any, _Group] = {}
        if not groups:
            found[()] = _Group([], [[] for _ in aggregates])
        for number, _ in enumerate(upstream(frame), 1):
            values = [group(frame) for group in groups]
            key = tuple(hash_key(value) for value in values)
            group = found.get(key)
            if group is None:
                group = found[key] = _Group(values, [[] for _ in aggregates])
            group.size += 1
            for collected, (argument, _) in zip(group.collected, aggregates):
                if argument is not None:
                    collected.append(argument(frame))
            if members is not None:
                group.members.append(members(frame))
            if not number % 1024:
                check()
        for group in sorted(found.values(), key=lambda group: sort_key(group.values)):
            for slot, value in zip(group_slots, group.values):
                frame[slot] = value
            for slot, (_, finish), items in zip(aggregate_slots, aggregates, group.collected):
                frame[slot] = group.size if finish is None else finish(items)
            if into is not None:
                frame[into] = group.members
            if count is not None:
                frame[count] = group.size
            yield

    return pipeline, 0


def _aggregate(call: nodes.Call, scope: Scope) -> tuple[Expression | None, Any]:
    """The argument of an aggregate, and what makes its result of the group's values; None twice for counting rows."""
    if call.name not in AGGREGATES:
        functions.find(call.name)
        raise ArangoError(1574, "invalid aggregate expression: unknown aggregate function used")
    if call.name in ("COUNT", "LENGTH"):
        if len(call.arguments) > 1:
            raise ArangoError(1541, f"invalid number of arguments for function '{call.name}()'")
        for argument in call.arguments:
            compile_expression(argument, scope)
        return None, None
    if len(call.arguments) != 1:
        raise ArangoError(1541, f"invalid number of arguments for function '{call.name}()'")
    argument = compile_expression(call.arguments[0], scope)
    if call.name == "PUSH":
        return argument, list
    function = functions.find(call.name).call

    def finish(items: list[Any]) -> Any:
        if not items and call.name == "SUM":  # unlike the function's, the sum of nothing is null
            return None
        try:
            return function(items)
        except AqlWarning:  # an aggregate of values that it cannot take is null without a warning
            return None

    return argument, finish


def _members(statement: nodes.Collect, scope: Scope) -> Expression | None:
    """What a group's array holds for each row: INTO's expression, or an object of the level's variables or of KEEP's."""
    if statement.into is None:
        return None
    if statement.projection is not None:
        return compile_expression(statement.projection, scope)
    if statement.keep is None:
        slots = scope.looped()
    else:
        slots = {}
        for name in statement.keep:
            slot = scope.find(name)
            if slot is None:
                raise ArangoError(1501, f"use of unknown variable '{name}' for KEEP")
            scope.note_use(slot)
            slots[name] = slot
    return lambda frame: {name: frame[slot] for name, slot in slots.items()}
