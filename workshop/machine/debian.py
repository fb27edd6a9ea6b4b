"""Debian's packages, unpacked without root into a folder: nothing is installed, nothing of the system is changed."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from workshop.errors import WorkshopError

PROGRAMS = ("apt-get", "apt-cache", "dpkg-deb")


def has_apt() -> bool:
    """Whether packages can be unpacked here: the programs for it are on PATH."""
    return all(shutil.which(program) for program in PROGRAMS)


def unpack(
    folder: Path,
    packages: Sequence[Sequence[str]],
    *,
    title: str,
    remedy: str,
    whole: bool = True,
    change: Callable[[Path], None] = lambda unpacked: None,
    progress: Callable[[str], None] = lambda text: None,
) -> None:
    """Download packages with apt and unpack them into `folder`; it is there only when all is done, and replaces an old one.

    Args:
        folder: where the packages' `usr` comes to lie.
        packages: for each package the names that it may have; the first that apt knows is taken.
        title: whose packages they are, for messages, such as `Apertium`.
        remedy: what to type with root instead, for messages.
        whole: with the packages that they depend on, as far as those are not installed; else those named alone.
        change: called with the unpacked files before they are put in place, such as to rewrite paths in them.
        progress: called with a line of text before something is downloaded.

    Raises:
        WorkshopError: the packages cannot be had, or not be unpacked.
    """
    work = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(work, ignore_errors=True)
    archives = work / "archives"
    archives.mkdir(parents=True)

    def apt(*arguments: str, program: str = "apt-get", check: bool = True) -> str:
        ran = _run(program, archives, *arguments)
        if ran.returncode and check:
            raise WorkshopError(f"{title}'s packages cannot be had ({program}: {_reason(ran.stderr)}); with root: {remedy}")
        return "" if ran.returncode else ran.stdout

    def download(options: Sequence[str]) -> None:
        names = []
        for candidates in packages:
            known = [name for name in candidates if apt(*options, "show", name, program="apt-cache", check=False)]
            names.append(known[0] if known else candidates[-1])
        if whole:
            plan = apt(*options, "install", "--simulate", "--no-install-recommends", *names)
            # "Inst NAME (VERSION …": to be installed; "[VERSION]" after the name is of what is there already and will do.
            names = re.findall(r"^Inst (\S+) \(", plan, re.MULTILINE)
        progress(f"downloading {len(names)} of Debian's packages for {title}")
        apt(*options, "download", *names)

    try:
        try:
            download([])
        except WorkshopError:  # no package lists, as in a container, or old ones: own ones, which need no root either
            progress("reading Debian's package lists")
            own = ["-o", f"Dir::State::Lists={work}/lists", "-o", f"Dir::Cache={work}/cache"]
            for place in ("lists/partial", "cache/archives/partial"):
                (work / place).mkdir(parents=True)
            apt(*own, "update")
            download(own)
        for archive in archives.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, work / "unpacked"], check=True)
        change(work / "unpacked")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(work / "unpacked", folder)
    except (OSError, subprocess.CalledProcessError) as error:
        raise WorkshopError(f"{title} could not be unpacked: {error}; with root: {remedy}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run one of apt's programs in `folder`, which is where it downloads to."""
    return subprocess.run(
        [program, "-qq", *arguments], cwd=folder, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )


def _reason(said: str) -> str:
    """The last of apt's errors, else its last line."""
    lines = said.splitlines()
    errors = [line for line in lines if line.startswith("E:")]
    return (errors or lines or ["no reason given"])[-1].removeprefix("E: ")
