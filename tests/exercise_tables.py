"""Tables of answers to an exercise, each tried with the notebook's own cells: what does its check say to them?

An exercise is the cell of a solution with nbgrader's markers and the cell after it that calls `check`. To try an answer,
only the cells that define what those two use are executed, once; then the answer cell with the answer between the markers,
and the check, twice: a second run must say the same.
"""

import ast
import contextlib
import functools
import io
import linecache
import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import nbformat

from workshop import lessons


@dataclass(frozen=True)
class Answer:
    """An answer in a table: its source, and what the check must say to it. `...` is the unanswered stub."""

    kind: str
    """`empty`, `wrong …`, `raises` or `right …`; the test's name."""
    source: str
    says: tuple[str, ...]
    """Pieces of text that the check's output holds, or for a right answer none: then it is `well done`, nothing missing."""


class Exercise:
    """One exercise of one lesson, prepared on first use.

    Args:
        notebook: the lesson's name without `.ipynb`.
        title: as the check cell has it, for example "Exercise 1".
        also: pieces of source; cells that hold one of them are executed too. For what a cell does besides defining names,
            such as loading a model.
    """

    def __init__(self, notebook: str, title: str, also: tuple[str, ...] = ()):
        self.notebook, self.title, self.also = notebook, title, also

    @functools.cached_property
    def _cells(self) -> tuple[list[str], str, str]:
        """The cells before, the answer cell, and the check cell with what lies between the two."""
        solution = nbformat.read(lessons.SOLUTIONS / f"{self.notebook}.ipynb", as_version=4)
        sources = [_plain(cell.source) for cell in solution.cells if cell.cell_type == "code"]
        call = re.compile(rf"\bcheck\(\s*\"{self.title}\"")
        (checking,) = [number for number, source in enumerate(sources) if call.search(source)]
        answering = max(number for number in range(checking + 1) if lessons.ANSWER.search(sources[number]))
        return sources[:answering], sources[answering], "\n\n".join(sources[answering + 1 : checking + 1])

    @functools.cached_property
    def _prepared(self) -> dict:
        before, answering, checking = self._cells
        needed = _used(answering) | _used(checking)
        wanted = []
        for source in reversed(before):
            if needed & _bound(source) or any(piece in source for piece in self.also):
                wanted.append(source)
                needed |= _used(source)
        namespace = {"__name__": "__main__"}
        with _in(lessons.SOLUTIONS), contextlib.redirect_stdout(io.StringIO()):
            for source in reversed(wanted):
                _execute(source, namespace)
        return namespace

    def judge(self, answer: str) -> str:
        """What the check prints to an answer. Raises when a second run of the check says something else."""
        _, answering, checking = self._cells
        namespace = dict(self._prepared)

        def between_markers(marker: re.Match) -> str:
            return textwrap.indent(textwrap.dedent(answer).strip(), marker[1])

        source = lessons.ANSWER.sub(between_markers, answering)
        said = []
        with _in(lessons.SOLUTIONS):
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                _execute(source, namespace)  # what raises here, a learner sees in the cell itself
            for _ in range(2):
                with contextlib.redirect_stdout(io.StringIO()) as output:
                    _execute(checking, namespace)
                said.append(output.getvalue())
        assert said[0] == said[1], f"the check's second run says something else:\n{said[0]}\n{said[1]}"
        return said[0]

    def test(self, answer: Answer) -> None:
        """Assert that the check says what the table expects."""
        said = self.judge(answer.source)
        if answer.kind.startswith("right"):
            assert "well done." in said and "missing  " not in said, said
        else:
            assert "well done." not in said, said
        for piece in answer.says:
            assert piece in said, said


def _execute(source: str, namespace: dict) -> None:
    """Execute a cell in such a way that Python finds its source: `torch.jit.script` reads that of a class."""
    name = f"<cell {hash(source)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), namespace)


def _plain(source: str) -> str:
    """A cell without IPython's magics."""
    return "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("%"))


def _used(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _bound(source: str) -> set[str]:
    """Names that a cell binds, or changes by assigning to an attribute or an element."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            names |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return names


@contextlib.contextmanager
def _in(folder) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
