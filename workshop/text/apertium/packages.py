"""Apertium's packages: the system's where they are installed, else Debian's, unpacked without root into the state folder.

Nothing is installed: the packages are downloaded by apt and unpacked, and the paths in the mode files, which name the
dictionaries, are changed to where those lie now.
"""

import re
from collections.abc import Callable
from pathlib import Path

from workshop import settings
from workshop.errors import WorkshopError
from workshop.machine import debian
from workshop.text.apertium import direction

PACKAGES = {
    ("en", "es"): ("apertium-eng-spa",),
    ("fr", "es"): ("apertium-fra-spa", "apertium-fr-es"),
    ("es", "pt"): ("apertium-spa-por", "apertium-es-pt"),
    ("en", "ca"): ("apertium-eng-cat",),
}
"""Debian's packages for the course's pairs of languages (GPL-2.0 or later), by today's name and the one before."""
SYSTEM = Path("/usr")
INSTALL = "apt install apertium " + " ".join(names[-1] for names in PACKAGES.values())


def find(progress: Callable[[str], None] = lambda text: None) -> Path:
    """The folder with Apertium's `bin` and `share` and all of the course's pairs: the system's, or one in the state folder.

    Args:
        progress: called with a line of text before something is downloaded.

    Raises:
        WorkshopError: neither is there, and the packages cannot be had; says what to install.
    """
    unpacked = settings.home() / "apertium" / "usr"
    for root in (SYSTEM, unpacked):
        if _complete(root):
            return root
    if not debian.has_apt():
        raise WorkshopError(
            f"Apertium is not installed, and without apt it cannot be unpacked here; where there is apt: {INSTALL}; "
            "other systems: https://wiki.apertium.org/wiki/Installation"
        )
    _unpack(unpacked.parent, progress)
    return unpacked


def _complete(root: Path) -> bool:
    there = direction.modes(str(root))
    return (root / "bin" / "lt-proc").exists() and all({pair, pair[::-1]} <= there.keys() for pair in PACKAGES)


def _unpack(folder: Path, progress: Callable[[str], None]) -> None:
    """Download and unpack into `folder`; it is there only when all is done."""

    def change(unpacked: Path) -> None:
        for mode in unpacked.glob("usr/share/apertium/modes/*.mode"):
            mode.write_text(re.sub(r"(?<=['\"\s])/usr/", f"{folder}/usr/", mode.read_text()))

    debian.unpack(folder, list(PACKAGES.values()), title="Apertium", remedy=INSTALL, change=change, progress=progress)
    if not _complete(folder / "usr"):
        raise WorkshopError(
            f"the packages unpacked in {settings.shown(folder)} lack some of the pairs; with root: {INSTALL}"
        )
