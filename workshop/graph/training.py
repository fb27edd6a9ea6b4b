"""Training a task: epochs until the end, the best ones' weights kept, and a state on disk that a later run goes on from."""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import platform
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from workshop import settings
from workshop.errors import WorkshopError
from workshop.graph.checkpoint import read_tensors, write_json, write_tensors
from workshop.graph.tasks import TASKS, LabelledGraph

PACKAGES = ("torch", "torch-geometric", "numpy")


@dataclasses.dataclass(frozen=True)
class Epoch:
    """What one epoch came to."""

    epoch: int
    loss: float
    validation: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class Run:
    """A training that has ended."""

    model: nn.Module
    """With the weights of the best epoch."""
    metrics: dict[str, Any]
    """As they are written beside the weights."""


def train(
    graph: LabelledGraph,
    *,
    objective: str = "category",
    model: str = "graphsage",
    out: Path | None = None,
    device: str = "cpu",
    seed: int = 0,
    epochs: int | None = None,
    tell: Callable[[Epoch, int], None] = lambda epoch, epochs: None,
) -> Run:
    """Train one model; with `out`, write OUT/MODEL-OBJECTIVE.safetensors and .json.

    After each epoch everything that the next one needs is written to OUT/.MODEL-OBJECTIVE.state. A run that was stopped, by
    Ctrl-C or by force, is continued by the same call, and ends with the same weights as one that was not (on the same
    machine and number of threads).

    Args:
        graph: what is trained on.
        objective: "category" or "co-purchase".
        model: "graphsage", or "mlp" for the perceptron without a graph.
        out: folder for weights and metrics; nothing is written without it.
        device: as torch names it.
        seed: of weights, batches, samples and dropout.
        epochs: how many; the task's own number if not given.
        tell: called after each epoch, with it and the number of epochs.

    Raises:
        WorkshopError: there is no such task or device, the loss is no number any more, or the state on disk belongs to
            another training.
    """
    if (objective, model) not in TASKS:
        known = ", ".join(f"{model} for {objective}" for objective, model in TASKS)
        raise WorkshopError(f"there is no {model} for {objective}; there is: {known}")
    task = TASKS[objective, model](graph, _device(device))
    epochs = task.epochs if epochs is None else epochs
    plan = {
        "objective": objective,
        "model": model,
        "dataset": {"name": graph.name, "fingerprint": fingerprint(graph)},
        "seed": seed,
        "epochs": epochs,
        "batch_size": task.batch_size,
        "learning_rate": task.learning_rate,
        "device": torch.device(device).type,
    }
    name = f"{model}-{objective}"
    state = out / f".{name}.state" if out else None
    began = time.perf_counter()
    with _seeded(seed, 0):
        network = task.model()
    optimizer = torch.optim.Adam(network.parameters(), lr=task.learning_rate)
    best = {key: value.clone() for key, value in network.state_dict().items()}
    history: list[Epoch] = []
    if state and state.exists():
        best, history = _resume(state, plan, network, optimizer)
    while len(history) < epochs:
        number = len(history) + 1
        started = time.perf_counter()
        with _seeded(seed, number) as generator:
            loss = _epoch(task.losses(network, generator), optimizer)
        if not torch.isfinite(torch.tensor(loss)):
            raise WorkshopError(
                f"epoch {number}: the loss is {loss}; the features may be too large, or the learning rate too high"
            )
        validation = task.validate(network)
        if not history or validation > max(past.validation for past in history):
            best = {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
        history.append(Epoch(number, loss, validation, time.perf_counter() - started))
        if state:
            _save(state, plan, network, optimizer, best, history)
        tell(history[-1], epochs)
    network.load_state_dict(best)
    metrics = {
        **plan,
        "validation": {task.measure: max((past.validation for past in history), default=None)},
        "test": task.test(network),
        "best_epoch": max(history, key=lambda past: past.validation).epoch if history else None,
        "history": [dataclasses.asdict(past) for past in history],
        "training_s": sum(past.seconds for past in history),
        "last_run_s": time.perf_counter() - began,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "threads": torch.get_num_threads(),
        "hardware": torch.cuda.get_device_name() if plan["device"] == "cuda" else platform.processor() or platform.machine(),
        "versions": {package: importlib.metadata.version(package) for package in PACKAGES},
    }
    if out:
        write_tensors(out / f"{name}.safetensors", best)
        write_json(out / f"{name}.json", metrics)
        state.unlink(missing_ok=True)
    return Run(network, metrics)


def fingerprint(graph: LabelledGraph) -> str:
    """Tells graphs apart: SHA-256 of edges, labels and the shape of the features, 16 digits."""
    digest = hashlib.sha256(str(tuple(graph.data.x.shape)).encode())
    for tensor in (graph.data.edge_index, graph.data.y):
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise WorkshopError(f"{name!r} is no device of torch: take cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise WorkshopError(
            "torch finds no CUDA device here: `workshop doctor` says what is there; --device cpu works everywhere"
        )
    return device


@contextlib.contextmanager
def _seeded(seed: int, epoch: int) -> Iterator[torch.Generator]:
    """Random numbers of this epoch, whatever was drawn before: an interrupted training goes on as if it had not been."""
    number = int.from_bytes(hashlib.sha256(f"{seed}/{epoch}".encode()).digest()[:7])
    with torch.random.fork_rng():
        torch.manual_seed(number)
        yield torch.Generator().manual_seed(number)


def _epoch(losses: Iterator[torch.Tensor], optimizer: torch.optim.Optimizer) -> float:
    values = []
    for loss in losses:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.detach())
    return float(torch.stack(values).mean()) if values else float("nan")


def _save(
    path: Path,
    plan: dict[str, Any],
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: dict[str, torch.Tensor],
    history: list[Epoch],
) -> None:
    tensors = {f"model/{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in best.items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{name}": value for name, value in values.items()}
    write_tensors(path, tensors, {"plan": plan, "history": [dataclasses.asdict(past) for past in history]})


def _resume(
    path: Path, plan: dict[str, Any], network: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, torch.Tensor], list[Epoch]]:
    tensors, metadata = read_tensors(path)
    # More epochs than planned at first is the same training, continued.
    different = [key for key in plan if key != "epochs" and plan[key] != metadata["plan"].get(key)]
    if different:
        raise WorkshopError(
            f"{settings.shown(path)} holds an unfinished training with another {', '.join(different)}: "
            "go on with that one, remove the file, or choose another folder"
        )
    parts: dict[str, dict[str, torch.Tensor]] = {"model": {}, "best": {}}
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        part, _, name = key.partition("/")
        if part == "optimizer":
            number, _, name = name.partition("/")
            moments.setdefault(int(number), {})[name] = value
        else:
            parts[part][name] = value
    network.load_state_dict(parts["model"])
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return parts["best"], [Epoch(**past) for past in metadata["history"]]
