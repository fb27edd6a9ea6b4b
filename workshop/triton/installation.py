"""Find a Triton server on this machine and prepare the folders and variables that it runs with.

Two kinds are known. A `tritonserver` on PATH, as in NVIDIA's container, brings its own backends and is run as it is.
Otherwise the server comes out of the `nvidia-pytriton` wheel, whose files are used without its Python API: the wheel
holds the `python` backend for several Python versions, and the course adds Python-based backends of its own.
"""

import dataclasses
import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from workshop.errors import WorkshopError
from workshop.machine import libpython, services
from workshop.triton import processes

OWN_BACKENDS = Path(__file__).parent / "backends"
SHARED = OWN_BACKENDS / "shared"
"""Modules that the course's backends have in common. A model process finds only those beside its backend's model.py."""


@dataclasses.dataclass(frozen=True)
class Installation:
    """A server program with the backends and the environment that it is started with."""

    source: str
    """`PATH` or `nvidia-pytriton`."""
    program: Path
    backends: Path
    caches: Path
    environment: dict[str, str]


def find() -> Installation:
    """The server that `workshop up` starts: the one on PATH if there is one, else the one in the wheel.

    Raises:
        WorkshopError: neither is there, or this Python cannot run the wheel's model processes.
    """
    on_path = shutil.which("tritonserver")
    if on_path:
        program = Path(on_path).resolve()
        root = program.parent.parent
        return Installation("PATH", program, _assemble(root / "backends", stub=None), root / "caches", dict(os.environ))
    return _from_wheel()


def _from_wheel() -> Installation:
    root = _wheel()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = stubs().get(version)
    if stub is None:
        raise WorkshopError(
            f"the Triton wheel has no model process for Python {version} on {platform.machine()}; use Python 3.11 or "
            "3.12 on Linux (x86-64, aarch64), or the container (docker compose up)"
        )
    library = libpython.find()
    if library is None:
        raise WorkshopError(libpython.MISSING)
    library_path = [str(library.parent), str(wheel_libraries()), os.environ.get("LD_LIBRARY_PATH", "")]
    environment = {
        **os.environ,
        # The model processes must meet the running Python's libpython before any other, then the wheel's libraries.
        "LD_LIBRARY_PATH": ":".join(filter(None, library_path)),
        # They embed Python and find its packages through the `python3` that comes first on PATH.
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        "HF_HUB_OFFLINE": "1",
    }
    for name in ("PYTHONHOME", "PYTHONPATH"):
        environment.pop(name, None)
    return Installation(
        "nvidia-pytriton",
        root / "bin" / "tritonserver",
        _assemble(root / "backends", stub=stub),
        root / "caches",
        environment,
    )


def _wheel() -> Path:
    package = importlib.util.find_spec("pytriton")
    if package is None or package.origin is None:
        raise WorkshopError(
            "no Triton server: neither `tritonserver` on PATH nor the nvidia-pytriton wheel is installed. "
            "Run ./scripts/start.sh, or set TRITON_URL to a server that already runs"
        )
    return Path(package.origin).parent / "tritonserver"


def stubs() -> dict[str, Path]:
    """The programs of model processes that the wheel brings, by their Python versions, such as `3.11`."""
    return {path.parent.name: path for path in (_wheel() / "python_backend_stubs").glob(f"3.*/{processes.STUB}")}


def wheel_libraries() -> Path:
    """The folder with the shared libraries that the nvidia-pytriton wheel brings."""
    return Path(sysconfig.get_path("platlib")) / "nvidia_pytriton.libs"


def _assemble(provided: Path, *, stub: Path | None) -> Path:
    """The folder for `--backend-directory`: the server's own backends, and the course's where it has none of that name.

    A server that brings them all, such as the container with its C++ `pytorch`, is given its own folder. Otherwise
    both kinds are copied into one: the server refuses a backend library that is a link out of its folder.
    """
    if not (provided / "python").is_dir():
        raise WorkshopError(f"the Triton server found has no `python` backend in {provided}")
    own = {path.name: path for path in OWN_BACKENDS.iterdir() if (path / "model.py").exists()}
    theirs = {path.name: path for path in provided.iterdir() if path.is_dir()}
    if stub is None and own.keys() <= theirs.keys():
        return provided
    target = services.folder("triton") / "backends"
    shutil.rmtree(target, ignore_errors=True)
    for name, source in {**own, **theirs}.items():
        shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in own.keys() - theirs.keys():
        shutil.copytree(SHARED, target / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    if stub is not None:
        shutil.copy2(stub, target / "python")
    return target
