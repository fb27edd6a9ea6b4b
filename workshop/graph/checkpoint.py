"""Weights as safetensors: no code is unpickled to read them. What they are and how good stands beside them as JSON."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, safe_open, save_file

from workshop import settings
from workshop.errors import WorkshopError

CHECKPOINTS = settings.ROOT / "checkpoints"
"""Where the course's own weights are: `graphsage-category` and `graphsage-co-purchase`."""


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file in one step: a reader finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, Any] | None = None) -> None:
    """Write tensors in one step, with metadata, JSON values, in the file's header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    content = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(content, unfinished, {name: json.dumps(value) for name, value in (metadata or {}).items()})
    unfinished.chmod(0o644)  # safetensors leaves it to its owner alone
    os.replace(unfinished, path)


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors, on the CPU, and metadata of such a file.

    Raises:
        WorkshopError: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return load_file(path), {name: json.loads(value) for name, value in metadata.items()}
    except FileNotFoundError as error:
        raise WorkshopError(f"there is no {settings.shown(path)}; scripts/train_graphsage.py makes it") from error
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise WorkshopError(f"{settings.shown(path)} cannot be read ({error}): remove it and train again") from error
