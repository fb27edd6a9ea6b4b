"""Checks for exercises: they tell a learner what is right and what is missing, and never fail a notebook.

An unanswered notebook must run from top to bottom, so a check prints and returns nothing whatever it finds.
"""

from collections.abc import Callable, Mapping
from typing import Any


def check(title: str, answer: Any, conditions: Mapping[str, Callable[[Any], Any]]) -> None:
    """Print, for each condition, whether the answer meets it.

    Args:
        title: what is checked, for example "Exercise 1".
        answer: the learner's value or function; None and `...` count as not answered.
        conditions: a sentence that is true of a right answer, and the function of the answer that finds out.
    """
    if answer is None or answer is ...:
        print(f"{title}: no answer yet.")
        return
    right = 0
    for sentence, holds in conditions.items():
        try:
            met, why = bool(holds(answer)), ""
        except Exception as error:
            met, why = False, f" ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'})"
        right += met
        print(f"{'right  ' if met else 'missing'}  {sentence}{why}")
    print(f"{title}: {right} of {len(conditions)}{', well done.' if right == len(conditions) else '.'}")
