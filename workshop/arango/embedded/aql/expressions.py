"""Expressions as Python closures over the frame of variables."""

from collections.abc import Callable, Iterable
from typing import Any

from workshop.arango.embedded.aql import functions, nodes
from workshop.arango.embedded.aql.operators import ARITHMETIC, COMPARISONS, membership, negate, truth
from workshop.arango.embedded.aql.plan import (
    Expression,
    Frame,
    Scope,
    compile_expression,
    compiles,
    constant,
    fold,
    is_constant,
)
from workshop.arango.embedded.aql.values import AqlWarning, to_number, to_string
from workshop.arango.embedded.errors import ArangoError

LARGEST_RANGE = 10_000_000
"""Numbers that a range may have as an array."""


@compiles(nodes.Literal)
def _literal(node: nodes.Literal, scope: Scope) -> Expression:
    return constant(node.value)


@compiles(nodes.Bind)
def _bind(node: nodes.Bind, scope: Scope) -> Expression:
    return constant(bind_value(node, scope))


def bind_value(node: nodes.Bind | nodes.CollectionBind, scope: Scope) -> Any:
    """The value given for a bind variable; 1551 when there is none. While a query is only parsed, null."""
    name = "@" + node.name if isinstance(node, nodes.CollectionBind) else node.name
    scope.context.used_binds.add(name)
    if not scope.plan.execute:
        return None
    if name not in scope.context.binds:
        raise ArangoError(1551, f"no value specified for declared bind parameter '{name}'")
    return scope.context.binds[name]


@compiles(nodes.Group)
def _group(node: nodes.Group, scope: Scope) -> Expression:
    return compile_expression(node.inner, scope)


@compiles(nodes.Name)
def _name(node: nodes.Name, scope: Scope) -> Expression:
    slot = scope.find(node.name)
    if slot is None and node.name in ("CURRENT", "$CURRENT"):
        slot = scope.current
    if slot is None:
        return whole_collection(node, scope)
    return _slot(slot, scope)


def _slot(slot: int, scope: Scope) -> Expression:
    scope.note_use(slot)
    return lambda frame: frame[slot]


@compiles(nodes.CollectionBind)
def whole_collection(node: nodes.Name | nodes.CollectionBind, scope: Scope) -> Expression:
    """A collection used as a value: the array of its documents."""
    name = collection_name(node, scope)
    scope.plan.read.add(name)
    if not scope.plan.execute:
        return lambda frame: []
    try:
        collection = scope.context.collection(name)
    except ArangoError as error:
        raise ArangoError(error.number, f"collection or view not found: {name}") from error
    return lambda frame: list(collection.documents())


def collection_name(node: Any, scope: Scope) -> str:
    """The name of a collection: written, or given as a bind variable."""
    if isinstance(node, nodes.Name):
        return node.name
    value = bind_value(node, scope)
    if not scope.plan.execute:
        return "@" + node.name
    if not isinstance(value, str) or not value:
        raise ArangoError(1553, f"bind parameter '{node.name}' has an invalid value or type")
    return value


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
    """`value[key]`: of an array by position (negative from the end), of an object by name; null for what is not there."""
    if type(value) is list:
        if type(key) is str and not key.lstrip("-").isdigit():
            return None
        position = int(to_number(key))
        return value[position] if -len(value) <= position < len(value) else None
    if type(value) is dict:
        return value.get(key if type(key) is str else to_string(key))
    return None


@compiles(nodes.Array)
def _array(node: nodes.Array, scope: Scope) -> Expression:
    items = [compile_expression(item, scope) for item in node.items]
    return fold(lambda frame: [item(frame) for item in items], *items)


@compiles(nodes.Object)
def _object(node: nodes.Object, scope: Scope) -> Expression:
    entries = []
    for key, value in node.entries:
        name = constant(key) if isinstance(key, str) else compile_expression(key, scope)
        entries.append((name, compile_expression(value, scope)))
    if all(is_constant(name) for name, _ in entries):
        fixed = [(to_string(name([])), value) for name, value in entries]
        return fold(lambda frame: {name: value(frame) for name, value in fixed}, *(value for _, value in fixed))
    return lambda frame: {to_string(name(frame)): value(frame) for name, value in entries}


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
    left, right = compile_expression(node.left, scope), compile_expression(node.right, scope)
    if node.operator == "AND":
        closure = lambda frame: right(frame) if truth(value := left(frame)) else value  # noqa: E731
    elif node.operator == "OR":
        closure = lambda frame: value if truth(value := left(frame)) else right(frame)  # noqa: E731
    elif node.operator in ("IN", "NOT IN"):
        contained, negated = membership(), node.operator == "NOT IN"
        closure = lambda frame: contained(left(frame), right(frame)) is not negated  # noqa: E731
    elif node.operator in COMPARISONS:
        call = COMPARISONS[node.operator]
        closure = lambda frame: call(left(frame), right(frame))  # noqa: E731
    else:
        return fold(_guarded(ARITHMETIC[node.operator], left, right, scope), left, right)
    return fold(closure, left, right)


def _guarded(call: Callable[[Any, Any], Any], left: Expression, right: Expression, scope: Scope) -> Expression:
    warn = scope.context.warn

    def arithmetic(frame: Frame) -> Any:
        try:
            return call(left(frame), right(frame))
        except AqlWarning as warning:
            warn(warning.number, warning.message)
            return None

    return arithmetic


@compiles(nodes.Ternary)
def _ternary(node: nodes.Ternary, scope: Scope) -> Expression:
    condition, no = compile_expression(node.condition, scope), compile_expression(node.no, scope)
    if node.yes is None:
        return fold(lambda frame: value if truth(value := condition(frame)) else no(frame), condition, no)
    yes = compile_expression(node.yes, scope)
    return fold(lambda frame: yes(frame) if truth(condition(frame)) else no(frame), condition, yes, no)


@compiles(nodes.Quantified)
def _quantified(node: nodes.Quantified, scope: Scope) -> Expression:
    left, right = compile_expression(node.left, scope), compile_expression(node.right, scope)
    if node.operator in ("IN", "NOT IN"):
        contained, negated = membership(), node.operator == "NOT IN"

        def holds(item: Any, other: Any) -> bool:
            return contained(item, other) is not negated
    else:
        holds = COMPARISONS[node.operator]
    enough = quantifier(node.quantifier, scope)

    def quantified(frame: Frame) -> bool:
        items, other = left(frame), right(frame)
        if type(items) is not list:
            return False
        return enough(frame, sum(holds(item, other) for item in items), len(items))

    return quantified


def quantifier(node: Any, scope: Scope) -> Callable[[Frame, int, int], bool]:
    """Whether enough elements satisfied a condition: `(frame, satisfied, elements) -> bool`."""
    if node == "ANY":
        return lambda frame, satisfied, elements: satisfied > 0
    if node == "ALL":
        return lambda frame, satisfied, elements: satisfied == elements
    if node == "NONE":
        return lambda frame, satisfied, elements: satisfied == 0
    if isinstance(node, nodes.AtLeast):
        count = compile_expression(node.count, scope)
        return lambda frame, satisfied, elements: satisfied >= to_number(count(frame))
    if isinstance(node, nodes.Range):
        bounds = range_bounds(node, scope)

        def between(frame: Frame, satisfied: int, elements: int) -> bool:
            low, high = bounds(frame)
            return low <= satisfied <= high

        return between
    exactly = compile_expression(node, scope)
    return lambda frame, satisfied, elements: satisfied == to_number(exactly(frame))


@compiles(nodes.Question)
def _question(node: nodes.Question, scope: Scope) -> Expression:
    base = compile_expression(node.base, scope)
    if node.condition is None:
        return lambda frame: type(value := base(frame)) is list and len(value) > 0
    slot, outer = scope.slot(), scope.current
    scope.current = slot
    condition = compile_expression(node.condition, scope)
    scope.current = outer
    enough = quantifier(node.quantifier, scope)

    def question(frame: Frame) -> bool:
        items = base(frame)
        satisfied = 0
        items = items if type(items) is list else []
        for frame[slot] in items:
            satisfied += truth(condition(frame))
        return enough(frame, satisfied, len(items))

    return question


@compiles(nodes.Expansion)
def _expansion(node: nodes.Expansion, scope: Scope) -> Expression:
    base = compile_expression(node.base, scope)
    slot, outer_current, outer_element = scope.slot(), scope.current, scope.element
    scope.current = slot
    condition = node.condition and compile_expression(node.condition, scope)
    projection = node.projection and compile_expression(node.projection, scope)
    scope.current = outer_current
    limit = node.limit and [compile_expression(part, scope) for part in node.limit]
    element = scope.element = scope.slot()
    tail = None if isinstance(node.tail, nodes.Current) else compile_expression(node.tail, scope)
    scope.element = outer_element

    def expansion(frame: Frame) -> list[Any]:
        items = base(frame)
        if type(items) is not list:
            return []
        for _ in range(node.depth - 1):
            items = [inner for item in items for inner in (item if type(item) is list else [item])]
        if condition is not None:
            kept = []
            for item in items:
                frame[slot] = item
                if truth(condition(frame)):
                    kept.append(item)
            items = kept
        if limit is not None:
            offset, count = (max(0, int(to_number(part(frame)))) for part in limit)
            items = items[offset : offset + count]
        for closure, place in ((projection, slot), (tail, element)):
            if closure is not None:
                results = []
                for item in items:
                    frame[place] = item
                    results.append(closure(frame))
                items = results
        return items

    return expansion


@compiles(nodes.Call)
def _call(node: nodes.Call, scope: Scope) -> Expression:
    function = functions.find(node.name)
    count = len(node.arguments)
    if count < function.least or (function.most is not None and count > function.most):
        most = "*" if function.most is None else function.most
        raise ArangoError(
            1541,
            f"invalid number of arguments for function '{node.name}()', expected number of arguments: "
            f"minimum: {function.least}, maximum: {most}",
        )
    if function.name in _SPECIAL and (special := _SPECIAL[function.name](node, scope)):
        return special
    arguments = [_argument(argument, function, position, scope) for position, argument in enumerate(node.arguments)]
    call, context = function.call, scope.context
    if function.context:
        call = lambda *values: function.call(context, *values)  # noqa: E731
    closure = _invoke(call, arguments, context.warn)
    if not function.deterministic or function.context:
        scope.plan.random = True
        return closure
    return fold(closure, *arguments)


def _argument(node: Any, function: functions.Function, position: int, scope: Scope) -> Expression:
    """An argument; a collection's bare name is its name to the functions that want one."""
    takes_name = (function.name, position) in _COLLECTION_ARGUMENTS
    if takes_name and isinstance(node, nodes.Name) and scope.find(node.name) is None:
        return constant(node.name)
    if takes_name and isinstance(node, nodes.CollectionBind):
        return constant(collection_name(node, scope))
    return compile_expression(node, scope)


_COLLECTION_ARGUMENTS = {
    ("DOCUMENT", 0),
    ("COLLECTION_COUNT", 0),
    ("IS_SAME_COLLECTION", 0),
    ("SCHEMA_GET", 0),
}


def _invoke(call: Callable[..., Any], arguments: list[Expression], warn: Callable[[int, str], None]) -> Expression:
    """A call with evaluated arguments; one and two arguments, the frequent cases, without building a list."""
    if len(arguments) == 1:
        (only,) = arguments

        def one(frame: Frame) -> Any:
            try:
                return call(only(frame))
            except AqlWarning as warning:
                warn(warning.number, warning.message)
                return None

        return one
    if len(arguments) == 2:
        first, second = arguments

        def two(frame: Frame) -> Any:
            try:
                return call(first(frame), second(frame))
            except AqlWarning as warning:
                warn(warning.number, warning.message)
                return None

        return two

    def many(frame: Frame) -> Any:
        try:
            return call(*[argument(frame) for argument in arguments])
        except AqlWarning as warning:
            warn(warning.number, warning.message)
            return None

    return many


def _not_null(node: nodes.Call, scope: Scope) -> Expression:
    """NOT_NULL evaluates only as many arguments as it needs."""
    arguments = [compile_expression(argument, scope) for argument in node.arguments]

    def closure(frame: Frame) -> Any:
        for argument in arguments:
            if (value := argument(frame)) is not None:
                return value
        return None

    return fold(closure, *arguments)


def _length(node: nodes.Call, scope: Scope) -> Expression | None:
    """LENGTH of a collection is its count, without reading its documents."""
    (argument,) = node.arguments
    if isinstance(argument, nodes.Name) and (scope.find(argument.name) is not None or argument.name == "CURRENT"):
        return None
    if not isinstance(argument, (nodes.Name, nodes.CollectionBind)) or not scope.plan.execute:
        return None
    collection = scope.context.collection(collection_name(argument, scope))
    scope.plan.read.add(collection.name)
    scope.plan.random = True
    return lambda frame: collection.count()


_SPECIAL: dict[str, Callable[[nodes.Call, Scope], Expression | None]] = {"NOT_NULL": _not_null, "LENGTH": _length}
"""Functions that are more than a call with evaluated arguments."""


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
