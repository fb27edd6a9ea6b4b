"""The parts of a parsed AQL query. Names follow ArangoDB's documentation of the language."""

import dataclasses
from collections.abc import Iterator
from typing import Any

node = dataclasses.dataclass(frozen=True, slots=True, eq=False)


@node
class Literal:
    """A constant."""

    value: Any


@node
class TooLarge:
    """A number that is written out but that no double can hold: null, with a warning."""


@node
class Name:
    """A variable, or a collection where no variable has this name."""

    name: str


@node
class Variable(Name):
    """A name that no collection can stand for, as in `{name}`."""


@node
class Bind:
    """A value given with the query: `@name`."""

    name: str


@node
class CollectionBind:
    """A collection's name given with the query: `@@name`."""

    name: str


@node
class Attribute:
    """`base.name`."""

    base: Any
    name: str


@node
class BoundAttribute:
    """`base.@name`: the name, or an array of names that lead to an attribute deeper down, is a bind variable's value."""

    base: Any
    name: Bind


@node
class Index:
    """`base[key]`, of an array or an object."""

    base: Any
    key: Any


@node
class Expansion:
    """`base[* FILTER … LIMIT … RETURN …].tail`; `depth` stars flatten depth - 1 levels. `tail` reads Current."""

    base: Any
    depth: int
    condition: Any
    limit: tuple[Any, Any] | None
    projection: Any
    tail: Any


@node
class Current:
    """The element that the accessors behind an expansion are applied to."""


@node
class Question:
    """`base[? quantifier FILTER condition]`; quantifier is ANY, ALL, NONE, a count or range, or AtLeast.

    `depth` question marks flatten depth - 1 levels.
    """

    base: Any
    depth: int
    quantifier: Any
    condition: Any


@node
class AtLeast:
    """`AT LEAST (count)`."""

    count: Any


@node
class Group:
    """An expression in parentheses: accessors behind it are not chained with an expansion inside."""

    inner: Any


@node
class Array:
    """`[items]`."""

    items: list[Any]


@node
class Object:
    """`{key: value}`; keys are strings or expressions."""

    entries: list[tuple[Any, Any]]


@node
class Call:
    """`NAME(arguments)`."""

    name: str
    arguments: list[Any]


@node
class Unary:
    """`+`, `-` or `NOT`."""

    operator: str
    operand: Any


@node
class Binary:
    """Arithmetic, comparison, IN, AND, OR; operators in upper case."""

    operator: str
    left: Any
    right: Any


@node
class Quantified:
    """`left ANY|ALL|NONE|AT LEAST (n) operator right`."""

    quantifier: Any
    operator: str
    left: Any
    right: Any


@node
class Ternary:
    """`condition ? yes : no`; yes is None in `condition ?: no`."""

    condition: Any
    yes: Any
    no: Any


@node
class Range:
    """`low..high`."""

    low: Any
    high: Any


@node
class Query:
    """Statements in order. As an expression it is a subquery."""

    statements: list[Any]


@node
class With:
    """`WITH collections` in front of a query: they must exist."""

    collections: list[Any]


@node
class ArrayPattern:
    """`[a, , b]` on the left of LET or FOR; None leaves an element out."""

    items: list[Any]


@node
class ObjectPattern:
    """`{a, b: pattern}` on the left of LET or FOR."""

    properties: list[tuple[str, Any]]


@node
class For:
    """`FOR variable IN source`."""

    variable: Any
    source: Any
    search: Any
    options: Any


@node
class Graph:
    """Where a walk finds its edges: a graph's name (an expression) or edge collections, each with a direction or None."""

    name: Any
    edges: list[tuple[str | None, Any]]


@node
class Traversal:
    """`FOR vertex, edge, path IN depth direction start graph PRUNE … OPTIONS …`."""

    variables: list[str]
    depth: Any
    direction: str
    start: Any
    graph: Graph
    prune: tuple[str | None, Any] | None
    options: Any


@node
class Paths:
    """`FOR … IN direction SHORTEST_PATH start TO target graph`, and the other searches for paths."""

    kind: str
    variables: list[str]
    depth: Any
    direction: str
    start: Any
    target: Any
    graph: Graph
    options: Any


@node
class Filter:
    """`FILTER condition`."""

    condition: Any


@node
class Let:
    """`LET variable = value`."""

    variable: Any
    value: Any


@node
class Sort:
    """`SORT expression direction, …`; the direction is "ASC", "DESC" or an expression."""

    keys: list[tuple[Any, Any]]


@node
class Limit:
    """`LIMIT offset, count`."""

    offset: Any
    count: Any


@node
class Collect:
    """`COLLECT groups AGGREGATE aggregates INTO into = expression KEEP keep`, or `WITH COUNT INTO count`."""

    groups: list[tuple[str, Any]]
    aggregates: list[tuple[str, Any]]
    into: str | None
    projection: Any
    keep: list[str] | None
    count: str | None
    options: Any


@node
class Window:
    """`WINDOW …`."""


@node
class Return:
    """`RETURN value`."""

    distinct: bool
    value: Any


@node
class Insert:
    """`INSERT document INTO collection`."""

    document: Any
    collection: Any
    options: Any


@node
class Update:
    """`UPDATE selector WITH patch IN collection`; REPLACE too. Without WITH the selector is the patch."""

    replace: bool
    selector: Any
    patch: Any
    collection: Any
    options: Any


@node
class Remove:
    """`REMOVE selector IN collection`."""

    selector: Any
    collection: Any
    options: Any


@node
class Upsert:
    """`UPSERT example INSERT document UPDATE|REPLACE patch IN collection`; the example may be a Filter on CURRENT."""

    example: Any
    document: Any
    replace: bool
    patch: Any
    collection: Any
    options: Any


CHANGES = (Insert, Update, Remove, Upsert)
"""The statements that change documents."""


def parts(of: Any) -> Iterator[Any]:
    """The nodes that a node, a list or a tuple consists of, not those within them."""
    waiting = [getattr(of, field) for field in of.__dataclass_fields__] if is_node(of) else [of]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, tuple)):
            waiting.extend(part)
        elif is_node(part):
            yield part


def walk(of: Any) -> Iterator[Any]:
    """A node, or those of a list or a tuple, and everything within."""
    waiting = [of] if is_node(of) else list(parts(of))
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(parts(part))


def is_node(value: Any) -> bool:
    """Whether a value is a part of a query, and not a name or a number in one."""
    return hasattr(value, "__dataclass_fields__")
