"""The folder of a product graph: one that no test changes, and a copy for each test."""

import shutil
from pathlib import Path

import pytest

from tests.support.products import catalogue
from workshop.products import layout


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs") / "shop"
    layout.write(catalogue(), folder)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "shop"))
