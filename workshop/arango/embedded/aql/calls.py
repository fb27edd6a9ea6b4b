"""Calls of functions."""

from collections.abc import Callable
from typing import Any

from workshop.arango.embedded.aql import functions, nodes
from workshop.arango.embedded.aql.expressions import collection_name, collection_of, is_collection
from workshop.arango.embedded.aql.plan import Expression, Frame, Scope, compile_expression, compiles, constant, fold, invoke
from workshop.arango.embedded.errors import ArangoError


@compiles(nodes.Call)
def _call(node: nodes.Call, scope: Scope) -> Expression:
    if "::" in node.name:
        raise ArangoError(1582, f"user function '{node.name}()' not found")
    function = functions.find(node.name)
    count = len(node.arguments)
    if count < function.least or (function.most is not None and count > function.most):
        most = "*" if function.most is None else function.most
        raise ArangoError(
            1541,
            f"invalid number of arguments for function '{node.name}()', expected number of arguments: "
            f"minimum: {function.least}, maximum: {most}",
        )
    if function.name == "DOCUMENT":
        scope.plan.forbid_after_change("function DOCUMENT")
    if function.name in _SPECIAL and (special := _SPECIAL[function.name](node, scope)):
        return special
    arguments = [_argument(argument, function, position, scope) for position, argument in enumerate(node.arguments)]
    call, context = function.call, scope.context
    if function.context:
        call = lambda *values: function.call(context, *values)  # noqa: E731
    closure = invoke(call, arguments, context.warn)
    scope.plan.random |= not function.deterministic
    if not function.deterministic or function.context:
        return closure
    return fold(closure, *arguments)


def _argument(node: Any, function: functions.Function, position: int, scope: Scope) -> Expression:
    """An argument; a collection's bare name is its name to the functions that want one."""
    takes_name = (function.name, position) in _COLLECTION_ARGUMENTS
    if takes_name and is_collection(node, scope):
        return constant(collection_name(node, scope))
    return compile_expression(node, scope)


_COLLECTION_ARGUMENTS = {
    ("DOCUMENT", 0),
    ("COLLECTION_COUNT", 0),
    ("IS_SAME_COLLECTION", 0),
    ("SCHEMA_GET", 0),
}


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
    if not is_collection(argument, scope):
        return None
    name, collection = collection_of(argument, scope)
    scope.plan.reads(name)
    return lambda frame: collection.count()


_SPECIAL: dict[str, Callable[[nodes.Call, Scope], Expression | None]] = {
    "COUNT": _length,
    "LENGTH": _length,
    "NOT_NULL": _not_null,
}
"""Functions that are more than a call with evaluated arguments."""
