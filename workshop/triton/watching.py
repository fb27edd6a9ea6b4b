"""Watching for models whose process dies, and healing them."""

import datetime
import time
from typing import Any

from workshop.errors import WorkshopError, first_line
from workshop.machine import lost, services
from workshop.triton import healing, loading, server

EVERY = 2.0
"""Seconds between two looks of `watch`."""
TRIES, SPAN = 5, 60.0
"""`watch` gives up on a model after so many times within so many seconds."""


class Patience:
    """How often models were healed lately, and when the next time is due: at once, then after 1, 2, 4 … seconds."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def due(self, name: str, now: float) -> bool:
        """Whether to try now."""
        times = self._lately(name, now)
        return not times or now - times[-1] >= 2.0 ** (len(times) - 1)

    def exhausted(self, name: str, now: float) -> bool:
        """Whether it has been tried `TRIES` times within `SPAN` seconds."""
        return len(self._lately(name, now)) >= TRIES

    def tried(self, name: str, now: float) -> None:
        """Note a try."""
        self.times.setdefault(name, []).append(now)

    def _lately(self, name: str, now: float) -> list[float]:
        self.times[name] = [one for one in self.times.get(name, []) if now - one < SPAN]
        return self.times[name]


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
    patience, given_up, silent = Patience(), set(), False
    kept: dict[str, dict[str, Any]] = {}
    while server.find() is not None:
        try:
            found = healing.dead()
            ready = loading.ready() if kept else set()
        except WorkshopError as error:
            if server.find() is not None and not silent:
                said(first_line(error))
                silent = True
        else:
            silent = False
            for name in kept.keys() & ready:
                kept.pop(name)  # somebody else loaded it
            given_up &= found.keys() | kept.keys()
            for name, fault in {**dict.fromkeys(kept, "not loaded"), **found}.items():
                if name not in given_up and _try(name, fault, patience, kept, said):
                    given_up.add(name)
        time.sleep(EVERY)
    if services.find_dead(server.NAME) is not None:
        raise lost.server(server.NAME)
    said("Triton was stopped; there is nothing to watch any more")


def _try(name: str, fault: str, patience: Patience, kept: dict[str, dict[str, Any]], said: healing.Tell) -> bool:
    """Heal one model if it is time to; whether it is given up."""
    now = time.monotonic()
    if patience.exhausted(name, now):
        said(
            f"{name}: given up, for it was healed {TRIES} times within {SPAN:.0f} s ({fault}). What it printed stands in "
            f"the server's log; when that is mended, `workshop heal {name}` or `workshop up --models {name}` brings it back"
        )
        return True
    if not patience.due(name, now):
        return False
    patience.tried(name, now)
    said(f"{name}: {fault}")
    return isinstance(healing.heal([name], said, kept).get(name), WorkshopError)
