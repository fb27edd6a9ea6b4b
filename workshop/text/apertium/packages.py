"""Apertium's packages: the system's where they are installed, else Debian's, unpacked without root into the state folder.

Nothing is installed: the packages are downloaded by apt and unpacked, and the paths in the mode files, which name the
dictionaries, are changed to where those lie now.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from workshop import settings
from workshop.errors import WorkshopError
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
    if not all(shutil.which(program) for program in ("apt-get", "apt-cache", "dpkg-deb")):
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
    work = folder.with_name("apertium.new")
    shutil.rmtree(work, ignore_errors=True)
    archives = work / "archives"
    archives.mkdir(parents=True)
    try:
        try:
            _download(archives, [], progress)
        except WorkshopError:  # no package lists, as in a container, or old ones: own ones, which need no root either
            progress("reading Debian's package lists")
            own = ["-o", f"Dir::State::Lists={work}/lists", "-o", f"Dir::Cache={work}/cache"]
            for place in ("lists/partial", "cache/archives/partial"):
                (work / place).mkdir(parents=True)
            _apt(work, *own, "update")
            _download(archives, own, progress)
        for archive in archives.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, work / "unpacked"], check=True)
        for mode in (work / "unpacked").glob("usr/share/apertium/modes/*.mode"):
            mode.write_text(re.sub(r"(?<=['\"\s])/usr/", f"{folder}/usr/", mode.read_text()))
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(work / "unpacked", folder)
    except (OSError, subprocess.CalledProcessError) as error:
        raise WorkshopError(f"Apertium could not be unpacked: {error}; with root: {INSTALL}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if not _complete(folder / "usr"):
        raise WorkshopError(
            f"the packages unpacked in {settings.shown(folder)} lack some of the pairs; with root: {INSTALL}"
        )


def _download(archives: Path, options: list[str], progress: Callable[[str], None]) -> None:
    names = []
    for candidates in PACKAGES.values():
        known = [name for name in candidates if _apt(archives, *options, "show", name, program="apt-cache", check=False)]
        names.append(known[0] if known else candidates[-1])
    plan = _apt(archives, *options, "install", "--simulate", "--no-install-recommends", *names)
    # "Inst NAME (VERSION …": to be installed; with "[VERSION]" after the name, an update of what is there and will do.
    needed = re.findall(r"^Inst (\S+) \(", plan, re.MULTILINE)
    progress(f"downloading {len(needed)} of Debian's packages for Apertium")
    _apt(archives, *options, "download", *needed)


def _apt(folder: Path, *arguments: str, program: str = "apt-get", check: bool = True) -> str:
    """What apt prints, run in `folder`; nothing where it fails and `check` is off."""
    ran = subprocess.run(
        [program, "-qq", *arguments], cwd=folder, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    if ran.returncode == 0:
        return ran.stdout
    if not check:
        return ""
    said = (
        [line for line in ran.stderr.splitlines() if line.startswith("E:")] or ran.stderr.splitlines() or ["no reason given"]
    )
    raise WorkshopError(
        f"Apertium's packages cannot be had ({program}: {said[-1].removeprefix('E: ')}); with root: {INSTALL}"
    )
