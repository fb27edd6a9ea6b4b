"""One real question to each application, as `scripts/start.sh` asks them."""

import numpy as np
from rich.console import Console

from workshop import arango
from workshop.text import embed

TEXT = "The keeper guessed right and the whole stadium held its breath before the last penalty."
WISH = "two people meet on a train and talk all night"
NEAREST = """
FOR film IN films
  LET similarity = COSINE_SIMILARITY(film.emb, @wish)
  SORT similarity DESC
  LIMIT 3
  RETURN { title: film.title, year: film.year, similarity }
"""
LABELS = ("cooking", "finance", "sport", "astronomy")


def ask(console: Console) -> None:
    """Ask and print; each answer comes from the running servers. WorkshopError where the films are missing."""
    database = arango.with_collections("films")
    console.print("\nZero-shot classification, answered by sentence_embedder:")
    console.print(f"  {TEXT}")
    vectors = embed([TEXT, *LABELS])
    powers = np.exp(vectors[1:] @ vectors[0] / 0.05)
    for share, label in sorted(zip(powers / powers.sum(), LABELS), reverse=True):
        console.print(f"  {label:<10} {share:6.1%}  {'█' * round(30 * share)}")

    console.print("\nA film, found by what it is about, answered by ArangoDB:")
    console.print(f"  {WISH}")
    wish = embed([WISH])[0].tolist()
    for film in database.aql.execute(NEAREST, bind_vars={"wish": wish}):
        console.print(f"  {film['similarity']:.2f}  {film['title']} ({film['year']})")
