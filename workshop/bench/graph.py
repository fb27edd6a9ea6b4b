"""Neighbour sampling, training and serving: batches/s, how an epoch and its memory grow with the graph, nodes/s.

The sampler is measured beside PyG's NeighborLoader in turns, where pyg-lib or torch-sparse is installed. Every size of
the training runs in a process of its own, whose greatest memory is that of this size.
"""

import dataclasses
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from rich.table import Table
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader

from workshop import arango, bench
from workshop.bench import graph_serving
from workshop.graph import sampler, tasks, training
from workshop.products import dataset, generator, layout, store

SERVICES = ("triton", "arango")
MODELS = (graph_serving.MODEL, graph_serving.EMBEDDER)
PACKAGES = ("torch", "torch-geometric", "torch-sparse", "pyg-lib", "tritonclient", "numpy")
BATCH_SIZE = 1_024
"""Seed nodes of a batch of the sampler's measurement."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured."""

    sampled: tuple[int, ...]
    """Products of the graphs that are sampled."""
    rounds: int
    batches: int
    """Of each sampler in each round."""
    trained: tuple[int, ...]
    """Products of the graphs that are trained on."""
    epochs: int
    requests: int
    """To Triton, by each way in each round."""
    seconds_per_load: float
    """How long each number of clients keeps asking."""
    by_id: tuple[int, ...]
    """Products of a request to product_embedder."""


FULL = Plan((13_000, 200_000), 7, 10, (10_000, 25_000, 50_000, 100_000, 200_000), 4, 12, 5.0, (1, 16, 256))
QUICK = Plan((1_000,), 2, 2, (1_000, 2_000), 2, 2, 0.2, (1, 4))


def measure(*, quick: bool, tell: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure in processes of this machine; return the settings and the results, as JSON values.

    Raises:
        WorkshopError: the store does not hold the products.
    """
    plan = QUICK if quick else FULL
    arango.with_collections(store.PRODUCTS, store.CO_PURCHASES)
    described = {
        **dataclasses.asdict(plan),
        "fan_outs": list(tasks.FAN_OUTS),
        "sampler_batch_size": BATCH_SIZE,
        "training_batch_size": tasks.Category.batch_size,
        "threads": torch.get_num_threads(),
    }
    results: dict[str, Any] = {"sampler": [], "training": []}
    for count in plan.sampled:
        results["sampler"].append(sampling(plan, count, tell))
    for count in plan.trained:
        tell(f"training on {count:,} products")
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            results["training"].append(pool.submit(train, count, plan.epochs).result())
    results["serving"] = graph_serving.measure(
        dataset.load(dataset.default(tell)),
        rounds=plan.rounds,
        requests=plan.requests,
        seconds=plan.seconds_per_load,
        by_id=plan.by_id,
        tell=tell,
    )
    return described, results


def sampling(plan: Plan, count: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Batches a second of both samplers on one graph, with the features of the sampled nodes looked up as well."""
    tell(f"making a graph of {count:,} products")
    pairs = torch.from_numpy(generator.generate(count=count).co_purchases).T
    data = Data(
        x=torch.randn(count, 100, generator=torch.Generator().manual_seed(0)),
        edge_index=torch.cat([pairs, pairs.flip(0)], dim=1),
    )
    own = sampler.NeighborSampler(sampler.CSR.from_edge_index(data.edge_index, count), tasks.FAN_OUTS)
    generator_ = torch.Generator().manual_seed(0)

    def ours() -> Iterator[torch.Tensor]:
        for batch in sampler.batches(own, torch.arange(count), BATCH_SIZE, shuffle=True, generator=generator_):
            yield data.x.index_select(0, batch.nodes)

    variants: dict[str, Callable[[], Iterator[Any]]] = {"workshop": ours}
    if sampler.pyg_available():
        loader = NeighborLoader(data, list(tasks.FAN_OUTS), batch_size=BATCH_SIZE, shuffle=True)
        variants["neighbor_loader"] = lambda: (batch.x for batch in loader)
    rates: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(plan.rounds):
        tell(f"sampling {count:,} products, round {number + 1} of {plan.rounds}")
        for name in bench.rotated(list(variants), number):
            rates[name].append(_rate(variants[name], plan.batches))
    found: dict[str, Any] = {"products": count, "pairs": pairs.shape[1]}
    found["batches_per_s"] = {name: bench.summary(values) for name, values in rates.items()}
    if "neighbor_loader" in rates:
        found["ratio"] = bench.ratios(rates["workshop"], rates["neighbor_loader"])
    return found


def _rate(batches: Callable[[], Iterator[Any]], wanted: int) -> float:
    """Batches a second, the first one, which may set something up, left out; a small graph is gone through again."""
    done, began, running = -1, 0.0, batches()
    while done < wanted:
        if next(running, None) is None:
            running = batches()
            continue
        done += 1
        if not done:
            began = time.perf_counter()
    return done / (time.perf_counter() - began)


def train(count: int, epochs: int) -> dict[str, Any]:
    """Make a graph and train the category model on it; seconds of an epoch, of its parts, and the greatest memory."""
    with tempfile.TemporaryDirectory(prefix="graph-") as folder:
        made = generator.generate(count=count)
        layout.write(made, Path(folder) / "graph")
        making = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        graph = dataset.load(Path(folder) / "graph")
    seconds: list[float] = []
    run = training.train(graph, epochs=epochs, tell=lambda epoch, _: seconds.append(epoch.seconds))
    task = tasks.Category(graph, torch.device("cpu"))
    return {
        "products": count,
        "pairs": len(made.co_purchases),
        "training_products": len(graph.split["train"]),
        # The first epoch also pays for what torch sets up once.
        "epoch_s": bench.summary(seconds[1:]),
        "validation_s": bench.seconds(lambda: task.validate(run.model)),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "peak_memory_making_mib": making / 1024,
    }


def tables(report: dict[str, Any]) -> list[Table]:
    """What is printed: the samplers, the training by size, and serving."""
    results, plan = report["results"], report["settings"]
    fan_outs = "/".join(map(str, plan["fan_outs"]))
    first = bench.table(
        f"Batches of {plan['sampler_batch_size']:,} seed nodes, fan-outs {fan_outs}",
        "products|pairs|batches/s|NeighborLoader|ratio",
    )
    for row in results["sampler"]:
        rates = row["batches_per_s"]
        other = bench.span(rates["neighbor_loader"], 1) if "neighbor_loader" in rates else "not installed"
        ratio = bench.span(row["ratio"], 2) if "ratio" in row else ""
        first.add_row(f"{row['products']:,}", f"{row['pairs']:,}", bench.span(rates["workshop"], 1), other, ratio)
    second = bench.table(
        "Training by category", "products|pairs|to train with|epoch, s|of it validation, s|peak memory, MiB"
    )
    for row in results["training"]:
        second.add_row(
            f"{row['products']:,}",
            f"{row['pairs']:,}",
            f"{row['training_products']:,}",
            bench.span(row["epoch_s"], 2),
            f"{row['validation_s']:.2f}",
            f"{row['peak_memory_mib']:,.0f}",
        )
    return [first, second, *graph_serving.tables(results["serving"])]
