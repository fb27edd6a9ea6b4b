#!/usr/bin/env python
"""Execute solutions and make the lessons from them: scripts/make_lessons.py [NAME …], for example 02_trace_a_transformer.

Edit notebooks/solutions/NAME.ipynb, run this, and commit both files. The server must be up (`workshop up`). What a
picture shows is written to its cell's metadata, as `alt`, in one or two sentences that hold in every run.
"""

import argparse
import sys
import time

import nbformat

from workshop import settings
from workshop.course import lessons
from workshop.errors import WorkshopError


def main() -> None:
    """Make the lessons that were named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="notebooks without .ipynb; all of them when none is named")
    names = parser.parse_args().names or sorted(path.stem for path in lessons.SOLUTIONS.glob("*.ipynb"))
    for name in names:
        began = time.monotonic()
        path = lessons.SOLUTIONS / f"{name}.ipynb"
        solution = nbformat.read(path, as_version=4)
        lesson = lessons.without_answers(solution)
        for notebook, target in ((solution, path), (lesson, settings.NOTEBOOKS / path.name)):
            try:
                lessons.execute(notebook, target.parent)
            except WorkshopError as error:
                sys.exit(f"make_lessons.py: {target.relative_to(settings.ROOT)}: {error}")
            lessons.write(notebook, target)
        print(f"{name}: solution and lesson in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
