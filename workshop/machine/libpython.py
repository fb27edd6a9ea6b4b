"""Find the shared libpython of the running interpreter, which Triton's model processes are linked to.

Only the standard library is used: `scripts/setup.sh` runs this file with each Python that it could take.
"""

import sys
import sysconfig
from pathlib import Path

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
NAME = f"libpython{VERSION}.so.1.0"
MISSING = (
    f"{sys.executable} has no shared {NAME}, which Triton's model processes need. For the system's Python: "
    f"`apt install libpython{VERSION}` or `dnf install python{VERSION}-libs`; for pyenv: "
    f"`env PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install {VERSION}`; the Pythons of conda and uv have it. "
    "Then set up again with PYTHON=… ./scripts/start.sh"
)


def find() -> Path | None:
    """The library's file, or None when this Python comes without it."""
    libdir = sysconfig.get_config_var("LIBDIR") or "/usr/lib"
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    folders = [Path(libdir), Path(sys.base_prefix) / "lib", Path(libdir) / multiarch, Path("/usr/lib") / multiarch]
    return next((folder / NAME for folder in folders if (folder / NAME).exists()), None)


if __name__ == "__main__":
    sys.exit(None if find() else MISSING)
