"""What the rules of the grammar become: `nodes`."""

import re
from typing import Any

import lark

from workshop.arango.embedded.aql import nodes

DECLARATIONS = ("FOR", "LET", "FILTER", "RETURN", "COLLECT", "SORT", "LIMIT", "WINDOW")
COMMANDS = ("INSERT", "UPDATE", "REPLACE", "REMOVE", "UPSERT")
KEYWORDS = (
    *("AGGREGATE", "ALL_SHORTEST_PATHS", "ASC", "DESC", "GRAPH", "IN", "INTO", "K_PATHS", "K_SHORTEST_PATHS"),
    *("SHORTEST_PATH", "WITH"),
)
RESERVED = {
    **{word.lower(): f"{word} declaration" for word in DECLARATIONS},
    **{word.lower(): f"{word} command" for word in COMMANDS},
    **{word.lower(): f"{word} keyword" for word in KEYWORDS},
    **{word: f"{word} modifier" for word in ("all", "any", "inbound", "none", "outbound")},
    **{word: f"{word} operator" for word in ("and", "like", "not", "or")},
    **{word: word for word in ("false", "null", "true")},
    "distinct": "DISTINCT modifier",
}
"""Words that are no names unless in backticks, as ArangoDB calls them in its messages."""
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def builder() -> lark.Transformer:
    """What gives the parser a node for each rule; raises Wrong."""
    return _Builder()


class Wrong(Exception):
    """What is wrong with a query's text, and the token where; None for its end."""

    def __init__(self, what: str, token: lark.Token | None = None):
        super().__init__(what)
        self.token = token


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
            raise Wrong(f"syntax error, unexpected {RESERVED[token.lower()]}", token)
        return str(token)

    def STRING(self, token: lark.Token) -> str:
        return unquote(token)

    def BIND(self, token: lark.Token) -> nodes.Bind:
        return nodes.Bind(token[1:])

    def COLLECTION_BIND(self, token: lark.Token) -> nodes.CollectionBind:
        return nodes.CollectionBind(token[2:])

    def start(self, parts):
        if len(parts) == 1:
            return parts[0]
        return nodes.Query([parts[0], *parts[1].statements])

    def query(self, parts):
        flat = []
        for part in parts:
            flat.extend(part if isinstance(part, list) else [part])
        return nodes.Query(flat)

    def with_(self, parts):
        return nodes.With(parts[1:])

    # Statements

    def for_(self, parts):
        token, variables, _, source, *rest = parts
        if len(variables) != 1:
            raise Wrong("Collections and views FOR loops only allow a single return variable", token)
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
        return nodes.ObjectPattern([part for part in parts if part is not None])

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
        return part.upper() if isinstance(part, lark.Token) else part

    def limit_(self, parts):
        return nodes.Limit(*parts[1:]) if len(parts) == 3 else nodes.Limit(nodes.Literal(0), parts[1])

    def return_(self, parts):
        return nodes.Return(len(parts) == 3, parts[-1])

    def window(self, parts):
        return nodes.Window()

    def collect_(self, parts):
        given = dict(part for part in parts[1:] if part is not None)
        if not {"groups", "aggregates", "count"} & given.keys():
            raise Wrong("syntax error, COLLECT needs groups, AGGREGATE or WITH COUNT INTO", parts[0])
        if "count" in given and "aggregates" in given:
            raise Wrong("syntax error, unexpected WITH COUNT INTO behind AGGREGATE", parts[0])
        if "keep" in given and "aggregates" in given:
            raise Wrong("syntax error, unexpected KEEP behind AGGREGATE", parts[0])
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
        token, variables, _, *rest = parts
        depth = None if isinstance(rest[0], str) else rest.pop(0)
        direction, start, graph, *rest = rest
        _names(token, variables, 3, "Traversal", "Traversals only have one, two or three return variables")
        prune = next((part[1] for part in rest if part[0] == "prune"), None)
        return nodes.Traversal(variables, depth, direction, start, graph, prune, _options(rest))

    def paths(self, parts):
        token, variables, _, *rest = parts
        depth = None if isinstance(rest[0], str) else rest.pop(0)
        direction, kind, start, _, target, graph, *rest = rest
        if depth is not None and kind != "K_PATHS":
            raise Wrong(f"syntax error, unexpected {kind} keyword behind a depth", token)
        if kind == "SHORTEST_PATH":
            _names(token, variables, 2, kind, "SHORTEST_PATH must have one or two return variables")
        else:
            _names(token, variables, 1, kind, f"{kind} only has one return variable")
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
        return nodes.Quantified(quantifier, _operator(operator), left, right)

    def quantifier(self, parts):
        return parts[0].upper() if len(parts) == 1 else nodes.AtLeast(parts[1])

    def match(self, parts):
        left, (function, negated), right = parts
        call = nodes.Call(function, [left, right])
        return nodes.Unary("NOT", call) if negated else call

    def quantified_match(self, parts):
        left, quantifier, *operator = parts
        return nodes.Question(left, 1, quantifier, self.match([nodes.Name("$CURRENT"), *operator]))

    def pattern_operator(self, parts):
        kinds = [token.type for token in parts]
        return "LIKE" if "LIKE" in kinds else "REGEX_TEST", ("NOT" in kinds) != ("MATCHES_NOT" in kinds)

    def range(self, parts):
        return nodes.Range(*parts)

    def unary(self, parts):
        return nodes.Unary(_operator(parts[0]), parts[1])

    def attribute(self, parts):
        return _chain(parts[0], lambda base: nodes.Attribute(base, parts[1]))

    def bound_attribute(self, parts):
        return _chain(parts[0], lambda base: nodes.BoundAttribute(base, parts[1]))

    def index(self, parts):
        return _chain(parts[0], lambda base: nodes.Index(base, parts[1]))

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

    questions = stars

    def inline_filter(self, parts):
        return ("filter", parts[1])

    def inline_limit(self, parts):
        return ("limit", tuple(parts[1:]) if len(parts) == 3 else (nodes.Literal(0), parts[1]))

    def inline_return(self, parts):
        return ("return", parts[1])

    def question(self, parts):
        base, depth, *condition = parts
        if depth > 1 and isinstance(base, nodes.Expansion):
            base = nodes.Group(base)
        quantifier, condition = condition[0] if condition and condition[0] else (None, None)
        return _chain(base, lambda inner: nodes.Question(inner, depth, quantifier, condition))

    def question_filter(self, parts):
        return (parts[0] if len(parts) == 3 else "ANY", parts[-1])

    def null(self, parts):
        return nodes.Literal(None)

    def true(self, parts):
        return nodes.Literal(True)

    def false(self, parts):
        return nodes.Literal(False)

    def integer(self, parts):
        digits = str(parts[0])
        # Digits beyond a double's range need not be read, which takes Python long for very many.
        value = int(digits, 0) if len(digits) < 40 else float(digits)
        if isinstance(value, int) and value < 1 << 63:
            return nodes.Literal(value)
        return self.float([value])

    def float(self, parts):
        value = float(parts[0])
        return nodes.TooLarge() if value == float("inf") else nodes.Literal(value)

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
        return (parts[0], nodes.Variable(parts[0]))

    def computed_entry(self, parts):
        return (nodes.Group(parts[0]), parts[1])

    named_entry = bound_entry = assignment


def _options(parts: list[Any]) -> Any:
    return next((part[1] for part in parts if isinstance(part, tuple) and part[0] == "options"), None)


def _operator(token: lark.Token) -> str:
    """An operator as the compiler knows it: symbols as written, words in upper case with one space."""
    return {"AND": "AND", "OR": "OR", "NOT": "NOT", "NOT_IN": "NOT IN", "IN": "IN"}.get(token.type, str(token))


def _names(token: lark.Token, variables: list[Any], most: int, kind: str, message: str) -> None:
    if not all(isinstance(variable, str) for variable in variables):
        raise Wrong(f"{kind} does not support array/object destructuring", token)
    if len(variables) > most:
        raise Wrong(message, token)
