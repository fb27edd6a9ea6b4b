"""A notebook as one HTML page that asks no other machine for anything.

nbconvert's page leaves diagrams and formulas to the reader's browser, which has to fetch Mermaid, MathJax and RequireJS.
Here both are drawn when the page is made: diagrams by Mermaid itself, which `mermaidx` runs without a browser, as SVG;
formulas as MathML, which browsers draw by themselves.
"""

import hashlib
import html
import re
import warnings

import mermaidx
import nbformat
from bs4 import BeautifulSoup, Tag
from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

TEMPLATE = """\
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_css -%}
<style>
  .diagram, .diagram > pre { max-width: 100%; overflow-x: auto; }
  .diagram foreignObject > div { display: block !important; }
  .diagram foreignObject p { margin: 0; text-align: center; }
  .jp-RenderedHTMLCommon .dataframe .words { text-align: left; }
</style>
{%- endblock -%}
{%- block data_png scoped -%}
{%- set text = output | get_metadata('alt', 'image/png') -%}
{{ super() | replace('<img ', '<img alt="' ~ (text | escape_html) ~ '" ', 1) if text else super() }}
{%- endblock -%}
"""
"""The template `lab` without what it loads, and with pictures' alternative texts, which it does not look for."""
FONT = '"DejaVu Sans", Verdana, sans-serif'
"""As wide as the letters that `mermaidx` measures, so that a label fits its box."""
NUMBER = re.compile(r"[-+−]?[\d.,]*(e[-+]?\d+)?[%×]?|nan|inf|<NA>|None", re.IGNORECASE)


def page(notebook: nbformat.NotebookNode, name: str) -> str:
    """A notebook with its outputs as one HTML page, titled `name`. A browser shows it whole without any network."""
    text, _ = PageExporter().from_notebook_node(notebook, resources={"metadata": {"name": name}})
    return text


def diagram(source: str) -> str:
    """A Mermaid diagram as a figure with SVG in it; one that Mermaid cannot draw is shown as its text."""
    try:
        svg = mermaidx.render(source, config={"fontFamily": FONT}).svg()
    except RuntimeError as error:
        warnings.warn(f"a diagram is shown as text: {str(error).partition(chr(10))[0]}", stacklevel=2)
        return f'<figure class="diagram"><pre>{html.escape(source.strip())}</pre></figure>\n'
    # Every drawing has the same id, by which its style finds it: on a page with several each needs its own.
    given = re.search(r'id="([^"]+)"', svg)[1]
    own = f"diagram-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
    return f'<figure class="diagram">{svg.replace(given, own)}</figure>\n'


def formula(source: str, display: str) -> str:
    """A TeX formula as MathML, `display` being `inline` or `block`; one that cannot be read is shown as its text."""
    try:
        return convert(source, display=display)
    except Exception as error:  # the converter has a dozen errors of its own without a common base
        warnings.warn(f"a formula is shown as text: {type(error).__name__} in {source}", stacklevel=2)
        return f"<code>{html.escape(source)}</code>"


class _Markdown(IPythonRenderer):
    """nbconvert's Markdown, but with diagrams and formulas drawn."""

    def block_mermaidjs(self, code: str) -> str:
        return diagram(code)

    def block_math(self, body: str) -> str:
        return formula(body, "block")

    def inline_math(self, body: str) -> str:
        return formula(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


class PageExporter(HTMLExporter):
    """nbconvert's exporter to HTML, for pages that need no network. It is installed as `jupyter nbconvert --to page`."""

    export_from_notebook = "HTML without network"

    def __init__(self, **options):
        super().__init__(**{"raw_template": TEMPLATE, **options})

    def from_notebook_node(self, nb: nbformat.NotebookNode, resources: dict | None = None, **options) -> tuple[str, dict]:
        """The page of a notebook, and nbconvert's notes on it."""
        text, resources = super().from_notebook_node(nb, resources, **options)
        soup = BeautifulSoup(text, "html.parser")
        for table in soup.select("table.dataframe"):
            _mark_words(table)
        return str(soup), resources

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        """nbconvert's filter of this name, with diagrams and formulas drawn."""
        attachments = context.get("cell", {}).get("attachments", {})
        return MarkdownWithMath(renderer=_Markdown(escape=False, attachments=attachments)).render(source)


def _mark_words(table: Tag) -> None:
    """Give the cells of a data frame's columns that hold more than numbers the class `words`, heads included."""
    rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
    width = max((len(row) for row in rows), default=0)
    for column in range(1, width + 1):  # counted from the right: a row may lack the index that the one above it spans
        cells = [row[-column] for row in rows if len(row) >= column]
        if any(cell.name == "td" and not NUMBER.fullmatch(cell.get_text(strip=True)) for cell in cells):
            for cell in cells:
                if int(cell.get("colspan", 1)) == 1:
                    cell["class"] = [*cell.get("class", []), "words"]
