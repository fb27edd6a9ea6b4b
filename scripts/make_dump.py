#!/usr/bin/env python
"""Make dump/movies from dump/sources/movies: scripts/make_dump.py [--keep-embeddings] [--check].

The sources are checked first. The server must be up and `sentence_embedder` built (`workshop up`, `workshop build`),
unless every synopsis is unchanged and --keep-embeddings given.
"""

import argparse
import sys
import time

from workshop import films
from workshop.arango import dump_format
from workshop.errors import WorkshopError


def main() -> None:
    """Write the dump, or only check the sources."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--keep-embeddings", action="store_true", help="take those of unchanged synopses from the present dump"
    )
    parser.add_argument("--check", action="store_true", help="check the sources and write nothing")
    arguments = parser.parse_args()
    began = time.monotonic()
    try:
        found = films.load()
        if not arguments.check:
            made, notes = films.collections(found, _vectors(found, arguments.keep_embeddings))
    except WorkshopError as error:
        sys.exit(f"make_dump.py: {error}")
    if arguments.check:
        print(f"{len(found)} films, no faults")
        return
    dump_format.write(films.DUMP, "workshop", made)
    for note in notes:
        print(f"note: {note}")
    sizes = ", ".join(f"{len(documents):,} {name}" for name, (_, documents) in made.items())
    print(f"{films.DUMP.name}: {sizes} in {time.monotonic() - began:.0f} s")


def _vectors(found: list[films.Film], keep: bool) -> list[list[float]]:
    """The embedding of each film's synopsis, asked of the server where the present dump is not to be believed."""
    known = films.present_vectors() if keep else {}
    texts = [film.synopsis for film in found if film.synopsis not in known]
    if texts:
        from tritonclient.utils import InferenceServerException

        from workshop.text import embed

        try:
            known.update(zip(texts, films.rounded(embed(texts)), strict=True))
        except (OSError, InferenceServerException) as error:
            remedy = "`workshop up` starts Triton, `workshop build` makes the model"
            raise WorkshopError(f"sentence_embedder does not answer ({error}); {remedy}") from error
    return [known[film.synopsis] for film in found]


if __name__ == "__main__":
    main()
