"""What a server needs of the hardware: room in shared memory, and a GPU where one is asked for."""

import functools
import shutil
import subprocess
from pathlib import Path

from workshop.errors import WorkshopError

SHARED_MEMORY = Path("/dev/shm")
SHARED_MEMORY_NEEDED = 48 * 2**20
"""Bytes free in /dev/shm below which the server is not started. Full batches of long texts were seen to fill 8 MB; the rest
is for models of one's own with larger tensors. A container's default of 64 MB passes."""


def require_shared_memory() -> None:
    """Raise when /dev/shm has too little room for the memory that the server shares with its model processes."""
    free = shutil.disk_usage(SHARED_MEMORY).free
    if free < SHARED_MEMORY_NEEDED:
        raise WorkshopError(
            f"/dev/shm has {free / 2**20:.0f} MB free and Triton's model processes need {SHARED_MEMORY_NEEDED // 2**20} MB: "
            "enlarge it (`mount -o remount,size=1g /dev/shm`; in a container --shm-size=1g) or remove what fills it"
        )


@functools.cache
def has_gpu() -> bool:
    """Whether an NVIDIA driver answers on this machine, within 30 seconds."""
    try:
        return subprocess.run(["nvidia-smi", "-L"], capture_output=True, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def require_gpu() -> None:
    """Raise when no NVIDIA driver answers on this machine."""
    if not has_gpu():
        raise WorkshopError("--gpu was asked for and nvidia-smi finds no GPU here; `workshop doctor` says more")
