"""A small catalogue, and what the tests of product graphs do to folders and processes."""

import csv
import gzip
import hashlib
import os
import subprocess
import sys

import numpy as np

from workshop import settings
from workshop.products.catalogue import Products

THINGS = ("lamp", "mug", "tent", "drill", "scarf", "puzzle", "kettle", "rug")
COLOURS = ("red", "blue", "green", "black", "white")
MATERIALS = ("steel", "wool", "oak", "glass", "cotton", "paper", "clay")


def catalogue(count=120, seed=0):
    """A small catalogue of which every field is known: half the pairs join neighbours, the other half any two."""
    random = np.random.default_rng(seed)
    near = np.stack([np.arange(count), (np.arange(count) + 1) % count], axis=1)
    pairs = np.sort(np.concatenate([near, random.integers(0, count, (2 * count, 2))]), axis=1)
    pairs = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
    titles = [f"{random.choice(COLOURS)} {random.choice(MATERIALS)} {THINGS[node % 8]} no-{node}" for node in range(count)]
    return Products(
        ids=[f"{node:05d}" for node in range(count)],
        titles=titles,
        labels=np.arange(count) % 8,
        categories=[f"All about, {thing}s" for thing in THINGS],
        ogb_categories=None,
        co_purchases=pairs,
        counts=random.integers(1, 9, len(pairs)),
    )


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def python(code, *arguments, environment=None, closed=False):
    """A Python of its own, which may use the network as little as this one may ask questions."""
    offline = "import socket\ndef refused(*_): raise SystemExit('network')\nsocket.socket.connect = refused\n"
    paths = {"PYTHONPATH": str(settings.ROOT)}
    command = [sys.executable, "-c", offline + code, *map(str, arguments)]
    return subprocess.Popen(
        ["bash", "-c", 'exec "$0" "$@" <&-', *command] if closed else command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **paths, **(environment or {})},
    )


def result(process):
    out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def read(path):
    return gzip.decompress(path.read_bytes()).decode()


def rows(path):
    return list(csv.reader(read(path).splitlines()))


def change(path, edit):
    """Edit the lines of a compressed file, and make it newer than what was made of it."""
    lines = read(path).splitlines() if path.exists() else []
    made = path.parents[1] / "processed" / "geometric_data_processed.pt"
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in edit(lines)).encode()))
    if made.exists():
        os.utime(path, ns=(made.stat().st_mtime_ns + 1000,) * 2)
