"""Pages of notebooks: whole without any network, with diagrams, formulas, alternative texts, and words to the left."""

import re
from base64 import b64decode
from importlib.metadata import entry_points

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import get_exporter

from workshop import settings
from workshop.course import pages, running

LESSONS = sorted(settings.NOTEBOOKS.glob("[0-9]*.ipynb"))
FENCE = re.compile(r"^```mermaid\n(.*?)^```", re.DOTALL | re.MULTILINE)
FETCHING = ("src", "srcset", "data", "poster", "xlink:href")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="


def prose(*sources):
    """The page of Markdown cells, parsed."""
    return parsed(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source) for source in sources]))


def shown(data, metadata=None):
    """The page of one cell with one output, parsed."""
    output = nbformat.v4.new_output("display_data", data, metadata=metadata or {})
    return parsed(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("show()", outputs=[output])]))


def parsed(notebook):
    return BeautifulSoup(pages.page(notebook, "a page"), "html.parser")


def fetched(soup):
    """What a browser would ask another machine for in order to show a page; links, which it only offers, left out."""
    asked = [str(element) for element in soup.select("script, link, iframe, base, meta[http-equiv]")]
    asked += [element[key] for element in soup.find_all() for key in FETCHING if element.has_attr(key)]
    asked += [element["href"] for element in soup.select("[href]") if element.name != "a"]
    styles = [style.get_text() for style in soup.select("style")] + [element["style"] for element in soup.select("[style]")]
    asked += [found for style in styles for found in re.findall(r"@import[^;]+|url\(\s*[\"']?([^)\"']+)", style)]
    return [found for found in asked if not found.startswith(("data:", "#"))]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_whole_without_network(path, recwarn):
    notebook = nbformat.read(path, as_version=4)
    soup = parsed(notebook)
    assert fetched(soup) == []
    sources = [fence for cell in notebook.cells if cell.cell_type == "markdown" for fence in FENCE.findall(cell.source)]
    drawn = soup.select("figure.diagram > svg")
    assert len(drawn) == len(sources) == len({svg["id"] for svg in drawn})
    assert not soup.select(".mermaid, .diagram > pre")
    words = re.compile(r"[^\W_]{3,}")
    for source, svg in zip(sources, drawn):
        names = set(words.findall(re.sub(r"^\s*(flowchart \w+|subgraph|end)\b|<br/>", "", source, flags=re.MULTILINE)))
        assert len(names) > 4 and names <= set(words.findall(svg.get_text(" ")))
    assert not [warning for warning in recwarn if "shown as text" in str(warning.message)]
    images = [image["alt"] for image in soup.select("img")]
    texts = [cell.metadata.alt for cell in notebook.cells if "alt" in cell.metadata and "image/png" in str(cell.outputs)]
    assert images == texts


@pytest.mark.parametrize(
    "page",
    [
        "<script src='https://cdn.example/x.js'></script>",
        "<link rel='stylesheet' href='https://cdn.example/x.css'>",
        "<style>@import 'https://cdn.example/x.css';</style>",
        "<p style=\"background: url('https://cdn.example/x.png')\">",
        "<img src='//cdn.example/x.png'>",
        "<script type='module'>import('https://cdn.example/x.mjs')</script>",
    ],
)
def test_what_would_be_fetched_is_noticed(page):
    assert fetched(BeautifulSoup(page, "html.parser"))
    assert not fetched(
        BeautifulSoup("<a href='https://example.org'>read</a><img src='data:image/png;base64,AA=='>", "html.parser")
    )


def test_two_diagrams_of_a_page_keep_their_own_style_and_arrows():
    soup = prose(*(f"```mermaid\nflowchart LR\n  A[from {name}] -- over --> B[(to {name})]\n```" for name in ("x", "y")))
    first, second = soup.select("figure.diagram > svg")
    assert "from x" in first.get_text(" ") and "to y" in second.get_text(" ")
    for svg, other in ((first, second), (second, first)):
        assert f"#{svg['id']} .node" in svg.style.get_text() and other["id"] not in str(svg)
        (arrow,) = (path["marker-end"] for path in svg.select("path[marker-end]"))
        assert svg.find(id=arrow.removeprefix("url(#").removesuffix(")"))


def test_what_cannot_be_drawn_is_shown_as_text():
    with pytest.warns(UserWarning, match="a diagram is shown as text"):
        soup = prose("```mermaid\nflowchart LR\n  A[never closed --> <b>\n```")
    assert "A[never closed --> <b>" in soup.select_one("figure.diagram > pre").get_text()
    with pytest.warns(UserWarning, match="a formula is shown as text"):
        soup = prose(r"This $\left( x < 1$ is none.")
    assert soup.select_one("p > code").get_text() == r"\left( x < 1"


def test_formulas_are_drawn_by_the_browser():
    soup = prose(r"A $z_u < 1$ costs $5.", "$$\\sqrt{x}$$", "\\begin{equation}y^2\\end{equation}", "`$z$`")
    inline, *blocks = soup.select("math")
    assert inline["display"] == "inline" and inline.msub.get_text() == "zu" and "<" in inline.get_text()
    assert [block["display"] for block in blocks] == ["block", "block"] and blocks[0].msqrt and blocks[1].msup
    assert "costs $5." in soup.get_text() and soup.code.get_text() == "$z$"


def test_pictures_have_their_alternative_text():
    alt = 'Two lines, A < B & "C": they cross.'
    image = shown({"image/png": PIXEL}, {"image/png": {"alt": alt}}).img
    assert image["alt"] == alt and image["src"] == f"data:image/png;base64,{PIXEL}"
    assert shown({"image/png": PIXEL}).img["alt"] == "No description has been provided for this image"


def test_words_stand_left_and_numbers_right():
    table = """<table border="1" class="dataframe"><thead>
        <tr style="text-align: right;"><th></th><th colspan="2">both</th><th>message</th><th>gain</th></tr>
        <tr><th>name</th><th>count</th><th>kind</th><th></th><th></th></tr></thead><tbody>
        <tr><th rowspan="2">a</th><td>-1.5e-07</td><td>tent</td><td>no such model</td><td>1.20×</td></tr>
        <tr><td>NaN</td><td>3</td><td>12</td><td>30%</td></tr></tbody></table>"""
    soup = shown({"text/html": table})
    assert [cell.get_text() for cell in soup.select(".words") if cell.get_text()] == [
        *("message", "kind", "tent", "no such model", "3", "12")
    ]


def test_nbconvert_makes_the_same_page():
    (found,) = entry_points(group="nbconvert.exporters", name="page")
    assert found.load() is pages.PageExporter
    path = LESSONS[0]
    text, _ = get_exporter("page")().from_filename(str(path))
    assert text == pages.page(nbformat.read(path, as_version=4), path.stem)


def test_the_report_of_a_run_describes_pictures_and_forgives_one_without_a_text(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "NOTEBOOKS", tmp_path)
    source = (
        f"from IPython.display import Image\nfor _ in 'ab':\n    display(Image(bytes.fromhex('{b64decode(PIXEL).hex()}')))"
    )
    cells = [nbformat.v4.new_code_cell(source, metadata={"alt": "One point."}), nbformat.v4.new_markdown_cell("$x^2$")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "01_points.ipynb")
    (result,) = running.run([], report=tmp_path / "report.html", console=running.Console(quiet=True))
    soup = BeautifulSoup(result.page, "html.parser")
    described, undescribed = soup.select("img")
    assert not result.error and described["alt"] == "One point." and undescribed["alt"].startswith("No description")
    assert soup.title.get_text() == "01_points" and fetched(soup) == []
    report = BeautifulSoup((tmp_path / "report.html").read_text(), "html.parser")
    assert fetched(BeautifulSoup(report.iframe["srcdoc"], "html.parser")) == []
