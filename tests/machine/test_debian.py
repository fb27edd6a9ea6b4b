"""Debian's packages unpacked without root: which are downloaded, what is left where that fails."""

import pytest

from workshop.errors import WorkshopError
from workshop.machine import debian

APT = """#!/bin/sh
echo "$*" >> "{log}"
case "$*" in
  *install*) echo "Inst library (1 Debian)"; echo "Inst program (1 Debian)" ;;
  *show*) case "$*" in *program) echo shown ;; *) exit 100 ;; esac ;;
  *download*) touch program.deb ;;
esac
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with an apt of its own that knows the package `program`; the log of what it was asked for."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in debian.PROGRAMS:
        (programs / name).write_text(APT.replace("{log}", str(tmp_path / "log")))
        (programs / name).chmod(0o755)
    (programs / "dpkg-deb").write_text('#!/bin/sh\nmkdir -p "$3/usr/bin" && touch "$3/usr/bin/program"\n')
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return tmp_path


def unpack(machine, **options):
    debian.unpack(machine / "there", [("old-name", "program")], title="Program", remedy="apt install program", **options)
    return (machine / "log").read_text().splitlines()[-1]


@pytest.mark.parametrize(("whole", "wanted"), [(True, "-qq download library program"), (False, "-qq download program")])
def test_what_is_downloaded(machine, whole, wanted):
    assert unpack(machine, whole=whole) == wanted
    assert sorted(path.name for path in machine.iterdir()) == ["log", "programs", "there"]
    assert (machine / "there" / "usr" / "bin" / "program").exists()


def test_an_old_one_is_replaced_and_stays_where_the_new_one_fails(machine):
    (machine / "there").mkdir()
    (machine / "there" / "old").touch()

    def change(unpacked):
        raise OSError("disk full")

    with pytest.raises(WorkshopError, match="Program could not be unpacked: disk full; with root: apt install program"):
        unpack(machine, change=change)
    assert [path.name for path in (machine / "there").iterdir()] == ["old"]
    assert not (machine / "there.new").exists()
    unpack(machine)
    assert [path.name for path in (machine / "there").iterdir()] == ["usr"]


def test_without_apt(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not debian.has_apt()
