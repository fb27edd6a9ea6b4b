"""Operators on the elements of arrays: `[* …]`, `[? …]`, and comparisons with ALL, ANY, NONE and AT LEAST."""

from collections.abc import Callable
from typing import Any

from workshop.arango.embedded.aql import nodes
from workshop.arango.embedded.aql.expressions import comparison, range_bounds
from workshop.arango.embedded.aql.operators import truth
from workshop.arango.embedded.aql.plan import Expression, Frame, Scope, compile_expression, compiles
from workshop.arango.embedded.aql.values import to_number


@compiles(nodes.Quantified)
def _quantified(node: nodes.Quantified, scope: Scope) -> Expression:
    left, right = compile_expression(node.left, scope), compile_expression(node.right, scope)
    holds, enough = comparison(node.operator), _quantifier(node.quantifier, scope)
    needs_array = node.operator in ("IN", "NOT IN")

    def quantified(frame: Frame) -> bool:
        items, other = left(frame), right(frame)
        if type(items) is not list or (needs_array and type(other) is not list):
            return False
        return enough(frame, sum(holds(item, other) for item in items), len(items))

    return quantified


def _quantifier(node: Any, scope: Scope) -> Callable[[Frame, int, int], bool]:
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
        return lambda frame: type(value := base(frame)) is list and len(_flattened(value, node.depth)) > 0
    slot, outer = scope.slot(), scope.current
    scope.current = slot
    condition = compile_expression(node.condition, scope)
    scope.current = outer
    enough = _quantifier(node.quantifier, scope)

    def question(frame: Frame) -> bool:
        items = base(frame)
        if type(items) is not list:
            return False
        items = _flattened(items, node.depth)
        satisfied = 0
        for frame[slot] in items:
            satisfied += truth(condition(frame))
        return enough(frame, satisfied, len(items))

    return question


def _flattened(items: list[Any], depth: int) -> list[Any]:
    """The elements with depth - 1 levels of arrays resolved."""
    for _ in range(depth - 1):
        items = [inner for item in items for inner in (item if type(item) is list else [item])]
    return items


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
        items = _flattened(items, node.depth)
        if condition is not None:
            kept = []
            for item in items:
                frame[slot] = item
                if truth(condition(frame)):
                    kept.append(item)
            items = kept
        if limit is not None:
            offset, count = (int(to_number(part(frame))) for part in limit)
            items = items[offset : offset + count] if offset >= 0 and count > 0 else []
        for closure, place in ((projection, slot), (tail, element)):
            if closure is not None:
                results = []
                for item in items:
                    frame[place] = item
                    results.append(closure(frame))
                items = results
        return items

    return expansion
