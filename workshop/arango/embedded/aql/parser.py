"""From the text of an AQL query to its parts (`nodes`), with ArangoDB's errors for what is no AQL."""

import functools
import re
from pathlib import Path
from typing import Any

import lark

from workshop.arango.embedded.aql import nodes
from workshop.arango.embedded.aql.builder import RESERVED, Wrong, builder
from workshop.arango.embedded.errors import ArangoError

TOKENS = {
    "IDENT": "identifier",
    "STRING": "quoted string",
    "INTEGER": "integer number",
    "FLOAT": "number",
    "BIND": "bind parameter",
    "COLLECTION_BIND": "bind data source parameter",
}
MAXIMAL_LENGTH = 1 << 20
"""Characters that a query may have."""
MAXIMAL_NESTING = 500
"""Expressions and brackets within each other: ArangoDB's own limit."""
SNIPPET = 32
"""Characters of the query that an error message quotes."""
PIECES = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)"""
    r"""|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|´(?:\\.|[^´\\])*´"""
    r"""|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<text>["'])|(?P<name>[`´])|(?P<multi>/\*)""",
    re.DOTALL,
)
UNTERMINATED = {"text": "string literal", "name": "identifier", "multi": "multi-line comment"}


def parse(text: str) -> nodes.Query:
    """Parse a query.

    Raises:
        ArangoError: 1501 with line and column for what is no AQL, 1502 for an empty query, 1524 for one nested too deeply.
    """
    if not text:
        raise ArangoError(1502)
    if len(text) > MAXIMAL_LENGTH:
        raise ArangoError(1501, f"syntax error, the query is longer than {MAXIMAL_LENGTH} characters")
    blanked = _without_comments(text)
    try:
        query = _grammar().parse(blanked)
    except Wrong as error:
        place = len(text) if error.token is None else error.token.start_pos
        raise _syntax_error(text, str(error), place) from None
    except lark.exceptions.UnexpectedToken as error:
        if error.token.type == "$END":
            raise _syntax_error(text, "syntax error, unexpected end of query string", len(text)) from None
        raise _syntax_error(text, f"syntax error, unexpected {_called(error.token)}", error.token.start_pos) from None
    except lark.exceptions.UnexpectedCharacters as error:
        what = f"syntax error, unexpected '{text[error.pos_in_stream]}'"
        raise _syntax_error(text, what, error.pos_in_stream) from None
    _check_depth(query)
    return query


def _called(token: lark.Token) -> str:
    """A token as ArangoDB's messages call it."""
    word = str(token)
    if token.type in TOKENS:
        return TOKENS[token.type]
    if word == "=":
        return "assignment"
    if word.lower() in RESERVED:
        return RESERVED[word.lower()]
    return f"'{word[:SNIPPET]}'" if re.match(r"\w|[(){}\[\],:?.]", word) else f"{word} operator"


def _syntax_error(text: str, what: str, place: int) -> ArangoError:
    """1501 with what stands at the place, its line and its column, both from 1."""
    before, rest = text[:place], text[place:]
    line, column = before.count("\n") + 1, place - before.rfind("\n")
    near = rest[:SNIPPET] + ("..." if len(rest) > SNIPPET else "")
    return ArangoError(1501, f"{what} near '{near}' at position {line}:{column}")


def _without_comments(text: str) -> str:
    """The text with blanks for comments. Raises 1501 for what has no end, 1524 for too many brackets in each other."""
    depth = 0

    def blank(match: re.Match[str]) -> str:
        nonlocal depth
        kind = match.lastgroup
        if kind in UNTERMINATED:
            raise _syntax_error(text, f"unexpected unterminated {UNTERMINATED[kind]}", match.start())
        depth += (kind == "open") - (kind == "close")
        if depth > MAXIMAL_NESTING:
            raise ArangoError(1524)
        return re.sub(r"[^\n]", " ", match[0]) if kind == "comment" else match[0]

    return PIECES.sub(blank, text)


def _check_depth(query: nodes.Query) -> None:
    """1524 when expressions are nested too deeply; the compiler goes down into them recursively."""
    level: list[Any] = [query]
    for _ in range(MAXIMAL_NESTING):
        if not level:
            return
        level = [part for node in level for part in nodes.parts(node)]
    raise ArangoError(1524)


@functools.cache
def _grammar() -> lark.Lark:
    path = Path(__file__).with_name("grammar.lark")
    return lark.Lark(path.read_text(), parser="lalr", transformer=builder(), maybe_placeholders=True)
