"""What holds for every notebook: executed, free of errors and private paths, made from its solution, really compared."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.support.exercise_tables import bound, plain, sanitised, used
from workshop import settings
from workshop.course import lessons, recipes, running
from workshop.errors import WorkshopError

NOTEBOOKS = sorted(settings.NOTEBOOKS.rglob("[0-9]*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if path.parent == settings.NOTEBOOKS]
SANITISED = settings.ROOT / "tests" / "sanitize.cfg"
IGNORED = re.compile(r"NBVAL_(IGNORE_OUTPUT|SKIP|RAISES_EXCEPTION)|PYTEST_VALIDATE_IGNORE_OUTPUT")
REASON = re.compile(rf"^[ \t]*# *(?:{IGNORED.pattern}): *\w+( \w+){{2,}}", re.MULTILINE)
PRIVATE = re.compile(r"/(?:home|Users|root|tmp|work|var)/[\w./-]+")


def name(path: Path) -> str:
    return str(path.relative_to(settings.NOTEBOOKS).with_suffix(""))


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=name)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(output) -> str:
    """What an output shows as text."""
    return output.get("text", "") or output.get("data", {}).get("text/plain", "")


def ignored(cell) -> bool:
    return bool(IGNORED.search(cell.source)) or any(tag.startswith("nbval-") for tag in cell.metadata.get("tags", []))


@each(NOTEBOOKS)
def test_was_run_from_top_to_bottom_without_an_error(path):
    cells = code_cells(nbformat.read(path, as_version=4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert not [output for cell in cells for output in cell.outputs if output.get("name") == "stderr"]


@each(NOTEBOOKS)
def test_at_most_one_shown_cell_in_ten_is_not_compared(path):
    shown = [cell for cell in code_cells(nbformat.read(path, as_version=4)) if cell.outputs]
    exempt = [cell for cell in shown if ignored(cell)]
    assert len(exempt) * 10 <= len(shown)
    assert all(REASON.search(cell.source) for cell in exempt), "the reason stands behind the marker"


@pytest.mark.parametrize(
    ("source", "with_reason"),
    [
        ("# NBVAL_IGNORE_OUTPUT: without a compiler another line is printed\nprint(1)", True),
        ("x = 1  # a remark\n# NBVAL_SKIP: needs a camera that nobody has", True),
        ("# NBVAL_IGNORE_OUTPUT\nprint(1)  # another comment with many words in it", False),
        ("# NBVAL_SKIP: later", False),
        ("# a tag in the metadata alone\nprint(1)", False),
    ],
)
def test_a_marker_alone_is_no_reason(source, with_reason):
    assert bool(REASON.search(source)) == with_reason


@each(NOTEBOOKS)
def test_shows_no_private_path_and_embeds_no_picture(path):
    notebook = nbformat.read(path, as_version=4)
    shown = [cell.source for cell in notebook.cells]
    shown += [text_of(output) for cell in code_cells(notebook) for output in cell.outputs]
    assert not [found for text in shown for found in PRIVATE.findall(text)]
    assert not [text for text in shown if "data:image" in text]


@each(NOTEBOOKS)
def test_every_image_has_the_text_of_its_cell(path):
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        texts = cell.metadata.get("alt", [])
        images = [
            (kind, output)
            for output in cell.get("outputs", [])
            for kind in output.get("data", {})
            if kind.startswith("image/")
        ]
        shown = [output.metadata.get(kind, {}).get("alt", "") for kind, output in images]
        assert all(len(text) > 40 for text in shown), number
        assert shown == ([texts] if isinstance(texts, str) else texts)[: len(shown)], number


@each(NOTEBOOKS)
def test_links_lead_somewhere(path):
    prose = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", prose) if not link.startswith("http")]
    assert not [link for link in links if link and not (path.parent / link).exists()]


@each(NOTEBOOKS)
def test_begins_and_ends_as_every_lesson_does(path):
    prose = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    assert prose[0] == prose[-1] and "course-map" in prose[0], "the same navigation first and last"
    whole = "\n".join(prose)
    assert all(word in whole for word in ("**Objectives.**", "## Recap", "**Recall.**", "Exercise"))


@each(LESSONS)
def test_is_its_solution_without_the_answers(path):
    solution = nbformat.read(lessons.SOLUTIONS / path.name, as_version=4)
    lesson = nbformat.read(path, as_version=4)
    strip = [(cell.cell_type, cell.source, cell.metadata) for cell in lesson.cells]
    assert strip == [(cell.cell_type, cell.source, cell.metadata) for cell in lessons.without_answers(solution).cells]
    assert "BEGIN SOLUTION" in path.with_name("solutions").joinpath(path.name).read_text()
    assert "BEGIN SOLUTION" not in path.read_text()


@each(LESSONS)
def test_the_solution_is_right_where_the_lesson_is_unanswered(path):
    """And all else shows the same in both, so that running the lesson tests the solution's cells but for the answers."""
    lesson, solution = (
        code_cells(nbformat.read(folder / path.name, as_version=4)) for folder in (path.parent, lessons.SOLUTIONS)
    )
    answers, titles = set(), []
    for unanswered, answered in zip(lesson, solution):
        seen, right = ("".join(sanitised(text_of(output)) for output in cell.outputs) for cell in (unanswered, answered))
        titles += (title := re.findall(r'\bcheck\(\s*"(Exercise[ \d]*)"', answered.source))
        if title:
            assert "well done." in right and "missing  " not in right and "no answer yet." in seen
        elif unanswered.source != answered.source or answers & used(plain(answered.source)):
            answers |= bound(ast.parse(plain(answered.source)))
        else:
            assert seen == right, answered.source
    table = Path(__file__).with_name(f"test_exercises_of_lesson_{path.name[:2]}.py").read_text()
    assert titles and all(re.search(rf'"{path.stem}",\s+"{title}"', table) for title in titles)
    assert len(re.findall(r"^ +SOLUTION,$", table, re.MULTILINE)) == len(titles), "each table runs the solution's own answer"


def test_every_recipe_has_its_cells():
    for model, recipe in recipes.RECIPES.items():
        if not recipe.files:
            continue
        tags = [
            cell.metadata.get("tags", []) for cell in nbformat.read(settings.NOTEBOOKS / recipe.notebook, as_version=4).cells
        ]
        assert any("build" in found and model in found for found in tags), model


def first_printed_number(notebook):
    """Position of the first compared cell that shows a number, its output, and that number's place in the text."""
    patterns = re.findall(r"^regex: (.*)$", SANITISED.read_text(), re.MULTILINE)
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or ignored(cell):
            continue
        for output in cell.outputs:
            text = text_of(output)
            covered = [match.span() for pattern in patterns for match in re.finditer(pattern, text)]
            for match in re.finditer(r"\d", text):
                if not any(start <= match.start() < end for start, end in covered):
                    return position, output, match.start()
    raise AssertionError("no compared cell shows a number")


def alter(path: Path) -> tuple[Path, str]:
    """Write a copy that ends with the first cell that prints a number, which is changed; return it and that cell's name."""
    notebook = nbformat.read(path, as_version=4)
    position, output, place = first_printed_number(notebook)
    number = notebook.cells[position].outputs.index(output)
    notebook.cells = notebook.cells[: position + 1]
    target = notebook.cells[position].outputs[number]
    holder, key = (target, "text") if "text" in target else (target["data"], "text/plain")
    text = holder[key]
    holder[key] = text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]
    file = path.with_name(f".altered-{path.name}")
    nbformat.write(notebook, file)
    return file, f"Cell {len(code_cells(notebook)) - 1}"


@pytest.mark.slow
def test_an_altered_number_is_noticed_in_each_notebook(triton_server, slow):
    """Each lesson is run up to its first printed number, which was changed: nbval must refuse that cell and no other.

    Without --slow two of them are: nbval's part is the same in all.
    """
    altered = dict(alter(path) for path in (LESSONS if slow else LESSONS[:2]))
    try:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--nbval", "--tb=no", *map(str, altered)]
        result = subprocess.run(command, cwd=settings.ROOT, capture_output=True, text=True)
    finally:
        for file in altered:
            file.unlink()
    failed = re.findall(r"^FAILED .*?(\.altered-\S+?)::(?:ipynb::)?(Cell \d+)", result.stdout, re.MULTILINE)
    assert sorted(failed) == sorted((file.name, cell) for file, cell in altered.items()), result.stdout[-2000:]


FIGURE = "import matplotlib.pyplot as plt\n\n{}plt.plot([1, 2])\nplt.show()"
AGAIN = "plt.plot([2, 1])\nplt.show()\n"


@pytest.mark.parametrize(
    ("alt", "source", "texts"),
    [
        ("A line rises.", FIGURE.format(""), ["A line rises."]),
        (["A line falls.", "A line rises."], FIGURE.format(AGAIN), ["A line falls.", "A line rises."]),
        (["A line rises.", "What the answer would show."], FIGURE.format(""), ["A line rises."]),
        ("What the answer would show.", "print(1)", []),
    ],
)
def test_images_get_the_text_of_their_cell(tmp_path, alt, source, texts):
    cell = nbformat.v4.new_code_cell(source, metadata={"alt": alt})
    lesson = lessons.without_answers(nbformat.v4.new_notebook(cells=[cell]))
    lessons.execute(lesson, tmp_path)
    images = [output for output in lesson.cells[0].outputs if "image/png" in output.get("data", {})]
    assert [output.metadata["image/png"]["alt"] for output in images] == texts
    nbformat.validate(lesson)


@pytest.mark.parametrize(
    ("metadata", "images"), [({}, 1), ({"alt": " "}, 1), ({"alt": []}, 1), ({"alt": "one"}, 2), ({"alt": ["one", ""]}, 2)]
)
def test_an_image_without_a_text_is_named(metadata, images):
    shown = [nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="}) for _ in range(images)]
    cell = nbformat.v4.new_code_cell("plt.show()\nprint(1)", metadata=metadata, outputs=shown)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("A picture:"), cell])
    (missing,) = lessons.describe_images(notebook)
    assert missing == "cell 1 (plt.show()) shows an image without a text: add it to `alt` in its metadata"
    assert [output.metadata for output in shown[:-1]] == [{"image/png": {"alt": "one"}}] * (images - 1)


def test_a_lesson_is_not_made_with_an_image_that_has_no_text(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FIGURE.format(""))])
    with pytest.raises(
        WorkshopError, match=r"^cell 0 \(import matplotlib\.pyplot as plt\) shows an image without a text: .*"
    ):
        lessons.execute(notebook, tmp_path)


def test_a_failing_notebook_is_reported_and_the_next_one_run(tmp_path, monkeypatch):
    for stem, source in (("01_breaks", "print(1)\n1 / 0"), ("02_works", "print(6 * 7)")):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        nbformat.write(notebook, tmp_path / f"{stem}.ipynb")
    monkeypatch.setattr(settings, "NOTEBOOKS", tmp_path)
    report = tmp_path / "report.html"
    broken, working = running.run([], report=report, console=running.Console(quiet=True))
    assert "ZeroDivisionError" in broken.error and not working.error
    page = report.read_text()
    assert "01_breaks" in page and "ZeroDivisionError" in page and "42" in page
    assert json.loads((tmp_path / "02_works.ipynb").read_text())["cells"][0]["outputs"] == []
    assert [path.stem for path in running.select(["02"])] == ["02_works"]
    with pytest.raises(running.WorkshopError, match="no notebook begins with 7"):
        running.select(["7"])
