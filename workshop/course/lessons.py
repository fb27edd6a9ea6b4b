"""Lessons are made from their solutions, and both are executed as they are committed.

`notebooks/solutions/NAME.ipynb` is the source. In it, an answer stands between nbgrader's markers, and the lesson
`notebooks/NAME.ipynb` is the same notebook without what lies between them:
https://nbgrader.readthedocs.io/en/stable/user_guide/creating_and_grading_assignments.html
"""

import copy
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from workshop import settings
from workshop.errors import WorkshopError

SOLUTIONS = settings.NOTEBOOKS / "solutions"
UPWARDS = re.compile(r"(\]\()\.\./(?=\.\./)")
"""A link out of `notebooks/`, which is one folder further up from a solution than from its lesson."""
ANSWER = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?### END SOLUTION[ \t]*$", re.DOTALL | re.MULTILINE)
STUB = "# your code here"
FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError)
"""What running a cell may end in: it raised, took too long, or ended its kernel."""
VOLATILE_METADATA = ("execution", "collapsed", "scrolled")


def without_answers(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The lesson of a solution: answers replaced by a stub, outputs and counts removed.

    A stub inside a function keeps its indentation and ends in `...`, so that the function stays valid Python. A link to
    `../../docs/` in a solution is one to `../docs/` in its lesson.
    """
    lesson = copy.deepcopy(solution)
    for cell in lesson.cells:
        cell.source = ANSWER.sub(lambda match: match[1] + (f"...  {STUB}" if match[1] else STUB), cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:
            cell.source = UPWARDS.sub(r"\1", cell.source)
    return lesson


def client(notebook: nbformat.NotebookNode, folder: Path) -> NotebookClient:
    """A client that runs a notebook in `folder`. Its kernel reports errors only: each would warn of its local TCP ports."""
    return NotebookClient(
        notebook,
        timeout=600,
        coalesce_streams=True,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(folder)}},
    )


def reason(failure: Exception) -> str:
    """One of `FAILURES` in one line."""
    if isinstance(failure, CellExecutionError):
        return f"{failure.ename}: {failure.evalue}"
    return f"{type(failure).__name__}: {str(failure).strip().partition(chr(10))[0]}"


def describe_images(notebook: nbformat.NotebookNode) -> list[str]:
    """Copy the alternative texts of cells to the images that they show; return what is missing, one line a cell.

    The author writes what a picture shows once, in the metadata of the solution's cell: `alt` is a text, or a list of
    texts where the cell shows several images. A lesson may show fewer images than there are texts, until it is answered.
    An image has its text where nbconvert looks for it, in the output's metadata under the image's type.
    """
    missing = []
    for number, cell in enumerate(notebook.cells):
        texts = cell.metadata.get("alt", [])
        texts = iter([texts] if isinstance(texts, str) else texts)
        for output in cell.get("outputs", []):
            for kind in (kind for kind in output.get("data", {}) if kind.startswith("image/")):
                if text := next(texts, "").strip():
                    output.metadata[kind] = {**output.metadata.get(kind, {}), "alt": text}
                else:
                    first = cell.source.strip().partition("\n")[0]
                    missing.append(f"cell {number} ({first}) shows an image without a text: add it to `alt` in its metadata")
    return list(dict.fromkeys(missing))


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run a notebook from a fresh kernel in `folder`; its outputs and execution counts are set in place.

    Raises:
        WorkshopError: a cell shows an image that has no alternative text.
    """
    client(notebook, folder).execute()
    if missing := describe_images(notebook):
        raise WorkshopError("; ".join(missing))
    for cell in notebook.cells:
        for key in VOLATILE_METADATA:
            cell.metadata.pop(key, None)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook with numbered cell ids, so that running it again changes as little of the file as possible."""
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
