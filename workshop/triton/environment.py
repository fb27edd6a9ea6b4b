"""An environment a model: pack what a model's environment.yml asks for into an archive that the Python backend takes.

A configuration names the archive, or a folder of the same content, by the parameter `EXECUTION_ENV_PATH`; there
`$$TRITON_MODEL_DIRECTORY` stands for the model's folder. The server unpacks an archive into /tmp once, and again when the
file has changed. A shell reads the environment's `bin/activate` and starts the model process, whose embedded Python
takes the packages of the first `python3` on PATH. docs/environments.md tells what goes wrong on the way.

Two ways make an archive. conda and conda-pack: it carries a Python of its own and fits any machine. A virtual environment
of uv: it holds packages only, and a link to the Python of this machine.
"""

import contextlib
import dataclasses
import gzip
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from workshop.errors import WorkshopError
from workshop.machine import libpython
from workshop.triton import installation, processes

ARCHIVE = "environment.tar.gz"
SERVERS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version of Python in the server's model processes: that of the Python which the course runs on."""
WAYS = ("conda", "venv")

ACTIVATE = """\
# Triton's Python backend has bash read this before it starts the model process, whose embedded Python takes its packages
# from the folder of the first python3 on PATH.
VIRTUAL_ENV=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export VIRTUAL_ENV PATH="$VIRTUAL_ENV/bin:$PATH" PYTHONNOUSERSITE=1
unset PYTHONHOME PYTHONPATH
# On a machine without this Python the next python3 on PATH would be taken, with other packages, and nothing would say so.
# The process looks for modules in its working directory first; it obeys no PYTHONPATH.
[ -x "$VIRTUAL_ENV/bin/python3" ] || cd "$VIRTUAL_ENV/refused"
"""
REFUSED = """\
raise ImportError(
    "this environment was packed for {python}, which is not on this machine: run scripts/pack_environment.py here"
)
"""
"""A stand-in for numpy, which every model process imports: its error is the answer to a request to load the model."""
UNPACKED = Path("/tmp")
"""Where a server makes its folder `python_env_…` for what it unpacks. It removes the folder only if it comes to its end in
time, which an open connection of a client prevents."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What an environment.yml asks for."""

    file: Path
    python: str
    """Major and minor version, such as `3.11`."""
    conda: tuple[str, ...]
    """Packages of conda's channels, without Python and pip."""
    pip: tuple[str, ...]
    """Lines as pip takes them."""


def read(model: Path) -> Wanted:
    """What a model's environment.yml asks for.

    Raises:
        WorkshopError: there is none, it is not in conda's format, or it does not say which Python.
    """
    file = model / "environment.yml"
    if not file.exists():
        raise WorkshopError(
            f"{model.name} has no environment.yml: write one in conda's format, with python={SERVERS_PYTHON} and numpy "
            "among its dependencies, or leave the model in the server's own environment"
        )
    try:
        dependencies = yaml.safe_load(file.read_text())["dependencies"]
        pip = [str(line) for part in dependencies if isinstance(part, dict) for line in part.get("pip") or []]
        conda = [part for part in dependencies if isinstance(part, str)]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise WorkshopError(f"{file} is not in conda's format, a list of `dependencies` ({reason})") from error
    named = {re.split(r"[\s=<>!]", part)[0]: part for part in conda}
    python = _version(named.pop("python", "").removeprefix("python").strip())
    if python is None:
        raise WorkshopError(f"{file} does not say which Python: write python={SERVERS_PYTHON} among its dependencies")
    named.pop("pip", None)
    return Wanted(file, python, tuple(named.values()), tuple(pip))


def _version(constraint: str) -> str | None:
    """The version of Python that a constraint of conda's format means: the server's own where that is within."""
    if exact := re.fullmatch(r"={1,2}\s*(3\.\d+)(\.\S+)?", constraint):
        return exact[1]
    try:
        allowed = SpecifierSet(constraint)
    except InvalidSpecifier:
        return None
    versions = [SERVERS_PYTHON, *(f"3.{minor}" for minor in range(20, 7, -1))]
    return next((version for version in versions if constraint and f"{version}.99" in allowed), None)


def way_here(tell: Callable[[str], object] = print) -> str:
    """How environments are packed on this machine: `conda` where conda and conda-pack are on PATH, else `venv`."""
    conda, pack = (shutil.which(name) for name in ("conda", "conda-pack"))
    if conda and not pack:
        tell("conda is here without conda-pack (conda install -c conda-forge conda-pack): a virtual environment is packed")
    return "conda" if conda and pack else "venv"


def pack(
    model: Path,
    output: Path | None = None,
    *,
    way: str | None = None,
    python: str | None = None,
    tell: Callable[[str], object] = print,
) -> Path:
    """Make the archive with the environment of a model, from the environment.yml in its folder.

    Args:
        model: the model's folder.
        output: the archive, by default `environment.tar.gz` in the model's folder. It is put into place in one step.
        way: `conda` or `venv`; by default what this machine has.
        python: an interpreter of the version that environment.yml names, or that version, where it is not the server's.
            Then the model process for that version is put into the model's folder too: the server takes it in place of its
            own. conda brings an interpreter itself.
        tell: called with a line of text about what is done.

    Returns:
        The archive's path.

    Raises:
        WorkshopError: environment.yml is missing or wrong, asks for another Python than the server's, or for something that
            cannot be had.
    """
    wanted = read(model)
    if wanted.python != SERVERS_PYTHON and python is None:
        raise WorkshopError(
            f"{wanted.file} asks for Python {wanted.python}, the server's model processes run Python {SERVERS_PYTHON}: they "
            f"would not find its packages. Write python={SERVERS_PYTHON}, or name an interpreter with --python"
        )
    stub = _stub(wanted)
    output = output or model / ARCHIVE
    way = way or way_here(tell)
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / ARCHIVE
        folder = Path(temporary) / "environment"
        if way == "conda":
            _pack_conda(wanted, folder, made, tell)
        else:
            _pack_venv(wanted, python or getattr(sys, "_base_executable", sys.executable), folder, made, tell)
        output.parent.mkdir(parents=True, exist_ok=True)
        unfinished = output.with_suffix(".unfinished")
        shutil.copy(made, unfinished)
        unfinished.replace(output)
    (model / processes.STUB).unlink(missing_ok=True)
    if stub is not None:
        shutil.copy(stub, model / processes.STUB)
    return output


def remove_abandoned() -> None:
    """Remove the user's environments in /tmp that are older than every server that runs: theirs have ended."""
    servers = [
        process.info["create_time"]
        for process in psutil.process_iter(["name", "create_time"])
        if process.info["name"] == "tritonserver"
    ]
    oldest = min(servers, default=time.time()) - 2  # the two clocks differ by up to a second
    for folder in UNPACKED.glob("python_env_??????"):
        with contextlib.suppress(OSError):
            seen = folder.lstat()
            if seen.st_uid == os.getuid() and seen.st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def _stub(wanted: Wanted) -> Path | None:
    """The model process for another Python than the server's; None where the server's own fits."""
    if wanted.python == SERVERS_PYTHON:
        return None
    stubs = installation.stubs()
    if wanted.python not in stubs:
        there = ", ".join(sorted(stubs, key=lambda version: int(version.split(".")[1])))
        raise WorkshopError(
            f"{wanted.file} asks for Python {wanted.python}; the Triton wheel has model processes for {there}"
        )
    return stubs[wanted.python]


def _pack_conda(wanted: Wanted, folder: Path, output: Path, tell: Callable[[str], object]) -> None:
    tell(f"conda makes the environment of {wanted.file.parent.name}")
    # Of a range conda would take the newest, not the server's.
    pinned = folder.with_name("environment.yml")
    pinned.write_text(re.sub(r"(?m)^(\s*-\s*[\"']?python)\b[^#\n\"']*", rf"\g<1>={wanted.python}", wanted.file.read_text()))
    _run(["conda", "env", "create", "--quiet", "--file", str(pinned), "--prefix", str(folder)], wanted)
    _require_numpy(folder, wanted)
    tell("conda-pack packs it")
    _run(["conda-pack", "--quiet", "--prefix", str(folder), "--output", str(output)], wanted)


def _pack_venv(wanted: Wanted, python: str, folder: Path, output: Path, tell: Callable[[str], object]) -> None:
    if wanted.conda:
        raise WorkshopError(
            f"{wanted.file} asks conda for {', '.join(wanted.conda)}: name that in the list `pip`, or install conda and "
            "conda-pack"
        )
    uv = _uv()
    tell(f"uv installs {', '.join(wanted.pip)} for Python {wanted.python}")
    _run([uv, "venv", "--quiet", "--relocatable", "--python", python, str(folder)], wanted)
    if not (folder / "lib" / f"python{wanted.python}").is_dir():
        raise WorkshopError(f"{wanted.file} asks for Python {wanted.python}, {python} is another one")
    arguments = [part for line in wanted.pip for part in (shlex.split(line) if line.startswith("-") else [line])]
    install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python3"), *arguments]
    # What is pinned is the same from uv's cache as from the registry, and with the network cut only the cache answers.
    pinned = all(re.fullmatch(r"[\w.\[\],-]+==[^*]+", line) for line in wanted.pip)
    if not (pinned and _runs([*install, "--offline"], wanted)):
        try:
            _run(install, wanted)
        except WorkshopError:
            if pinned or not _runs([*install, "--offline"], wanted):
                raise
            tell("the registry does not answer: packages come from uv's cache")
    _require_numpy(folder, wanted)
    if wanted.python != SERVERS_PYTHON:
        shutil.copy(_libpython(folder / "bin" / "python3", wanted), folder / "lib")
    for file in (*folder.glob("bin/*"), *folder.glob("*.*"), *folder.glob("CACHEDIR.TAG"), *folder.glob(".*")):
        if not file.name.startswith("python") and file.name != "pyvenv.cfg" and file.is_file():
            file.unlink()
    (folder / "bin" / "activate").write_text(ACTIVATE)
    (folder / "refused").mkdir()
    packed_for = f"Python {wanted.python} at {(folder / 'bin' / 'python3').resolve()}"
    (folder / "refused" / "numpy.py").write_text(REFUSED.format(python=packed_for))
    _archive(folder, output)


def _uv() -> str:
    """The program uv: of the lock, or of the system."""
    if importlib.util.find_spec("uv"):
        import uv

        return uv.find_uv_bin()
    found = shutil.which("uv")
    if found is None:
        raise WorkshopError(
            "neither conda with conda-pack nor uv is here to pack an environment with; scripts/setup.sh installs uv"
        )
    return found


def _libpython(python: Path, wanted: Wanted) -> Path:
    """The shared library of another Python, which its model process is linked to."""
    ask = f"import runpy; print(runpy.run_path({str(Path(libpython.__file__))!r})['find']() or '')"
    found = _run([str(python), "-c", ask], wanted).stdout.strip()
    if not found:
        raise WorkshopError(
            f"{python.resolve()} has no shared library, which its model process needs; conda's and uv's Pythons have it"
        )
    return Path(found)


def _require_numpy(folder: Path, wanted: Wanted) -> None:
    if not any(folder.glob("lib/python3.*/site-packages/numpy/__init__.py")):
        raise WorkshopError(f"{wanted.file} brings no numpy, which Triton's own Python module imports: add it (numpy<2)")


def _runs(command: Sequence[str], wanted: Wanted) -> bool:
    """Whether a command ends well."""
    try:
        _run(command, wanted)
    except WorkshopError:
        return False
    return True


def _run(command: Sequence[str], wanted: Wanted) -> subprocess.CompletedProcess[str]:
    """Run a program that makes the environment, in the model's folder and without the packages of the user's home.

    PYTHONNOUSERSITE: what pip finds in ~/.local it does not install again, and the archive would lack it.
    """
    environment = {**os.environ, "PYTHONNOUSERSITE": "1"}
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"):
        environment.pop(name, None)
    result = subprocess.run(command, cwd=wanted.file.parent, env=environment, capture_output=True, text=True)
    if result.returncode:
        reason = " ".join((result.stderr or result.stdout).translate(str.maketrans("×╰─▶│├", " " * 6)).split())
        raise WorkshopError(f"the environment of {wanted.file.parent.name} cannot be packed: {reason[-600:]}")
    return result


def _archive(folder: Path, output: Path) -> None:
    """Pack a folder so that the same content makes the same bytes: sorted, without times and owners."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        entry.mtime = entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return None if "__pycache__" in Path(entry.name).parts else entry

    with (
        output.open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for path in sorted(folder.rglob("*")):
            archive.add(path, str(path.relative_to(folder)), recursive=False, filter=plain)
