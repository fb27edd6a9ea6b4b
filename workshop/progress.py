"""What people see while they wait."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console

FIRST, EVERY = 2.0, 15.0
"""Seconds after which a line tells how far it is where there is no terminal, and between two such lines."""


@contextlib.contextmanager
def progress(console: Console, text: str = "") -> Iterator[Callable[..., None]]:
    """A line that shows what is being waited for: live on a terminal; elsewhere lines now and then.

    Yields a function that takes a new text, which is always shown, or the seconds waited so far and how far it is.
    """
    began, told = time.monotonic(), FIRST - EVERY
    with console.status(text) if console.is_terminal else contextlib.nullcontext() as status:

        def tell(news: str | float, far: str = "") -> None:
            nonlocal told
            far = f": {far}" if far else ""
            line = news if isinstance(news, str) else f"{text}{far} ({news:.0f} s)"
            if status is not None:
                status.update(line)
            elif isinstance(news, str):
                console.print(f"  {line}")
            elif time.monotonic() - began - told > EVERY:
                console.print(f"  {text}{far} …")
                told = time.monotonic() - began

        yield tell
