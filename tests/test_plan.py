"""The floor plan of the package: who may import whom."""

import ast
from pathlib import Path

import networkx as nx
import pytest

import workshop

PACKAGE = Path(workshop.__file__).parent
LEVELS = (
    ("cli", "__main__"),
    ("course", "bench"),
    ("products", "graph", "films", "text", "vision", "clients"),
    ("triton", "arango"),
    ("machine",),
    ("settings", "errors", "progress", "packaged"),
)
"""From the top: a room imports its own level and those below it, never one above."""


def module(path):
    """The dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in PACKAGE.rglob("*.py") if "backends" not in path.parts}


def imported(name):
    """The modules of the package that a module imports, wherever in it the line stands."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one for one in names if one in MODULES} or {node.module}
    return {one for one in found if one in MODULES}


IMPORTS = {name: imported(name) for name in MODULES}


def level(name):
    """The number of a module's level, counted from the top."""
    room = name.split(".")[1] if "." in name else "cli"
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def test_no_import_goes_up():
    upwards = [f"{name} imports {other}" for name in MODULES for other in IMPORTS[name] if level(other) < level(name)]
    assert [line for line in upwards if not line.endswith(" imports workshop")] == []


@pytest.mark.parametrize("grain", ["modules", "rooms"])
def test_no_circle(grain):
    """Neither among modules nor among rooms. Within the embedded ArangoDB modules may know each other."""
    graph = nx.DiGraph()
    for name, others in IMPORTS.items():
        for other in others:
            ends = (name, other) if grain == "modules" else tuple(".".join(end.split(".")[:2]) for end in (name, other))
            embedded = all(end.startswith("workshop.arango.embedded") for end in ends)
            if ends[0] != ends[1] and not embedded:
                graph.add_edge(*ends)
    assert list(nx.simple_cycles(graph)) == []


def test_every_room_has_its_level():
    assert {name.split(".")[1] for name in MODULES if "." in name} == {room for rooms in LEVELS for room in rooms}
