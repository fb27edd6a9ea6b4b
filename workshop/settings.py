"""Where things are: the folders of the checkout and the environment variables that change them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
MODEL_REPOSITORY = ROOT / "model_repository"
RESULTS = ROOT / "benchmarks" / "results"


def home() -> Path:
    """The state folder (`WORKSHOP_HOME`, default `.workshop/` in the checkout), made when it is missing, mode 0700."""
    folder = Path(os.environ.get("WORKSHOP_HOME") or ROOT / ".workshop").expanduser().resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def shown(path: Path | str) -> str:
    """A path as people should see it: relative to the checkout where it lies inside, otherwise as it is."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
