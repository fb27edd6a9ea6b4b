"""Files of models that come in installed packages."""

import hashlib

import pytest

from workshop import packaged
from workshop.errors import WorkshopError

WEIGHTS = b"weights"
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """An installed package with a file in a folder of its own; it may be found, not run."""
    folder = tmp_path / "carries_weights"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('run')")
    (folder / "models" / "net.bin").write_bytes(WEIGHTS)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_publishers_file_is_found_and_the_package_is_not_run(package):
    assert packaged.file("carries_weights", "models/net.bin", SHA256) == package / "models" / "net.bin"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (("no_such_package", "models/net.bin", SHA256), "no-such-package is not installed; scripts/setup.sh installs it"),
        (("carries_weights", "models/other.bin", SHA256), "carries-weights has no other.bin: another release"),
        (("carries_weights", "models", SHA256), "carries-weights has no models: another release"),
        (
            ("carries_weights", "models/net.bin", "0" * 64),
            r"net.bin of carries-weights is not the publisher's file \(its SHA-256",
        ),
    ],
)
def test_what_is_not_there_or_differs_is_refused_in_a_line(wanted, message):
    with pytest.raises(WorkshopError, match=message) as raised:
        packaged.file(*wanted)
    assert "\n" not in str(raised.value)
