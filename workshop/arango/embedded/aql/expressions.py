"""Expressions as Python closures over the frame of variables: values, names, access, operators, patterns."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from workshop.arango.embedded.aql import nodes
from workshop.arango.embedded.aql.operators import ARITHMETIC, COMPARISONS, membership, negate, truth
from workshop.arango.embedded.aql.plan import (
    Expression,
    Frame,
    Scope,
    compile_expression,
    compiles,
    constant,
    fold,
    invoke,
    is_constant,
)
from workshop.arango.embedded.aql.values import to_number, to_string
from workshop.arango.embedded.errors import ArangoError

LARGEST_RANGE = 10_000_000
"""Numbers that a range may have as an array."""
CURRENT = ("CURRENT", "$CURRENT")
POSITION = re.compile(r"[+-]?[0-9]{1,19}")
"""A text that stands for the position in an array."""


@compiles(nodes.Literal)
def _literal(node: nodes.Literal, scope: Scope) -> Expression:
    return constant(node.value)


@compiles(nodes.TooLarge)
def _too_large(node: nodes.TooLarge, scope: Scope) -> Expression:
    scope.context.warn(1504, "number out of range")
    return constant(None)


@compiles(nodes.Bind)
def _bind(node: nodes.Bind, scope: Scope) -> Expression:
    return constant(bind_value(node, scope))


def bind_value(node: nodes.Bind | nodes.CollectionBind, scope: Scope) -> Any:
    """The value given for a bind variable; 1551 when there is none. While a query is only parsed, null."""
    name = bind_name(node)
    scope.context.used_binds.add(name)
    if not scope.plan.execute:
        return None
    if name not in scope.context.binds:
        raise ArangoError(1551, f"no value specified for declared bind parameter '{name}'")
    return scope.context.binds[name]


def bind_name(node: nodes.Bind | nodes.CollectionBind) -> str:
    """The name under which a client gives the value."""
    return "@" + node.name if isinstance(node, nodes.CollectionBind) else node.name


@compiles(nodes.Group)
def _group(node: nodes.Group, scope: Scope) -> Expression:
    return compile_expression(node.inner, scope)


@compiles(nodes.Name)
def _name(node: nodes.Name, scope: Scope) -> Expression:
    slot = scope.find(node.name)
    if slot is None and node.name in CURRENT:
        slot = scope.current
    if slot is None:
        return _whole_collection(node, scope)
    return _slot(slot, scope)


def _slot(slot: int, scope: Scope) -> Expression:
    scope.note_use(slot)
    return lambda frame: frame[slot]


@compiles(nodes.Variable)
def _variable(node: nodes.Variable, scope: Scope) -> Expression:
    if scope.find(node.name) is None:
        raise ArangoError(1512, f"unknown variable '{node.name}' in object literal")
    return _name(node, scope)


@compiles(nodes.CollectionBind)
def _whole_collection(node: nodes.Name | nodes.CollectionBind, scope: Scope) -> Expression:
    """A collection used as a value: the array of its documents."""
    name, collection = collection_of(node, scope)
    scope.plan.reads(name)
    return lambda frame: list(collection.documents())


def is_collection(node: Any, scope: Scope) -> bool:
    """Whether an expression is the bare name of a collection and not of a variable."""
    if isinstance(node, nodes.Name):
        current = node.name in CURRENT and scope.current is not None
        return scope.find(node.name) is None and not current
    return isinstance(node, nodes.CollectionBind)


def collection_name(node: Any, scope: Scope) -> str:
    """The name of a collection: written, or given as a bind variable."""
    if isinstance(node, nodes.Name):
        name = node.name
    else:
        name = bind_value(node, scope)
        if not scope.plan.execute:
            return "@" + node.name
        if not isinstance(name, str):
            raise ArangoError(1553, f"bind parameter '{bind_name(node)}' has an invalid value or type")
    if not name:
        raise ArangoError(1208)
    return name


def collection_of(node: Any, scope: Scope) -> tuple[str, Any]:
    """A collection's name and the collection itself, None while a query is only parsed; 1203 when there is none."""
    name = collection_name(node, scope)
    if not scope.plan.execute:
        return name, None
    try:
        collection = scope.context.collection(name)
    except ArangoError as error:
        message = f"collection or view not found: {name}" if error.number == 1203 else error.message
        raise ArangoError(error.number, message) from error
    return collection.name, collection


@compiles(nodes.Current)
def _current(node: nodes.Current, scope: Scope) -> Expression:
    assert scope.element is not None
    return _slot(scope.element, scope)


@compiles(nodes.Attribute)
def _attribute(node: nodes.Attribute, scope: Scope) -> Expression:
    name = node.name
    if isinstance(node.base, nodes.Name) and (slot := scope.find(node.base.name)) is not None:
        scope.note_use(slot)

        def of_variable(frame: Frame) -> Any:
            value = frame[slot]
            return value.get(name) if type(value) is dict else None

        return of_variable
    base = compile_expression(node.base, scope)

    def attribute(frame: Frame) -> Any:
        value = base(frame)
        return value.get(name) if type(value) is dict else None

    return fold(attribute, base)


@compiles(nodes.Index)
def _index(node: nodes.Index, scope: Scope) -> Expression:
    base, key = compile_expression(node.base, scope), compile_expression(node.key, scope)
    return fold(lambda frame: access(base(frame), key(frame)), base, key)


def access(value: Any, key: Any) -> Any:
    """`value[key]`: of an array by position (negative from the end), of an object by name; null for what is not there.

    Positions are numbers, cut to integers, or texts of integers; names are texts, or numbers cut to integers.
    """
    kind = type(key)
    if type(value) is list:
        if kind is int or kind is float or kind is str and POSITION.fullmatch(key):
            position = int(key)
        else:
            return None
        return value[position] if -len(value) <= position < len(value) else None
    if type(value) is dict:
        if kind is str:
            return value.get(key)
        if kind is int or kind is float:
            return value.get(str(int(key)))
    return None


@compiles(nodes.BoundAttribute)
def _bound_attribute(node: nodes.BoundAttribute, scope: Scope) -> Expression:
    base: Any = node.base
    for name in bound_path(node, scope):
        base = nodes.Attribute(base, name)
    return compile_expression(base, scope)


def bound_path(node: nodes.BoundAttribute, scope: Scope) -> list[str]:
    """The attribute names that a bind variable stands for in `base.@name`; 1553 when it holds something else."""
    value = bind_value(node.name, scope)
    if not scope.plan.execute:
        return [node.name.name]
    path = value if isinstance(value, list) else [value]
    if not path or not all(isinstance(name, str) and name for name in path):
        raise ArangoError(1553, f"bind parameter '{node.name.name}' has an invalid value or type")
    return path


@compiles(nodes.Array)
def _array(node: nodes.Array, scope: Scope) -> Expression:
    items = [compile_expression(item, scope) for item in node.items]
    return fold(lambda frame: [item(frame) for item in items], *items)


@compiles(nodes.Object)
def _object(node: nodes.Object, scope: Scope) -> Expression:
    entries = [(_entry_name(key, scope), compile_expression(value, scope)) for key, value in node.entries]
    if all(is_constant(name) for name, _ in entries):
        fixed = [(to_string(name([])), value) for name, value in entries]
        return fold(lambda frame: {name: value(frame) for name, value in fixed}, *(value for _, value in fixed))
    return lambda frame: {to_string(name(frame)): value(frame) for name, value in entries}


def _entry_name(key: Any, scope: Scope) -> Expression:
    if isinstance(key, str):
        return constant(key)
    name = compile_expression(key, scope)
    if isinstance(key, nodes.Bind) and scope.plan.execute and not isinstance(name([]), str):
        raise ArangoError(1553, f"bind parameter '{key.name}' has an invalid value or type")
    return name


@compiles(nodes.Range)
def _range(node: nodes.Range, scope: Scope) -> Expression:
    bounds = range_bounds(node, scope)
    return lambda frame: list(checked_range(*bounds(frame)))


def range_bounds(node: nodes.Range, scope: Scope) -> Callable[[Frame], tuple[int, int]]:
    """Both ends of a range as integers."""
    low, high = compile_expression(node.low, scope), compile_expression(node.high, scope)
    return lambda frame: (int(to_number(low(frame))), int(to_number(high(frame))))


def checked_range(low: int, high: int) -> Iterable[int]:
    """The numbers from low to high, counting down when high is smaller."""
    if abs(high - low) >= LARGEST_RANGE:
        raise ArangoError(1504, f"a range of more than {LARGEST_RANGE} numbers is too large for an array")
    return range(low, high + 1) if low <= high else range(low, high - 1, -1)


@compiles(nodes.Unary)
def _unary(node: nodes.Unary, scope: Scope) -> Expression:
    operand = compile_expression(node.operand, scope)
    if node.operator == "NOT":
        return fold(lambda frame: not truth(operand(frame)), operand)
    call = negate if node.operator == "-" else to_number
    return fold(lambda frame: call(operand(frame)), operand)


@compiles(nodes.Binary)
def _binary(node: nodes.Binary, scope: Scope) -> Expression:
    # Long chains like `a OR b OR c` hang down on the left: compiled upwards, they need no depth of recursion.
    chain, left = [], node
    while isinstance(left, nodes.Binary):
        chain.append(left)
        left = left.left
    closure = compile_expression(left, scope)
    for link in reversed(chain):
        closure = _combined(link.operator, closure, compile_expression(link.right, scope), scope)
    return closure


def _combined(operator: str, left: Expression, right: Expression, scope: Scope) -> Expression:
    if operator == "AND":
        closure = lambda frame: right(frame) if truth(value := left(frame)) else value  # noqa: E731
    elif operator == "OR":
        closure = lambda frame: value if truth(value := left(frame)) else right(frame)  # noqa: E731
    elif operator in ARITHMETIC:
        closure = invoke(ARITHMETIC[operator], [left, right], scope.context.warn)
    else:
        call = comparison(operator)
        closure = lambda frame: call(left(frame), right(frame))  # noqa: E731
    return fold(closure, left, right)


def comparison(operator: str) -> Callable[[Any, Any], bool]:
    """The function of a comparison operator, IN and NOT IN among them: these are false when the right side is no array."""
    if operator not in ("IN", "NOT IN"):
        return COMPARISONS[operator]
    contained = membership()
    if operator == "IN":
        return contained
    return lambda value, array: type(array) is list and not contained(value, array)


@compiles(nodes.Ternary)
def _ternary(node: nodes.Ternary, scope: Scope) -> Expression:
    condition, no = compile_expression(node.condition, scope), compile_expression(node.no, scope)
    if node.yes is None:
        return fold(lambda frame: value if truth(value := condition(frame)) else no(frame), condition, no)
    yes = compile_expression(node.yes, scope)
    return fold(lambda frame: yes(frame) if truth(condition(frame)) else no(frame), condition, yes, no)


def assign(pattern: Any, scope: Scope) -> Callable[[Frame, Any], None]:
    """Declare what stands on the left of LET or FOR; gives a function that sets it: a variable, or parts of a value."""
    if isinstance(pattern, str):
        slot = scope.declare(pattern)

        def variable(frame: Frame, value: Any) -> None:
            frame[slot] = value

        return variable
    if isinstance(pattern, nodes.ArrayPattern):
        parts = [(position, assign(item, scope)) for position, item in enumerate(pattern.items) if item is not None]
    else:
        parts = [(name, assign(item, scope)) for name, item in pattern.properties]

    def destructure(frame: Frame, value: Any) -> None:
        for key, part in parts:
            part(frame, access(value, key))

    return destructure
