"""Files of models that come in installed packages."""

import hashlib
import importlib.util
from pathlib import Path

from workshop.errors import WorkshopError


def file(package: str, path: str, sha256: str) -> Path:
    """A file out of an installed package, checked; the package itself is not run.

    The packages that carry models are small ones of third parties: a file is used only if it is the one that the model's
    publisher has given out.

    Args:
        package: the name that it is imported by; it is installed by the same name with hyphens.
        path: of the file within the package's folder.
        sha256: of the publisher's file, 64 hexadecimal digits.

    Raises:
        WorkshopError: the package is not installed, has no such file, or its file is not the publisher's.
    """
    name, installed = Path(path).name, package.replace("_", "-")
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise WorkshopError(f"{installed} is not installed; scripts/setup.sh installs it")
    there = Path(found.origin).parent / path
    if not there.is_file():
        raise WorkshopError(f"{installed} has no {name}: another release of it is installed than the lock's")
    with open(there, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != sha256:
        raise WorkshopError(f"{name} of {installed} is not the publisher's file (its SHA-256 differs): it is not used")
    return there
