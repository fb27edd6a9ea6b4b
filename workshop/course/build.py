"""`workshop build`: run the notebook cells that make the weights the committed configurations ask for.

A notebook cell tagged `build` is part of a build; there is no second copy of that code. A cell that is tagged with models'
names besides (`build`, `sentence_bert`) is run for those models only. The cells are those of the solutions: what a
learner changes in a lesson changes no model that other lessons use.
"""

import os
from collections.abc import Callable
from pathlib import Path

import nbformat

from workshop.course import lessons
from workshop.course.recipes import RECIPES
from workshop.errors import WorkshopError
from workshop.triton import own


def build(
    names: list[str],
    *,
    progress: Callable[[str], None] = lambda text: None,
    without: Callable[[str], None] | None = None,
) -> list[str]:
    """Build models, notebook by notebook.

    Args:
        names: models to build, whether they are built already or not.
        progress: called with a line of text before each cell.
        without: called with a line for each model whose parts from outside cannot be had; not given, that is an error too.

    Returns:
        The models that were built.

    Raises:
        WorkshopError: a name is unknown, or a cell failed; the message quotes the cell's error.
    """
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise WorkshopError(f"nothing builds {', '.join(unknown)}; there are: {', '.join(RECIPES)}")
    built = []
    for notebook in dict.fromkeys(recipe.notebook for name, recipe in RECIPES.items() if name in names):
        wanted = [name for name in names if RECIPES[name].notebook == notebook]
        together = [name for name in wanted if not (without and RECIPES[name].from_outside)]
        for group in (together, *([name] for name in wanted if name not in together)):
            try:
                _run_cells(lessons.SOLUTIONS / notebook, group, progress)
            except WorkshopError as error:
                if group == together:
                    raise
                without(str(error))
            else:
                built += group
    return built


def _run_cells(path: Path, wanted: list[str], progress: Callable[[str], None]) -> None:
    if not wanted:
        return
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "build" in cell.metadata.get("tags", [])]
    models = [RECIPES.keys() & cell.metadata.tags for cell in cells]
    notebook.cells = [cell for cell, named in zip(cells, models) if not named or named.intersection(wanted)]
    client = lessons.client(notebook, path.parent)
    with client.setup_kernel(env={**os.environ, own.BUILDING: "1"}):
        for number, cell in enumerate(notebook.cells, start=1):
            progress(f"{', '.join(wanted)}: cell {number} of {len(notebook.cells)} of {path.name}")
            try:
                client.execute_cell(cell, number - 1)
            except lessons.FAILURES as error:
                raise WorkshopError(
                    f"building {', '.join(wanted)} failed in {path.name}: {lessons.reason(error)}"
                ) from error
    for name in wanted:
        if not RECIPES[name].built(name):
            files = ", ".join(RECIPES[name].files)
            raise WorkshopError(f"the cells tagged build in {path.name} ran, but left no {files} in {name}")
