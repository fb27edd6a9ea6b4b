"""Tables of answers to an exercise, each tried with the notebook's own cells: what does its check say to them?

An exercise is the cell of a solution with nbgrader's markers and the cell after it that calls `check`. To try an answer,
only the cells that define what those two use are executed, once; then the answer cell with the answer between the markers,
and the check, to a right answer twice: a second run must say the same.
"""

import ast
import configparser
import contextlib
import functools
import io
import linecache
import os
import re
import symtable
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import nbformat
import torch

from workshop import settings
from workshop.course import lessons


@dataclass(frozen=True)
class Answer:
    """An answer in a table: its source, and what the check must say to it. `...` is the unanswered stub."""

    kind: str
    """`empty`, `wrong …`, `raises` or `right …`; the test's name."""
    source: str
    says: tuple[str, ...]
    """Pieces of text that the check's output holds, or for a right answer none: then it is `well done`, nothing missing."""


SOLUTION = Answer("right: the solution's own", "what stands between the solution's markers", ())
"""The row of each table that stands for running the solution: the check must print what the solution shows."""


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
    def _cells(self) -> tuple[list[str], str, str, str]:
        """The cells before, the answer cell, the check cell with what lies between the two, and what those print."""
        solution = nbformat.read(lessons.SOLUTIONS / f"{self.notebook}.ipynb", as_version=4)
        cells = [cell for cell in solution.cells if cell.cell_type == "code"]
        sources = [plain(cell.source) for cell in cells]
        call = re.compile(rf"\bcheck\(\s*\"{self.title}\"")
        (checking,) = [number for number, source in enumerate(sources) if call.search(source)]
        answering = max(number for number in range(checking + 1) if lessons.ANSWER.search(sources[number]))
        between = range(answering + 1, checking + 1)
        printed = [output.text for number in between for output in cells[number].outputs if output.output_type == "stream"]
        return sources[:answering], sources[answering], "\n\n".join(sources[number] for number in between), "".join(printed)

    @functools.cached_property
    def _prepared(self) -> dict:
        before, answering, checking, _ = self._cells
        needed = used(answering) | used(checking)
        wanted = []
        for source in reversed(before):
            if needed & bound(ast.parse(source)) or any(piece in source for piece in self.also):
                wanted.append(source)
                needed |= used(source)
        namespace = {"__name__": "__main__"}
        with _in(lessons.SOLUTIONS), contextlib.redirect_stdout(io.StringIO()):
            for source in reversed(wanted):
                _execute(source, namespace)
        return namespace

    def judge(self, answer: str, runs: int = 1) -> str:
        """What the check prints to an answer. Raises when a further run of the check says something else."""
        _, answering, checking, _ = self._cells
        namespace = dict(self._prepared)

        def between_markers(marker: re.Match) -> str:
            return textwrap.indent(textwrap.dedent(answer).strip(), marker[1])

        source = lessons.ANSWER.sub(between_markers, answering)
        said = []
        with _in(lessons.SOLUTIONS):
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                _execute(source, namespace)  # what raises here, a learner sees in the cell itself
            for _ in range(runs):
                with contextlib.redirect_stdout(io.StringIO()) as output:
                    _execute(checking, namespace)
                said.append(output.getvalue())
        assert len(set(said)) == 1, "the check's second run says something else:\n" + "\n".join(said)
        return said[0]

    def test(self, answer: Answer) -> None:
        """Assert that the check says what the table expects."""
        _, answering, _, shown = self._cells
        right, solution = answer.kind.startswith("right"), answer is SOLUTION
        source = "\n".join(lessons.ANSWER.search(answering)[0].splitlines()[1:-1]) if solution else answer.source
        said = self.judge(source, runs=2 if right else 1)
        if right:
            assert "well done." in said and "missing  " not in said, said
        else:
            assert "well done." not in said, said
        if solution:
            assert sanitised(said) == sanitised(shown)
        for piece in answer.says:
            assert piece in said, said


def sanitised(text: str) -> str:
    """A notebook's output without what differs from run to run, as nbval compares it."""
    for pattern, replacement in _sanitising():
        text = re.sub(pattern, replacement, text)
    return text


@functools.cache
def _sanitising() -> list[tuple[str, str]]:
    rules = configparser.RawConfigParser()
    rules.read(settings.ROOT / "tests" / "sanitize.cfg")
    return [(rules[section]["regex"], rules[section]["replace"]) for section in rules.sections()]


def _execute(source: str, namespace: dict) -> None:
    """Execute a cell in such a way that Python finds its source: `torch.jit.script` reads that of a class."""
    name = f"<cell {hash(source)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), namespace)


def plain(source: str) -> str:
    """A cell without IPython's magics."""
    return "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("%"))


def used(source: str) -> set[str]:
    """Names that a cell reads from the cells before it, and built-in ones."""
    names, own = set(), set()
    for statement in ast.parse(source).body:
        read = _read(symtable.symtable(ast.unparse(statement), "cell", "exec"))
        if isinstance(statement, ast.For | ast.With | ast.If | ast.Try):
            read -= bound(statement)  # its targets, and what its body binds for itself
        names |= read - own
        own |= bound(statement)
    return names


def _read(table: symtable.SymbolTable) -> set[str]:
    """Global names that a scope and those within it refer to."""
    module = table.get_type() == "module"
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced() and (module or symbol.is_global())}
    return own.union(*map(_read, table.get_children()))


def bound(tree: ast.AST) -> set[str]:
    """Names that a cell or a statement binds for the cells after it, or changes by assigning to a part of them."""
    names = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            names |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        else:
            names |= bound(node)
    return names


@contextlib.contextmanager
def _in(folder) -> Iterator[None]:
    """Work in a folder. What cells set for their whole process, the folder and torch's threads, is put back."""
    before, threads = os.getcwd(), torch.get_num_threads()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        torch.set_num_threads(threads)
