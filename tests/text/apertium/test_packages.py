"""Apertium's packages: found where they are installed, unpacked where they are not, and told where they cannot be had."""

import pytest

from workshop.errors import WorkshopError
from workshop.text.apertium import direction, packages

MODES = ("eng-spa", "spa-eng", "fr-es", "es-fr", "es-pt", "pt-es", "eng-cat", "cat-eng")
APT = """#!/bin/sh
echo "$0 $*" >> "{log}"
case "$*" in
  *update*) [ -e "{folder}/offline" ] && echo "E: Failed to fetch" >&2 && exit 100; touch "{folder}/lists" ;;
  *show*) case "$*" in *apertium-fra-spa|*apertium-spa-por) exit 100 ;; esac; echo shown ;;
  *install*) [ -e "{folder}/lists" ] || { echo "E: Unable to locate package apertium-eng-spa" >&2; exit 100; }
    echo "Inst lttoolbox (3.7 Debian)"; echo "Inst libxml2 [2.9] (2.10 Debian)"; echo "Inst apertium-eng-spa (1 Debian)" ;;
  *download*) touch lttoolbox.deb apertium-eng-spa.deb ;;
esac
"""
DPKG = """#!/bin/sh
mkdir -p "$3/usr/bin" "$3/usr/share/apertium/modes" && touch "$3/usr/bin/lt-proc"
for mode in {modes}; do
  echo "lt-proc '/usr/share/apertium/x.bin' | lt-proc \\$1 '/usr/share/y.bin'" > "$3/usr/share/apertium/modes/$mode.mode"
done
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with an apt of its own and without Apertium; the log of what apt was asked for."""
    programs, log = tmp_path / "programs", tmp_path / "log"
    programs.mkdir()
    apt = APT.replace("{log}", str(log)).replace("{folder}", str(tmp_path))
    for name, source in {"apt-get": apt, "apt-cache": apt, "dpkg-deb": DPKG.replace("{modes}", " ".join(MODES))}.items():
        (programs / name).write_text(source)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(packages, "SYSTEM", tmp_path / "usr")
    return tmp_path


def test_the_system_s_own_comes_first(machine):
    for name in MODES:
        mode = machine / "usr" / "share" / "apertium" / "modes" / f"{name}.mode"
        mode.parent.mkdir(parents=True, exist_ok=True)
        mode.touch()
    (machine / "usr" / "bin").mkdir()
    (machine / "usr" / "bin" / "lt-proc").touch()
    assert packages.find() == machine / "usr"
    assert not (machine / "log").exists()
    mode.unlink()  # one direction less than the course needs
    assert packages.find() == machine / "home" / "apertium" / "usr"


def test_unpacked_into_the_state_folder_once(machine):
    (machine / "lists").touch()
    told = []
    found = packages.find(told.append)
    assert found == machine / "home" / "apertium" / "usr"
    assert told == ["downloading 2 of Debian's packages for Apertium"]  # what is installed already is not updated
    mode = direction.modes(str(found))["en", "es"]
    assert [words[-1] for words in direction.commands(mode)] == [f"{found}/share/apertium/x.bin", f"{found}/share/y.bin"]
    asked = (machine / "log").read_text()
    assert "apertium-fr-es" in asked and "update" not in asked
    assert packages.find() == found
    assert (machine / "log").read_text() == asked
    assert sorted(path.name for path in (machine / "home").iterdir()) == ["apertium"]


def test_package_lists_of_its_own_where_the_system_has_none(machine):
    told = []
    packages.find(told.append)
    assert told == ["reading Debian's package lists", "downloading 2 of Debian's packages for Apertium"]
    assert "Dir::State::Lists=" in (machine / "log").read_text()


def test_without_a_network_one_line_says_what_to_install(machine):
    (machine / "offline").touch()
    with pytest.raises(
        WorkshopError, match=r"apt-get: Failed to fetch.*; with root: apt install apertium apertium-eng-spa "
    ):
        packages.find()
    assert list((machine / "home").iterdir()) == []


def test_without_apt(machine, monkeypatch):
    monkeypatch.setenv("PATH", str(machine / "nothing"))
    with pytest.raises(WorkshopError, match="Apertium is not installed, and without apt .* apt install apertium"):
        packages.find()


def test_packages_that_lack_a_pair(machine):
    (machine / "lists").touch()
    dpkg = machine / "programs" / "dpkg-deb"
    dpkg.write_text(dpkg.read_text().replace(" cat-eng", ""))
    with pytest.raises(WorkshopError, match="lack some of the pairs"):
        packages.find()
