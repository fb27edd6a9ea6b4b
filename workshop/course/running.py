"""`workshop run`: execute the course in order and report on it in one HTML page."""

import dataclasses
import html
import time
from pathlib import Path

import nbformat
from rich.console import Console

from workshop import settings
from workshop.course import lessons, pages
from workshop.errors import WorkshopError
from workshop.progress import progress


@dataclasses.dataclass(frozen=True)
class Result:
    """How one notebook ran: seconds it took, and the error that ended it, if any."""

    name: str
    seconds: float
    error: str
    page: str
    """The executed notebook as HTML."""


def select(names: list[str]) -> list[Path]:
    """The lessons whose file name begins with one of the names, in the course's order; all of them without names.

    Raises:
        WorkshopError: a name fits no notebook.
    """
    lessons_there = sorted(settings.NOTEBOOKS.glob("[0-9]*.ipynb"))
    for name in names:
        if not any(path.stem.startswith(Path(name).stem) for path in lessons_there):
            raise WorkshopError(f"no notebook begins with {name}; there are: {', '.join(p.stem for p in lessons_there)}")
    return [path for path in lessons_there if not names or any(path.stem.startswith(Path(name).stem) for name in names)]


def run(names: list[str], *, report: Path, console: Console) -> list[Result]:
    """Execute notebooks one after the other, each in a fresh kernel, showing progress; write the report.

    A notebook that fails is reported with its outputs up to the failure, and the next one is run.
    """
    results = []
    for path in select(names):
        results.append(_run(path, console))
        result = results[-1]
        console.print(f"{'FAILED' if result.error else 'ok    '} {result.name} in {result.seconds:.1f} s  {result.error}")
        _write_report(results, report)
    return results


def _run(path: Path, console: Console) -> Result:
    notebook = nbformat.read(path, as_version=4)
    runner = lessons.client(notebook, path.parent)
    code = sum(cell.cell_type == "code" for cell in notebook.cells)
    began, done, error = time.monotonic(), 0, ""
    with progress(console, path.stem) as tell, runner.setup_kernel():
        for number, cell in enumerate(notebook.cells):
            tell(time.monotonic() - began, f"cell {done + 1} of {code}")
            try:
                runner.execute_cell(cell, number)
            except lessons.FAILURES as failure:
                error = lessons.reason(failure)
                break
            done += cell.cell_type == "code"
    seconds = time.monotonic() - began
    lessons.describe_images(notebook)
    return Result(path.stem, seconds, error, pages.page(notebook, path.stem))


def _write_report(results: list[Result], report: Path) -> None:
    """One self-contained page: a table of the notebooks, and each of them below it in a frame of its own."""
    rows = "".join(
        f"<tr><td><a href='#{r.name}'>{r.name}</a></td><td>{r.seconds:.1f} s</td>"
        f"<td>{html.escape(r.error) or 'ok'}</td></tr>"
        for r in results
    )
    frames = "".join(
        f"<h2 id='{r.name}'>{r.name}</h2><iframe srcdoc='{html.escape(r.page, quote=True)}' loading='lazy'></iframe>"
        for r in results
    )
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(
        "<!doctype html><meta charset='utf-8'><title>The course, executed</title>"
        "<style>body{font-family:sans-serif;margin:2em auto;max-width:70em}td{padding:.2em 1em .2em 0}"
        "iframe{width:100%;height:85vh;border:1px solid #ccc}</style>"
        f"<h1>The course, executed</h1><table>{rows}</table>{frames}"
    )
