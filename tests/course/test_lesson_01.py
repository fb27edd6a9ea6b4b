"""What lesson 01 says and does, apart from its exercises."""

import re
import shlex

import nbformat
import yaml

from workshop import settings
from workshop.course import lessons

CELLS = nbformat.read(lessons.SOLUTIONS / "01_serve_a_model.ipynb", as_version=4).cells
PROSE = "\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")
CODE = "\n".join(cell.source for cell in CELLS if cell.cell_type == "code")


def test_the_container_is_started_as_compose_starts_it():
    service = yaml.safe_load((settings.ROOT / "compose.yaml").read_text())["services"]["triton"]
    words = shlex.split(re.search(r"^docker run [^`]*", PROSE, re.MULTILINE)[0].replace("\\\n", " "))
    place = words.index(service["image"])
    assert words[place + 1] == "tritonserver" and set(words[place + 1 :]) <= set(service["command"])
    assert f"--shm-size={service['shm_size']}" in words[:place]
    assert any(word.startswith("127.0.0.1:") for word in words[:place])


def test_every_model_that_it_loads_is_named_for_its_kernel():
    assert len(re.findall(r'"(?:demo|my)_\w+"', CODE)) == len(re.findall(r'own\.name\("(?:demo|my)_\w+"\)', CODE)) >= 5
    assert "own.remove()" in CELLS[-4].source or "own.remove()" in CELLS[-3].source
