"""What README and the documents name is there."""

import re

import pytest

from workshop import settings

DOCUMENTS = [settings.ROOT / "README.md", *sorted((settings.ROOT / "docs").glob("*.md"))]
FOLDERS = sorted(path.name for path in settings.ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
PATH = re.compile(rf"`(?:\./)?((?:{'|'.join(FOLDERS)})/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)")
EXAMPLE = re.compile("NAME|NN|benchmarks/results/")
"""What stands in paths that are examples."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_paths_of_a_document(document):
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    named = [found for found in PATH.findall(text) if not EXAMPLE.search(found)]
    linked = [found[0] for found in LINK.findall(text) if found[0]]
    assert named or linked
    assert [path for path in named if not (settings.ROOT / path).exists()] == []
    assert [path for path in linked if not (document.parent / path).exists()] == []
