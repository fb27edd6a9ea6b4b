"""How good GraphSAGE is: several graphs of the generator, several trainings of each, beside what it has to beat.

The graphs differ in the generator's seed only. On each, all models are trained with several seeds: GraphSAGE and the
perceptron without a graph for the category, and GraphSAGE for co-purchases.
"""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

from workshop import bench
from workshop.graph import tasks, training
from workshop.products import dataset, generator, layout

SERVICES = ()
MODELS = ()
PACKAGES = ("torch", "torch-geometric", "numpy", "scikit-learn")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is trained; None for as many epochs as the tasks say."""

    products: int
    graphs: tuple[int, ...]
    """Seeds of the generator."""
    trainings: dict[str, tuple[int, ...]]
    """Seeds of the trainings, by objective."""
    epochs: int | None


FULL = Plan(generator.COUNT, (0, 1, 2), {"category": (0, 1, 2), "co-purchase": (0,)}, None)
QUICK = Plan(1_000, (0, 1), {"category": (0, 1), "co-purchase": (0,)}, 2)


def measure(*, quick: bool, tell: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train everything; return the settings and the results, as JSON values."""
    plan = QUICK if quick else FULL
    found = []
    for seed in plan.graphs:
        tell(f"making graph {seed}")
        with tempfile.TemporaryDirectory(prefix="graphsage-") as folder:
            layout.write(generator.generate(count=plan.products, seed=seed), Path(folder) / "graph")
            graph = dataset.load(Path(folder) / "graph")
        ends = graph.data.y.view(-1)[graph.data.edge_index]
        row: dict[str, Any] = {"graph": seed, "within_category": float((ends[0] == ends[1]).float().mean())}
        for objective, model in tasks.TASKS:
            runs = []
            for number in plan.trainings[objective]:
                name = f"graph {seed}: {model} for {objective}, training {number}"
                runs.append(
                    training.train(
                        graph,
                        objective=objective,
                        model=model,
                        seed=number,
                        epochs=plan.epochs,
                        tell=lambda epoch, epochs, name=name: tell(f"{name}, epoch {epoch.epoch} of {epochs}"),
                    ).metrics
                )
            row[f"{model} {objective}"] = {
                "test": {name: [run["test"][name] for run in runs] for name in runs[0]["test"]},
                "training_s": bench.summary([run["training_s"] for run in runs]),
            }
        found.append(row)
    described = {
        **dataclasses.asdict(plan),
        "epochs": {f"{model} {objective}": plan.epochs or task.epochs for (objective, model), task in tasks.TASKS.items()},
        "threads": torch.get_num_threads(),
    }
    return described, {"graphs": found}


def tables(report: dict[str, Any]) -> list[Table]:
    """What is printed: accuracies, then hit rates; mean ± standard deviation where there are several trainings."""
    graphs = report["results"]["graphs"]
    first = bench.table(
        "Category of the test products, accuracy in %", "graph|edges within a category|perceptron|GraphSAGE|points ahead"
    )
    for row in graphs:
        without, with_graph = (
            np.array(row[f"{model} category"]["test"]["accuracy"]) * 100 for model in ("mlp", "graphsage")
        )
        first.add_row(
            str(row["graph"]), f"{row['within_category']:.0%}", *map(_spread, (without, with_graph, with_graph - without))
        )
    rules = ("graphsage", "features", "popularity", "common partners")
    second = bench.table(
        "Held-out partner among the ten recommended, %",
        "graph, products asked for|GraphSAGE|cosine of features|popularity|common partners",
    )
    for row in graphs:
        rates = row["graphsage co-purchase"]["test"]
        for which in ("seen", "new"):
            values = (np.array(rates[f"hit rate@10, {rule}, {which} products"]) * 100 for rule in rules)
            second.add_row(f"{row['graph']}, {which}", *map(_spread, values))
    return [first, second]


def _spread(values: np.ndarray) -> str:
    return f"{values.mean():.1f} ± {values.std():.1f}" if len(values) > 1 else f"{values[0]:.1f}"
