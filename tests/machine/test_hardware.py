"""What is asked of the machine before a server is started. Room in /dev/shm: `tests/triton/test_lifetime.py`."""

import pytest

from workshop.errors import WorkshopError
from workshop.machine import hardware


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Puts a program of this name on an otherwise empty PATH; called with its script."""
    monkeypatch.setenv("PATH", str(tmp_path))
    hardware.has_gpu.cache_clear()

    def write(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    yield write
    hardware.has_gpu.cache_clear()


@pytest.mark.parametrize(("script", "there"), [(None, False), ("exit 0", True), ("exit 9", False)])
def test_a_gpu_is_there_when_its_driver_answers(nvidia_smi, script, there):
    if script:
        nvidia_smi(script)
    assert hardware.has_gpu() is there
    if not there:
        with pytest.raises(WorkshopError, match="--gpu was asked for and nvidia-smi finds no GPU here"):
            hardware.require_gpu()
