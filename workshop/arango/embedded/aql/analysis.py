"""What can be told of a query before it runs: attribute paths, the variables that a part mentions, index look-ups."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from workshop.arango.embedded.aql import nodes
from workshop.arango.embedded.aql.expressions import POSITION, bind_value, bound_path
from workshop.arango.embedded.aql.operators import truth
from workshop.arango.embedded.aql.plan import Expression, Frame, Scope, compile_steady, constant_value
from workshop.arango.embedded.errors import ArangoError

Lookup = tuple[tuple[str, ...], Callable[[Frame], list[Any]]]
"""An attribute's path, and the values that it must have one of."""


def attribute_path(node: Any, variable: str, scope: Scope) -> tuple[str, ...] | None:
    """`("a", "b")` for `variable.a.b`, however it is written; None for anything else."""
    path: list[str] = []
    while True:
        if isinstance(node, nodes.Attribute):
            path.append(node.name)
        elif isinstance(node, nodes.BoundAttribute):
            path.extend(reversed(bound_path(node, scope)))
        elif isinstance(node, nodes.Index) and isinstance(name := _constant(node.key, scope), str):
            if POSITION.fullmatch(name):  # of an array such a name is a position
                return None
            path.append(name)
        else:
            break
        node = node.base
    return tuple(reversed(path)) if path and isinstance(node, nodes.Name) and node.name == variable else None


def _constant(node: Any, scope: Scope) -> Any:
    if isinstance(node, nodes.Bind):
        return bind_value(node, scope)
    return node.value if isinstance(node, nodes.Literal) else None


def mentions(node: Any, *variables: str) -> bool:
    """Whether a variable's name occurs anywhere in a part of a query; a subquery counts as mentioning everything."""
    return any(
        isinstance(part, nodes.Query) or (isinstance(part, nodes.Name) and part.name in variables)
        for part in nodes.walk(node)
    )


def lookups(variable: str, rest: list[Any], scope: Scope) -> list[Lookup]:
    """The equalities in the FILTERs right behind a FOR that an index may answer."""
    found = []
    for statement in rest:
        if not isinstance(statement, nodes.Filter):
            break
        for condition in _conjuncts(statement.condition):
            if isinstance(condition, nodes.Binary) and condition.operator in ("==", "IN"):
                found.extend(_lookups(condition, variable, scope))
    return found


def _lookups(condition: nodes.Binary, variable: str, scope: Scope) -> Iterator[Lookup]:
    for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
        path = attribute_path(one, variable, scope)
        if not path or mentions(other, variable):
            continue
        value = compile_steady(other, scope)
        if value is None:  # for every document another one
            continue
        if condition.operator == "==":
            yield path, lambda frame, value=value: [value(frame)]
        elif one is condition.left:
            yield path, functools.partial(_members, value)


def _members(value: Expression, frame: Frame) -> list[Any]:
    array = value(frame)
    return array if type(array) is list else []


def _conjuncts(condition: Any) -> Iterator[Any]:
    while isinstance(condition, nodes.Binary) and condition.operator == "AND":
        yield from _conjuncts(condition.right)
        condition = condition.left
    yield condition


def descending(direction: Any, scope: Scope) -> bool:
    """Whether a SORT element asks for the greatest values first: DESC, or a false value in the place of the direction."""
    if not isinstance(direction, str):
        direction = constant_value(direction, scope, "directions of SORT")
    if isinstance(direction, str) and direction.upper() in ("ASC", "DESC"):
        return direction.upper() == "DESC"
    return not truth(direction)


UNLIMITED = (1 << 62) - 1
"""Rows that a LIMIT of null lets through."""


def limits(statement: nodes.Limit, scope: Scope) -> tuple[int, int]:
    """Offset and count of a LIMIT, in rows; null is no limit, 1504 what is no number from 0 on."""
    numbers = []
    for part, absent in ((statement.offset, 0), (statement.count, UNLIMITED)):
        value = constant_value(part, scope, "the numbers of LIMIT")
        if value is None:
            value = absent
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1 << 63:
            raise ArangoError(1504, f"number out of range: a LIMIT of {value!r}")
        numbers.append(int(value))
    return numbers[0], numbers[1]
