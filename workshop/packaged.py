"""Files that installed packages carry, checked."""

import hashlib
import importlib.util
from pathlib import Path

from workshop.errors import WorkshopError


def file(package: str, path: str, sha256: str) -> Path:
    """A file out of an installed package, if it is the one that is known.

    Args:
        package: as it is imported.
        path: of the file in the package's folder.
        sha256: what its publisher names.

    Raises:
        WorkshopError: the package is not installed, lacks the file, or has another one.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise WorkshopError(f"the package {package} is not installed; scripts/setup.sh installs it")
    path = Path(found.origin).parent / path
    if not path.exists():
        raise WorkshopError(f"{package} has no {path.name}: another release of it is installed than the lock's")
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise WorkshopError(f"{path.name} of {package} is not the published file (its SHA-256 differs): it is not used")
    return path
