"""Checks for exercises: they tell a learner what is right, what is missing and what was seen; they never fail a notebook.

An unanswered notebook must run from top to bottom, so a check prints and returns nothing whatever it finds. It asks for the
answer itself, inside its own `try`: an answer that raises gets a line like any other wrong one.
"""

import dis
import itertools
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

LONGEST = 100
"""Characters of a value that a check shows."""


class Verdict(NamedTuple):
    """Whether a condition holds, and what to tell when it does not."""

    met: bool
    expected: str
    got: str


def equal(got: Any, expected: Any) -> Verdict:
    """Whether two values are the same: numbers, strings, containers, or arrays and tensors of equal shape and elements.

    Two arrays or tensors are of the same element type too.
    """
    if _is_array(got) and _is_array(expected) and (ours := np.asarray(got).dtype) != (wanted := np.asarray(expected).dtype):
        return Verdict(False, f"{wanted} {shown(expected)}", f"{ours} {shown(got)}")
    if _is_array(got) or _is_array(expected):
        return Verdict(np.array_equal(np.asarray(got), np.asarray(expected)), shown(expected), shown(got))
    return Verdict(bool(got == expected), shown(expected), shown(got))


def close(got: Any, expected: Any, within: float = 1e-5) -> Verdict:
    """Whether numbers, arrays or tensors have the same shape and differ by at most `within` everywhere."""
    ours, wanted = np.asarray(got), np.asarray(expected)
    if ours.shape != wanted.shape or not np.issubdtype(ours.dtype, np.number):
        return Verdict(False, shown(expected), shown(got))
    apart = np.abs(ours - wanted)
    seen = shown(got)
    if _is_array(got) and apart.size > 8:  # of such arrays only type and shape are shown, and these are equal
        seen += f", up to {apart.max():.2g} apart"
    return Verdict(bool(np.all(apart <= within)), shown(expected), seen)


def holds(met: Any, *, expected: str, got: Any) -> Verdict:
    """A condition that is no comparison of two values: `expected` says in words what should have been."""
    return Verdict(bool(met), expected, shown(got))


def check(title: str, answer: Callable[[], Any], conditions: Mapping[str, Callable[[Any], Verdict]]) -> None:
    """Ask for the answer and print, for each condition, whether it holds, and what was expected and seen where it does not.

    Args:
        title: what is checked, for example "Exercise 1".
        answer: returns the learner's value or function, as in `lambda: odd`. None, `...` and a function whose body is only
            `...` count as not answered.
        conditions: a sentence that is true of a right answer, and a function of the answer that returns the verdict of
            `equal`, `close` or `holds`.

    Raises:
        TypeError: a condition returned no verdict; the check itself is wrong, not the answer.
    """
    try:
        value = answer()
    except Exception as error:
        print(f"{title}: the answer raised {_described(error)}")
        return
    if value is None or value is ... or (isinstance(value, types.FunctionType) and _is_stub(value)):
        print(f"{title}: no answer yet.")
        return
    right = 0
    for sentence, condition in conditions.items():
        try:
            verdict = condition(value)
        except Exception as error:
            print(f"missing  {sentence}: raised {_described(error)}")
            continue
        if not isinstance(verdict, Verdict):
            raise TypeError(f"{title}: the condition {sentence!r} returned {verdict!r}, no Verdict")
        right += verdict.met
        forgotten = " (is a `return` missing?)" if verdict.got == "None" and _returns_nothing(value) else ""
        print(
            f"right    {sentence}"
            if verdict.met
            else f"missing  {sentence}: expected {verdict.expected}, got {verdict.got}{forgotten}"
        )
    print(f"{title}: {right} of {len(conditions)}{', well done.' if right == len(conditions) else '.'}")


def shown(value: Any) -> str:
    """A value as a check prints it: short, arrays of more than eight elements by type and shape only."""
    if _is_array(value):
        array = np.asarray(value)
        text = str(array.round(4).tolist() if array.dtype.kind == "f" else array.tolist())
        text = text if array.size <= 8 else f"{array.dtype} {list(array.shape)}"
    elif isinstance(value, float):
        text = f"{value:.6g}"
    else:
        text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__")


def _described(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}{f': {lines[0]}' if lines else ''}"


def _is_stub(function: types.FunctionType) -> bool:
    """Whether a function's body is a docstring, `...` or `pass` and no more."""
    body = [instruction for instruction in dis.get_instructions(function) if instruction.opname not in ("RESUME", "NOP")]
    return all(i.opname in ("LOAD_CONST", "RETURN_VALUE", "RETURN_CONST") and i.argval is None for i in body)


def _returns_nothing(value: Any) -> bool:
    """Whether a function returns None wherever it ends, as one does whose `return` was forgotten."""
    if not isinstance(value, types.FunctionType):
        return False
    code = list(dis.get_instructions(value))
    ends = [pair for pair in itertools.pairwise(code) if pair[1].opname in ("RETURN_VALUE", "RETURN_CONST")]
    return all((end if end.opname == "RETURN_CONST" else before).argval is None for before, end in ends)
