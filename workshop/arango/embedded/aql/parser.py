"""From the text of an AQL query to its parts (`nodes`), with ArangoDB's errors for what is no AQL."""

import functools
import re
from pathlib import Path
from typing import Any

import lark

from workshop.arango.embedded.aql import nodes
from workshop.arango.embedded.errors import ArangoError

RESERVED = frozenset(
    [
        "aggregate",
        "all",
        "all_shortest_paths",
        "and",
        "any",
        "asc",
        "collect",
        "desc",
        "distinct",
        "false",
        "filter",
        "for",
        "graph",
        "in",
        "inbound",
        "insert",
        "into",
        "k_paths",
        "k_shortest_paths",
        "let",
        "like",
        "limit",
        "none",
        "not",
        "null",
        "or",
        "outbound",
        "remove",
        "replace",
        "return",
        "shortest_path",
        "sort",
        "true",
        "update",
        "upsert",
        "window",
        "with",
    ]
)
MAXIMAL_LENGTH = 1 << 20
"""Characters that a query may have."""
MAXIMAL_NESTING = 100
"""Brackets that may be open at the same time; deeper expressions would exhaust Python's stack."""
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def parse(text: str) -> nodes.Query:
    """Parse a query.

    Raises:
        ArangoError: 1501 with line and column for what is no AQL, 1502 for an empty query.
    """
    if not text.strip():
        raise ArangoError(1502)
    if len(text) > MAXIMAL_LENGTH:
        raise ArangoError(1501, f"the query is longer than {MAXIMAL_LENGTH} characters")
    _check_nesting(text)
    try:
        return _grammar().parse(text)
    except lark.exceptions.VisitError as error:
        if isinstance(error.orig_exc, ArangoError):
            raise error.orig_exc from None
        raise
    except lark.exceptions.UnexpectedToken as error:
        if error.token.type == "$END":
            raise _syntax_error("unexpected end of query string", *_end(text)) from None
        raise _syntax_error(f"unexpected '{str(error.token)[:40]}'", error.line, error.column) from None
    except lark.exceptions.UnexpectedCharacters as error:
        raise _syntax_error(f"unexpected '{text[error.pos_in_stream]}'", error.line, error.column) from None


def _syntax_error(what: str, line: int, column: int) -> ArangoError:
    return ArangoError(1501, f"syntax error, {what} at position {line}:{column}")


def _end(text: str) -> tuple[int, int]:
    """Line and column of the last character, both from 1."""
    text = text.rstrip()
    return text.count("\n") + 1, len(text) - text.rfind("\n") - 1


def _check_nesting(text: str) -> None:
    depth = 0
    for token in re.finditer(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[()\[\]{}]""", text, re.DOTALL):
        symbol = token[0]
        depth += (symbol in "([{") - (symbol in ")]}")
        if depth > MAXIMAL_NESTING:
            line, column = _end(text[: token.start()])
            raise ArangoError(1524, f"nested deeper than {MAXIMAL_NESTING} brackets at position {line}:{column}")


@functools.cache
def _grammar() -> lark.Lark:
    path = Path(__file__).with_name("grammar.lark")
    return lark.Lark(path.read_text(), parser="lalr", transformer=_Builder(), maybe_placeholders=True)


def unquote(text: str) -> str:
    r"""The content of a quoted string or name: `\n` and the like, `\uXXXX`; any other escaped character is itself."""
    if "\\" not in text:
        return text[1:-1]
    text = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", _escape, text[1:-1], flags=re.DOTALL)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _escape(match: re.Match[str]) -> str:
    escaped = match[1]
    if len(escaped) == 5:
        return chr(int(escaped[1:], 16))
    return ESCAPES.get(escaped, escaped)


def _chain(base: Any, accessor: Any) -> Any:
    """Apply an accessor: behind an expansion it goes to each element."""
    if isinstance(base, nodes.Expansion):
        tail = _chain(base.tail, accessor)
        return nodes.Expansion(base.base, base.depth, base.condition, base.limit, base.projection, tail)
    return accessor(base)


class _Builder(lark.Transformer):
    """Builds nodes; each method is called with the parts of the grammar rule of its name."""

    def IDENT(self, token: lark.Token) -> str:
        if token[0] in "`´":
            return unquote(token)
        if token.lower() in RESERVED:
            raise _syntax_error(f"unexpected keyword '{token}'", token.line, token.column)
        return str(token)

    def STRING(self, token: lark.Token) -> str:
        return unquote(token)

    def BIND(self, token: lark.Token) -> nodes.Bind:
        return nodes.Bind(token[1:])

    def COLLECTION_BIND(self, token: lark.Token) -> nodes.CollectionBind:
        return nodes.CollectionBind(token[2:])

    def start(self, parts):
        return parts[-1]

    def query(self, parts):
        flat = []
        for part in parts:
            flat.extend(part if isinstance(part, list) else [part])
        return nodes.Query(flat)

    def with_(self, parts):
        return None

    # Statements

    def for_(self, parts):
        _, variables, _, source, *rest = parts
        if len(variables) != 1:
            raise ArangoError(1501, "Collections and views FOR loops only allow a single return variable")
        search = next((part[1] for part in rest if part[0] == "search"), None)
        return nodes.For(variables[0], source, search, _options(rest))

    def search(self, parts):
        return ("search", parts[1])

    def options(self, parts):
        return ("options", parts[1])

    def filter_(self, parts):
        return nodes.Filter(parts[1])

    def let_(self, parts):
        return list(parts[1:])

    def binding(self, parts):
        return nodes.Let(*parts)

    def variable(self, parts):
        return parts[0]

    def array_pattern(self, parts):
        return nodes.ArrayPattern(list(parts))

    def object_pattern(self, parts):
        return nodes.ObjectPattern(list(parts))

    def property(self, parts):
        return (parts[0], parts[1] if len(parts) > 1 else parts[0])

    def assignment(self, parts):
        return tuple(parts)

    def sort_(self, parts):
        return nodes.Sort(list(parts[1:]))

    def sort_element(self, parts):
        return (parts[0], parts[1] if len(parts) > 1 else "ASC")

    def direction(self, parts):
        part = parts[0]
        if isinstance(part, lark.Token):
            return part.upper()
        return nodes.Literal(part) if isinstance(part, str) else part

    def limit_(self, parts):
        return nodes.Limit(*parts[1:]) if len(parts) == 3 else nodes.Limit(nodes.Literal(0), parts[1])

    def return_(self, parts):
        return nodes.Return(len(parts) == 3, parts[-1])

    def window(self, parts):
        return nodes.Window()

    def collect_(self, parts):
        given = dict(part for part in parts[1:] if part is not None)
        if not {"groups", "aggregates", "count"} & given.keys():
            raise ArangoError(1501, "syntax error, COLLECT needs groups, AGGREGATE or WITH COUNT INTO")
        if given.get("count") and "aggregates" in given:
            raise ArangoError(1501, "syntax error, unexpected WITH COUNT INTO behind AGGREGATE")
        into, projection = given.get("into", (None, None))
        return nodes.Collect(
            given.get("groups", []),
            given.get("aggregates", []),
            into,
            projection,
            given.get("keep"),
            given.get("count"),
            given.get("options"),
        )

    def groups(self, parts):
        return ("groups", list(parts))

    def aggregate(self, parts):
        return ("aggregates", list(parts[1:]))

    def into(self, parts):
        return ("into", (parts[1], parts[2] if len(parts) > 2 else None))

    def keep(self, parts):
        return ("keep", list(parts[1:]))

    def count_into(self, parts):
        return ("count", parts[3])

    def insert(self, parts):
        return nodes.Insert(parts[1], parts[3], _options(parts[4:]))

    def remove(self, parts):
        return nodes.Remove(parts[1], parts[3], _options(parts[4:]))

    def update(self, parts):
        return self._update(False, parts)

    def replace(self, parts):
        return self._update(True, parts)

    def _update(self, replace, parts):
        parts = list(parts)
        options = _options(parts)
        parts = [part for part in parts if not isinstance(part, (lark.Token, tuple))]
        selector, *patch, collection = parts
        return nodes.Update(replace, selector, patch[0] if patch else None, collection, options)

    def upsert(self, parts):
        _, example, _, document, kind, patch, _, collection, *rest = parts
        return nodes.Upsert(example, document, kind.type == "REPLACE", patch, collection, _options(rest))

    # Graphs

    def variables(self, parts):
        return list(parts)

    def way(self, parts):
        return parts[0].upper()

    def path_kind(self, parts):
        return parts[0].upper()

    def named_graph(self, parts):
        name = parts[1]
        return nodes.Graph(nodes.Literal(name) if isinstance(name, str) else name, [])

    def edge_collections(self, parts):
        return nodes.Graph(None, list(parts))

    def edge_source(self, parts):
        return (parts[0] if len(parts) == 2 else None, parts[-1])

    def prune(self, parts):
        return ("prune", (parts[1] if len(parts) == 3 else None, parts[-1]))

    def traversal(self, parts):
        _, variables, _, *rest = parts
        depth = None if isinstance(rest[0], str) else rest.pop(0)
        direction, start, graph, *rest = rest
        _names(variables, 3, "Traversals only have one, two or three return variables")
        prune = next((part[1] for part in rest if part[0] == "prune"), None)
        return nodes.Traversal(variables, depth, direction, start, graph, prune, _options(rest))

    def paths(self, parts):
        _, variables, _, *rest = parts
        depth = None if isinstance(rest[0], str) else rest.pop(0)
        direction, kind, start, _, target, graph, *rest = rest
        _names(variables, 2 if kind == "SHORTEST_PATH" else 1, f"{kind} has too many return variables")
        return nodes.Paths(kind, variables, depth, direction, start, target, graph, _options(rest))

    # Expressions

    def ternary(self, parts):
        return nodes.Ternary(*parts)

    def elvis(self, parts):
        return nodes.Ternary(parts[0], None, parts[1])

    def binary(self, parts):
        return nodes.Binary(_operator(parts[1]), parts[0], parts[2])

    def quantified(self, parts):
        left, quantifier, operator, right = parts
        if isinstance(quantifier, lark.Token):
            quantifier = quantifier.upper()
        return nodes.Quantified(quantifier, _operator(operator), left, right)

    def at_least(self, parts):
        return nodes.AtLeast(parts[1])

    def match(self, parts):
        left, *operators, right = parts
        kinds = [operator.type for operator in operators]
        call = nodes.Call("LIKE" if "LIKE" in kinds else "REGEX_TEST", [left, right])
        negated = ("NOT" in kinds) != ("MATCHES_NOT" in kinds)
        return nodes.Unary("NOT", call) if negated else call

    def range(self, parts):
        return nodes.Range(*parts)

    def unary(self, parts):
        return nodes.Unary(_operator(parts[0]), parts[1])

    def attribute(self, parts):
        return _chain(parts[0], lambda base: nodes.Attribute(base, parts[1]))

    bound_attribute = index = lambda self, parts: _chain(parts[0], lambda base: nodes.Index(base, parts[1]))

    def expansion(self, parts):
        base, depth, *rest = parts
        given = dict(part for part in rest if part is not None)
        if depth > 1 and isinstance(base, nodes.Expansion):
            base = nodes.Group(base)
        return _chain(
            base,
            lambda inner: nodes.Expansion(
                inner, depth, given.get("filter"), given.get("limit"), given.get("return"), nodes.Current()
            ),
        )

    def stars(self, parts):
        return len(parts)

    def inline_filter(self, parts):
        return ("filter", parts[1])

    def inline_limit(self, parts):
        return ("limit", tuple(parts[1:]) if len(parts) == 3 else (nodes.Literal(0), parts[1]))

    def inline_return(self, parts):
        return ("return", parts[1])

    def question(self, parts):
        quantifier, condition = parts[2] if len(parts) > 2 and parts[2] else (None, None)
        return _chain(parts[0], lambda base: nodes.Question(base, quantifier, condition))

    def question_filter(self, parts):
        quantifier = parts[0] if len(parts) == 3 else "ANY"
        return (quantifier.upper() if isinstance(quantifier, str) else quantifier, parts[-1])

    def null(self, parts):
        return nodes.Literal(None)

    def true(self, parts):
        return nodes.Literal(True)

    def false(self, parts):
        return nodes.Literal(False)

    def integer(self, parts):
        value = int(parts[0], 0)
        return nodes.Literal(value if value < 1 << 63 else float(value))

    def float(self, parts):
        value = float(parts[0])
        if value in (float("inf"), float("-inf")):
            raise ArangoError(1504)
        return nodes.Literal(value)

    def string(self, parts):
        return nodes.Literal(parts[0])

    def name(self, parts):
        return nodes.Name(parts[0])

    def bind(self, parts):
        return parts[0]

    collection_bind = bind

    def function_name(self, parts):
        return "::".join(parts).upper()

    def call(self, parts):
        return nodes.Call(parts[0], [part for part in parts[1:] if part is not None])

    def group(self, parts):
        return nodes.Group(parts[0]) if isinstance(parts[0], nodes.Expansion) else parts[0]

    def subquery(self, parts):
        return parts[0]

    def array(self, parts):
        return nodes.Array([part for part in parts if part is not None])

    def object(self, parts):
        return nodes.Object([part for part in parts if part is not None])

    def short_entry(self, parts):
        return (parts[0], nodes.Name(parts[0]))

    named_entry = bound_entry = computed_entry = assignment


def _options(parts: list[Any]) -> Any:
    return next((part[1] for part in parts if isinstance(part, tuple) and part[0] == "options"), None)


def _operator(token: lark.Token) -> str:
    """An operator as the compiler knows it: symbols as written, words in upper case with one space."""
    return {"AND": "AND", "OR": "OR", "NOT": "NOT", "NOT_IN": "NOT IN", "IN": "IN"}.get(token.type, str(token))


def _names(variables: list[Any], most: int, message: str) -> None:
    if len(variables) > most or not all(isinstance(variable, str) for variable in variables):
        raise ArangoError(1501, message)
