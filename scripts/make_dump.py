#!/usr/bin/env python
"""Make a folder of dump/ from its sources: scripts/make_dump.py movies [--keep-embeddings] [--check], or products.

dump/movies is made from dump/sources/movies, whose faults are reported. The server must be up and `sentence_embedder` built
(`workshop up`, `workshop build`), unless every synopsis is unchanged and --keep-embeddings given. dump/products is made from
the course's product graph and checkpoints/, without a server.
"""

import argparse
import sys
import time

from workshop.arango.dump import format
from workshop.errors import WorkshopError
from workshop.films import sources


def main() -> None:
    """Write a dump, or only check the sources."""
    summary, _, description = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=description)
    parser.add_argument("dump", choices=("movies", "products"), help="the folder of dump/ to make")
    parser.add_argument(
        "--keep-embeddings", action="store_true", help="take those of unchanged synopses from the present dump"
    )
    parser.add_argument("--check", action="store_true", help="check the films' sources and write nothing")
    arguments = parser.parse_args()
    if arguments.dump == "products" and (arguments.keep_embeddings or arguments.check):
        parser.error("--keep-embeddings and --check are for the movies")
    began = time.monotonic()
    try:
        if arguments.dump == "products":
            folder, (made, notes) = _products()
        else:
            found = sources.load()
            if arguments.check:
                print(f"{len(found)} films, no faults")
                return
            folder, (made, notes) = sources.DUMP, sources.collections(found, _vectors(found, arguments.keep_embeddings))
    except WorkshopError as error:
        sys.exit(f"make_dump.py: {error}")
    format.write(folder, "workshop", made)
    for note in notes:
        print(f"note: {note}")
    sizes = ", ".join(f"{len(documents):,} {name}" for name, (_, documents) in made.items())
    print(f"{folder.name}: {sizes} in {time.monotonic() - began:.0f} s")


def _products():
    """The folder of the products' dump, its collections, and no notes."""
    from workshop.products import dataset, store

    graph = dataset.load(dataset.default(lambda text: print(text, flush=True)))
    return store.DUMP, (store.collections(graph), [])


def _vectors(found: list[sources.Film], keep: bool) -> list[list[float]]:
    """The embedding of each film's synopsis, asked of the server where the present dump is not to be believed."""
    known = sources.present_vectors() if keep else {}
    texts = [film.synopsis for film in found if film.synopsis not in known]
    if texts:
        from tritonclient.utils import InferenceServerException

        from workshop.clients import embed

        try:
            known.update(zip(texts, sources.rounded(embed(texts)), strict=True))
        except (OSError, InferenceServerException) as error:
            remedy = "`workshop up` starts Triton, `workshop build` makes the model"
            raise WorkshopError(f"sentence_embedder does not answer ({error}); {remedy}") from error
    return [known[film.synopsis] for film in found]


if __name__ == "__main__":
    main()
