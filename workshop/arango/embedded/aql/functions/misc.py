"""Functions that check, choose and call, and the names of those that exist in ArangoDB and not here."""

import hashlib
import math
import time

from workshop.arango.embedded.aql.functions import find, function
from workshop.arango.embedded.aql.values import EXACT, NUMERIC, compare, number, to_bool, to_integer, wrong_type
from workshop.arango.embedded.errors import ArangoError

LONGEST_SLEEP = 60.0
"""Seconds for which SLEEP waits at most."""
NOT_IMPLEMENTED = (
    "ANALYZER",
    "BM25",
    "BOOST",
    "DECAY_EXP",
    "DECAY_GAUSS",
    "DECAY_LINEAR",
    "EXISTS",
    "FULLTEXT",
    "GEO_AREA",
    "GEO_CONTAINS",
    "GEO_DISTANCE",
    "GEO_EQUALS",
    "GEO_INTERSECTS",
    "GEO_IN_RANGE",
    "IS_IN_POLYGON",
    "LEVENSHTEIN_MATCH",
    "MINHASH",
    "MINHASH_MATCH",
    "NEAR",
    "NGRAM_MATCH",
    "OFFSET_INFO",
    "PHRASE",
    "SCHEMA_GET",
    "SCHEMA_VALIDATE",
    "SHARD_ID",
    "TFIDF",
    "WITHIN",
    "WITHIN_RECTANGLE",
)
"""Functions of ArangoDB 3.12 that answer 501 here; names that ArangoDB does not know either give error 1540."""


def _refuse(name: str) -> None:
    def call(*arguments):
        raise ArangoError(9, f"{name}() is not implemented by the embedded server")

    function(name, 0, None, deterministic=False)(call)


for _name in NOT_IMPLEMENTED:
    _refuse(_name)


@function("ASSERT", 2, 2, deterministic=False)
def check(condition, message):
    """Return true where the condition holds; otherwise the query ends with ArangoError 1593 and the message."""
    if type(message) is not str:
        raise wrong_type("ASSERT")
    if not to_bool(condition):
        raise ArangoError(1593, message)
    return True


@function("WARN", 2, 2, context=True, deterministic=False)
def warn(context, condition, message):
    """Tell whether the condition holds; where it does not, the query gets warning 1594 with the message."""
    if type(message) is not str:
        raise wrong_type("WARN")
    holds = to_bool(condition)
    if not holds:
        context.warn(1594, message)
    return holds


@function("FAIL", 0, 1, deterministic=False)
def fail(message=None):
    """End the query with ArangoError 1569 and the message."""
    raise ArangoError(1569, message if type(message) is str else None)


@function("NOT_NULL", 1, None)
def not_null(*values):
    """Return the first value that is not null."""
    return next((value for value in values if value is not None), None)


@function("FIRST_LIST", 1, None)
def first_list(*values):
    """Return the first array among the values; null for none."""
    return next((value for value in values if type(value) is list), None)


@function("FIRST_DOCUMENT", 1, None)
def first_document(*values):
    """Return the first object among the values; null for none."""
    return next((value for value in values if type(value) is dict), None)


@function("IN_RANGE", 5, 5)
def in_range(value, low, high, include_low, include_high):
    """Tell whether the value lies between two others in the order of all values."""
    if type(include_low) is not bool or type(include_high) is not bool:
        raise wrong_type("IN_RANGE")
    below, above = compare(low, value), compare(value, high)
    return (below < 0 or (include_low and below == 0)) and (above < 0 or (include_high and above == 0))


@function("MIN_MATCH", 2, None)
def min_match(*arguments):
    """Tell whether at least so many of the conditions hold as the last argument says."""
    *conditions, least = arguments
    if type(least) not in NUMERIC:
        raise wrong_type("MIN_MATCH")
    return 0 <= to_integer(least) <= sum(map(to_bool, conditions))


@function("MINHASH_ERROR", 1, 1)
def minhash_error(count):
    """Return the error to expect of a MinHash signature of so many numbers; null for none."""
    if type(count) not in NUMERIC:
        raise wrong_type("MINHASH_ERROR")
    return number(1.0 / math.sqrt(count)) if count > 0 else None


@function("MINHASH_COUNT", 1, 1)
def minhash_count(error):
    """Return how many numbers a MinHash signature needs for an error of that size."""
    if type(error) not in NUMERIC or error <= 0:
        raise wrong_type("MINHASH_COUNT")
    # Rounding first: 0.05 stands for a number that is a little more.
    return number(math.ceil(round(1.0 / (error * error), 9)))


def _canonical(value) -> str:
    """A text that is the same exactly for equal values."""
    kind = type(value)
    if kind is float and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    if kind is list:
        return f"[{','.join(map(_canonical, _trimmed(value)))}]"
    if kind is dict:
        return f"{{{','.join(f'{name!r}:{_canonical(value[name])}' for name in sorted(value) if value[name] is not None)}}}"
    return repr(value)


def _trimmed(values: list) -> list:
    end = len(values)
    while end and values[end - 1] is None:
        end -= 1
    return values[:end]


@function("HASH", 1, 1)
def hash_value(value):
    """Return a number that is the same for equal values and always; it is not the one that a real server gives."""
    digest = hashlib.blake2b(_canonical(value).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 13


@function("PASSTHRU", 1, 1)
def passthru(value):
    """Return the value."""
    return value


function("NOOPT", 1, 1, deterministic=False)(passthru)
function("NOEVAL", 1, 1, deterministic=False)(passthru)
function("V8", 1, 1)(passthru)


@function("SLEEP", 1, 1, context=True, deterministic=False)
def sleep(context, seconds):
    """Wait so many seconds, at most `LONGEST_SLEEP`, or until the query is stopped."""
    if type(seconds) not in NUMERIC or seconds < 0:
        raise wrong_type("SLEEP")
    end = time.monotonic() + min(seconds, LONGEST_SLEEP)
    while (rest := end - time.monotonic()) > 0:
        time.sleep(min(rest, 0.01))
        context.check()


@function("VERSION", 0, 0)
def version():
    """Return the version of ArangoDB that the server stands for."""
    # The routes use this package, so that they cannot be imported before it.
    from workshop.arango.embedded.routes.admin import VERSION

    return VERSION


def _invoke(context, caller: str, name, arguments: list):
    """The result of the function of that name. ArangoError 1540, 1541 and 1542 as for a call that is written in a query."""
    if type(name) is not str:
        raise ArangoError(1542, wrong_type(caller).message)
    called = find(name)
    if len(arguments) < called.least or (called.most is not None and len(arguments) > called.most):
        most = "*" if called.most is None else called.most
        raise ArangoError(
            1541,
            f"invalid number of arguments for function '{called.name}()', expected number of arguments: "
            f"minimum: {called.least}, maximum: {most}",
        )
    return called.call(context, *arguments) if called.context else called.call(*arguments)


@function("CALL", 1, None, context=True, deterministic=False)
def call_function(context, name, *arguments):
    """Call the function of that name with the arguments."""
    return _invoke(context, "CALL", name, list(arguments))


@function("APPLY", 1, 2, context=True, deterministic=False)
def apply_function(context, name, *arguments):
    """Call the function of that name with the elements of an array as arguments."""
    if arguments and type(arguments[0]) is not list:
        raise wrong_type("APPLY")
    return _invoke(context, "APPLY", name, arguments[0] if arguments else [])
