"""The functions of AQL by name: what they are called, how many arguments they take and what computes them."""

from collections.abc import Callable
from dataclasses import dataclass

from workshop.arango.embedded.errors import ArangoError


@dataclass(frozen=True, slots=True)
class Function:
    """One AQL function: `call` takes the evaluated arguments, preceded by the query's context when `context` is set.

    `most` is None for functions without an upper limit of arguments; `deterministic` is False when two calls with
    the same arguments may differ, so that the compiler does not fold them.
    """

    name: str
    call: Callable
    least: int
    most: int | None
    context: bool
    deterministic: bool


FUNCTIONS: dict[str, Function] = {}


def function(name: str, least: int, most: int | None, *, also=(), context=False, deterministic=True) -> Callable:
    """Register the decorated callable as the AQL function `name` and under the names in `also`."""

    def register(call: Callable) -> Callable:
        for each in (name, *also):
            if each in FUNCTIONS:
                raise ValueError(f"the AQL function {each} is registered twice")
            FUNCTIONS[each] = Function(each, call, least, most, context, deterministic)
        return call

    return register


def find(name: str) -> Function:
    """Return the function of that name in any case; ArangoError 1540 for an unknown one."""
    found = FUNCTIONS.get(name.upper())
    if found is None:
        raise ArangoError(1540, f"usage of unknown function '{name.upper()}()'")
    return found


# At the end, since each module registers its functions with the decorator above.
from workshop.arango.embedded.aql.functions import (  # noqa: E402, F401
    arrays,
    bits,
    dates,
    documents,
    encodings,
    geo,
    misc,
    numeric,
    objects,
    patterns,
    similarity,
    strings,
    types,
    vectors,
)
