#!/usr/bin/env python
"""Train GraphSAGE on a product graph and leave the best weights with their metrics.

    scripts/train_graphsage.py                            the category of a product, on the course's graph
    scripts/train_graphsage.py --objective co-purchase    what is bought together
    scripts/train_graphsage.py --dataset graphs/shop --out checkpoints/shop
    scripts/train_graphsage.py --dataset ogbn-products --device cuda --out checkpoints/ogbn

Ctrl-C stops it; the same command goes on after the last finished epoch.
"""

import argparse
import sys
from pathlib import Path

from workshop import settings
from workshop.errors import WorkshopError


def main() -> None:
    """Train, with a line an epoch, and print what the test says."""
    arguments = _arguments()
    try:
        # Only now: --help need not wait for the libraries.
        from workshop.graph import training
        from workshop.products import dataset

        folder = arguments.dataset or dataset.default(progress=lambda text: print(text, flush=True))
        graph = dataset.load(folder)
        print(f"{graph.name}: {graph.data.num_nodes:,} products, {graph.data.num_edges // 2:,} pairs", flush=True)
        run = training.train(
            graph,
            objective=arguments.objective,
            model=arguments.model,
            out=arguments.out,
            device=arguments.device,
            seed=arguments.seed,
            epochs=arguments.epochs,
            tell=_tell,
        )
    except WorkshopError as error:
        sys.exit(f"train_graphsage.py: {error}")
    except KeyboardInterrupt:
        sys.exit("\ntrain_graphsage.py: stopped; the same command goes on after the last finished epoch")
    (measure, value), best = *run.metrics["validation"].items(), run.metrics["best_epoch"]
    print(f"best epoch {best}: {measure} {value:.4f} on the validation part")
    for name, result in run.metrics["test"].items():
        print(f"test: {name} {result:.4f}")
    print(f"{settings.shown(arguments.out)}/{arguments.model}-{arguments.objective}.safetensors and .json")


def _tell(epoch, epochs: int) -> None:
    print(
        f"epoch {epoch.epoch:>{len(str(epochs))}} of {epochs}: loss {epoch.loss:.4f}, "
        f"validation {epoch.validation:.4f}, {epoch.seconds:.1f} s",
        flush=True,
    )


def _arguments() -> argparse.Namespace:
    summary, _, description = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", metavar="DIR|ogbn-products", help="what to train on (default: the course's graph)")
    parser.add_argument("--objective", choices=("category", "co-purchase"), default="category", help="(default: category)")
    parser.add_argument(
        "--model", choices=("graphsage", "mlp"), default="graphsage", help="mlp: without the graph, to compare with"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", default=settings.ROOT / "checkpoints", help="(default: checkpoints)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights, batches and samples (default: 0)")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="(default: 50 for category, 20 for co-purchase; 200 for mlp)"
    )
    arguments = parser.parse_args()
    if arguments.epochs is not None and arguments.epochs < 1:
        parser.error("--epochs is a whole number from 1 on")
    if arguments.model == "mlp" and arguments.objective != "category":
        parser.error("--model mlp is for --objective category")
    return arguments


if __name__ == "__main__":
    main()
