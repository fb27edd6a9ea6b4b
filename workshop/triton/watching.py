"""Watching for models whose process dies, and healing them."""

import datetime
import time
from typing import Any

from workshop.errors import WorkshopError, first_line
from workshop.machine import lost, services
from workshop.triton import healing, loading, server

EVERY = 2.0
"""Seconds between two looks of `watch`."""
TRIES = 5
"""`watch` gives up on a model that is down again as often as this in a row"""
SOON = 15.0
"""within so many seconds after it was healed."""


class Patience:
    """How often models were healed in a row, and when the next time is due: at once, then after 1, 2, 4 … seconds."""

    def __init__(self) -> None:
        self.healed: dict[str, tuple[int, float]] = {}

    def due(self, name: str, now: float) -> bool:
        """Whether to try now."""
        times, last = self._in_a_row(name, now)
        return not times or now - last >= 2.0 ** (times - 1)

    def exhausted(self, name: str, now: float) -> bool:
        """Whether it has been tried `TRIES` times, each soon after the one before."""
        return self._in_a_row(name, now)[0] >= TRIES

    def tried(self, name: str, began: float, ended: float) -> None:
        """Note a try, which may take long."""
        self.healed[name] = (self._in_a_row(name, began)[0] + 1, ended)

    def _in_a_row(self, name: str, now: float) -> tuple[int, float]:
        times, last = self.healed.get(name, (0, now))
        return (times, last) if now - last < SOON else (0, now)


def watch(tell: healing.Tell) -> None:
    """Look at the models every `EVERY` seconds and heal those whose process died; each line begins with the time of day.

    It never starts the server. It returns when that has been stopped; Ctrl-C goes through.

    Raises:
        WorkshopError: the server died, or it takes no requests to load.
    """
    healing.require_explicit()
    running = server.find()
    if running is None:
        raise lost.server(server.NAME)

    def said(text: str) -> None:
        tell(f"{datetime.datetime.now():%H:%M:%S} {text}")

    said(f"watching the model processes of Triton (pid {running.pid}) every {EVERY:g} s; Ctrl-C ends the watching only")
    patience, silent = Patience(), False
    given_up: set[str] = set()
    kept: dict[str, dict[str, Any]] = {}
    while server.find() is not None:
        try:
            with healing.alone():
                _look_and_heal(patience, given_up, kept, said)
            silent = False
        except WorkshopError as error:
            if server.find() is not None and not silent:
                said(first_line(error))
                silent = True
        time.sleep(EVERY)
    with services.exclusive(server.NAME):  # `workshop down` may be at it
        died = services.find_dead(server.NAME)
    if died is not None:
        raise lost.server(server.NAME)
    said("Triton was stopped; there is nothing to watch any more")


def _look_and_heal(patience: Patience, given_up: set[str], kept: dict[str, dict[str, Any]], said: healing.Tell) -> None:
    found = healing.dead()
    for name in kept.keys() & (loading.ready() if kept else set()):
        kept.pop(name)  # somebody else loaded it
    given_up &= found.keys() | kept.keys()
    for name, fault in {**dict.fromkeys(kept, "not loaded"), **found}.items():
        if name not in given_up and _try(name, fault, patience, kept, said):
            given_up.add(name)


def _try(name: str, fault: str, patience: Patience, kept: dict[str, dict[str, Any]], said: healing.Tell) -> bool:
    """Heal one model if it is time to; whether it is given up."""
    now = time.monotonic()
    if patience.exhausted(name, now):
        said(
            f"{name}: given up after {TRIES} times in a row ({fault}). The server's log has what it printed; when that is "
            f"mended, `workshop heal {name}` or, where it is not loaded, `workshop up --models {name}` brings it back"
        )
        return True
    if not patience.due(name, now):
        return False
    said(f"{name}: {fault}")
    failed = healing.heal([name], said, kept)
    patience.tried(name, now, time.monotonic())
    return isinstance(failed.get(name), WorkshopError)
