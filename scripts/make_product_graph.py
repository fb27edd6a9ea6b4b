#!/usr/bin/env python
"""Make a product graph in the layout of ogbn-products, from the course's vocabulary or from the tables of a shop.

    scripts/make_product_graph.py                     the default graph, where the notebooks look for it
    scripts/make_product_graph.py --seed 1 --count 50000 --out graphs/large
    scripts/make_product_graph.py --products products.csv --co-purchases co_purchases.csv --out graphs/shop
    scripts/make_product_graph.py --products … --co-purchases … --features-of graphs/shop --out graphs/shop-today

products.csv has the columns id, title and category; co_purchases.csv two ids a row and, if there is a third column
`count`, how often they were bought together. A network understands the features that it was trained with: --features-of
takes over how titles become features, for the same shop with more products.
"""

import argparse
import sys
import time
from pathlib import Path

from workshop import settings
from workshop.errors import WorkshopError


def main() -> None:
    """Make the graph and say what is in it."""
    began = time.monotonic()
    arguments = _arguments()
    # Only now: --help need not wait for the libraries.
    from workshop.products import catalogue, features, generator, layout

    folder = arguments.out or layout.default_folder()
    try:
        if arguments.products:
            print(f"reading {arguments.products} and {arguments.co_purchases}", flush=True)
            made = catalogue.from_csv(arguments.products, arguments.co_purchases)
        else:
            print("making products and co-purchases", flush=True)
            count = generator.COUNT if arguments.count is None else arguments.count
            made = generator.generate(count=count, seed=arguments.seed)
        known = arguments.features_of and features.TitleFeatures.load(arguments.features_of / layout.FEATURES)
        print(f"features of {len(made.titles):,} titles, then {settings.shown(folder)}", flush=True)
        layout.write(made, folder, features=known or features.SIZE)
    except WorkshopError as error:
        sys.exit(f"make_product_graph.py: {error}")
    same = made.labels[made.co_purchases[:, 0]] == made.labels[made.co_purchases[:, 1]]
    print(
        f"{len(made.titles):,} products in {len(made.categories)} categories, {len(made.co_purchases):,} pairs "
        f"bought together, {same.mean():.0%} of them within a category: {time.monotonic() - began:.0f} s"
    )


def _arguments() -> argparse.Namespace:
    summary, _, description = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="of every draw of the generator (default: 0)")
    parser.add_argument("--count", type=int, metavar="N", help="products that the generator makes (default: 13,000)")
    parser.add_argument("--products", type=Path, metavar="CSV", help="a shop's products instead: id, title, category")
    parser.add_argument("--co-purchases", type=Path, metavar="CSV", help="what was bought together: id, id[, count]")
    parser.add_argument("--features-of", type=Path, metavar="DIR", help="a graph whose words and components are taken over")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the graph (default: the course's own)")
    arguments = parser.parse_args()
    if bool(arguments.products) != bool(arguments.co_purchases):
        parser.error("--products and --co-purchases belong together")
    if arguments.products and not arguments.out:
        parser.error("--products needs --out: the default folder is that of the course's own graph")
    if arguments.products and (arguments.count is not None or arguments.seed):
        parser.error("--seed and --count are for the generator, not for --products")
    if arguments.seed < 0:
        parser.error("--seed is a whole number from 0 on")
    if not arguments.out and (arguments.seed or arguments.count is not None):
        parser.error("another --seed or --count needs --out: the default folder is that of the course's own graph")
    return arguments


if __name__ == "__main__":
    main()
