"""One real question to each application, as `scripts/start.sh` asks them."""

import numpy as np
from rich.console import Console

from workshop import arango
from workshop.clients import embed, embed_products
from workshop.course.recipes import FIRST
from workshop.triton import loading

TEXT = "The keeper guessed right and the whole stadium held its breath before the last penalty."
WISH = "two people meet on a train and talk all night"
NEAREST = """
FOR film IN films
  LET similarity = COSINE_SIMILARITY(film.emb, @wish)
  SORT similarity DESC
  LIMIT 3
  RETURN { title: film.title, year: film.year, similarity }
"""
PRODUCT = "P000272"
TOGETHER = """
LET partners = (FOR partner IN 1..1 ANY @product GRAPH "product_graph" RETURN partner._id)
FOR other IN Products
  FILTER other._id != @product
  LET similarity = COSINE_SIMILARITY(other.predicted_node_embeddings, @vector)
  SORT similarity DESC
  LIMIT 5
  RETURN { title: other.title, similarity, bought: other._id IN partners }
"""
LABELS = ("cooking", "finance", "sport", "astronomy")


def ask(console: Console) -> None:
    """Ask and print; each answer comes from the running servers. WorkshopError where films or products are missing."""
    database = arango.with_collections("films", "Products", "bought_together")
    loading.load_missing(FIRST, console.print)
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

    console.print("\nWhat goes with a product, embedded by product_embedder out of its co-purchases, answered by ArangoDB:")
    console.print(f"  {database.collection('Products').get(PRODUCT)['title']}")
    values = {"product": f"Products/{PRODUCT}", "vector": embed_products([PRODUCT])[0].tolist()}
    for product in database.aql.execute(TOGETHER, bind_vars=values):
        bought = "  (bought together before)" if product["bought"] else ""
        console.print(f"  {product['similarity']:.2f}  {product['title']}{bought}")
