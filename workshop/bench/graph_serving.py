"""GraphSAGE through Triton: the old workshop's way, the course's ways, and the network in process.

All embed the same neighbourhoods, in turns whose order rotates. They are sampled and their features looked up beforehand.
Nodes/s are target nodes: products whose embedding comes back.

The client uses one torch thread where Triton computes: idle threads of torch keep a core busy for a while, which the
server on the same machine needs. In process, torch has the threads that it has in the server.
"""

import contextlib
import itertools
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from rich.table import Table
from torch import Tensor

from workshop import bench, triton
from workshop.clients import embed_products
from workshop.graph import tasks
from workshop.graph.sampler import CSR, NeighborSampler
from workshop.products import store
from workshop.products.dataset import ProductGraph
from workshop.triton import traffic

with warnings.catch_warnings():
    # tritonclient's module looks for its library with pkg_resources, which announces its end.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    import tritonclient.utils.shared_memory as shared_memory

MODEL, EMBEDDER = "graph_embeddings", "product_embedder"
PADDED = 1_000
"""Nodes that the old workshop padded each request to; a neighbourhood of one product has at most 916."""
TARGETS = 256
"""Target nodes of a request of the course's ways."""
CLIENTS = (1, 2, 4, 8, 16)
ALIGNMENT = 64
"""Bytes: where an input begins in shared memory is a multiple of it."""

Inputs = list[Tensor]


def measure(
    graph: ProductGraph, *, rounds: int, requests: int, seconds: float, by_id: Sequence[int], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Nodes/s of one client by each way, of several clients at once, and of `product_embedder`.

    Args:
        graph: the course's own, which the store holds as well.
        rounds: turns of each way.
        requests: of a way in a round.
        seconds: how long each number of clients keeps asking.
        by_id: products of a request to `product_embedder`.
        tell: called with a line of text before each step.
    """
    generator = torch.Generator().manual_seed(0)
    sampler = NeighborSampler(CSR.from_edge_index(graph.data.edge_index, graph.data.num_nodes), tasks.FAN_OUTS)

    def draw(targets: int) -> list[Inputs]:
        order = torch.randperm(graph.data.num_nodes, generator=generator)
        return [sampler.sample(seeds, generator).inputs(graph.data.x) for seeds in order.split(targets)[:requests]]

    single, many = draw(1), draw(TARGETS)
    network, threads = store.trained("co-purchase"), torch.get_num_threads()
    with contextlib.ExitStack() as stack:
        http = stack.enter_context(httpclient.InferenceServerClient(triton.http_url()))
        grpc = stack.enter_context(grpcclient.InferenceServerClient(triton.grpc_url()))
        shared = stack.enter_context(SharedMemory(max(map(region_bytes, many))))
        ways: dict[str, tuple[list[Inputs], Callable[[Inputs], np.ndarray]]] = {
            "old": (single, old_way),
            "http, 1 target": (single, lambda inputs: ask(httpclient, http, inputs)),
            "http": (many, lambda inputs: ask(httpclient, http, inputs)),
            "grpc": (many, lambda inputs: ask(grpcclient, grpc, inputs)),
            "shared memory": (many, lambda inputs: shared.ask(http, inputs)),
            "in process": (many, lambda inputs: in_process(network, inputs)),
        }
        differences = {}
        for name, (given, call) in ways.items():
            pairs = [(call(inputs), in_process(network, inputs)) for inputs in given]
            differences[name] = max(float(np.abs(answer - expected).max()) for answer, expected in pairs)
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            tell(f"embedding through Triton, round {number + 1} of {rounds}")
            for name in bench.rotated(list(ways), number):
                given, call = ways[name]
                with bench.torch_threads(threads if name == "in process" else 1):
                    call(given[0])  # finds caches and threads busy with another way
                    took = bench.seconds(lambda given=given, call=call: [call(inputs) for inputs in given])
                rates[name].append(sum(int(inputs[6][1]) for inputs in given) / took)
    found: dict[str, Any] = {
        "targets_per_request": TARGETS,
        "request_bytes": {"1 target": int(np.median([*map(region_bytes, single)])), "many": region_bytes(many[0])},
        "nodes_per_s": {name: bench.summary(values) for name, values in rates.items()},
        "largest_difference": differences,
        "ratio_to_old": {name: bench.ratios(rates[name], rates["old"]) for name in rates if name != "old"},
        "ratio_to_in_process": {
            name: bench.ratios(rates[name], rates["in process"]) for name in rates if name != "in process"
        },
    }
    found["clients"] = concurrency(many, seconds, tell)
    found["product_embedder"] = from_the_store(graph, rounds, by_id, tell)
    return found


def old_way(inputs: Inputs) -> np.ndarray:
    """As the old workshop asked: a client a request, nodes padded to 1,000, numbers as JSON, all outputs back."""
    x, *layers = inputs
    padded = [torch.nn.functional.pad(x, (0, 0, 0, PADDED - len(x))), *layers]
    padded[2] = torch.tensor([PADDED, int(layers[1][1])])
    tensors = [httpclient.InferInput(*_described(number, tensor)) for number, tensor in enumerate(padded)]
    for tensor, content in zip(tensors, padded):
        tensor.set_data_from_numpy(content.numpy(), binary_data=False)
    outputs = [httpclient.InferRequestedOutput(f"output__{layer}", binary_data=False) for layer in range(3)]
    with httpclient.InferenceServerClient(triton.http_url()) as client:
        return client.infer(MODEL, tensors, outputs=outputs).as_numpy("output__2")


def _described(number: int, tensor: Tensor) -> tuple[str, list[int], str]:
    """Name, shape and Triton's type of an input."""
    return f"input__{number}", list(tensor.shape), "FP32" if tensor.is_floating_point() else "INT64"


def ask(protocol: Any, client: Any, inputs: Inputs) -> np.ndarray:
    """Binary tensors over HTTP or gRPC, given tritonclient's module for it; the last layer back."""
    tensors = []
    for number, tensor in enumerate(inputs):
        tensors.append(protocol.InferInput(*_described(number, tensor)))
        tensors[-1].set_data_from_numpy(tensor.numpy())
    wanted = [protocol.InferRequestedOutput("output__2")]
    return client.infer(MODEL, tensors, outputs=wanted).as_numpy("output__2")


def region_bytes(inputs: Inputs) -> int:
    """Bytes of a shared region that holds these inputs one behind the other."""
    return sum(-(-tensor.numpy().nbytes // ALIGNMENT) * ALIGNMENT for tensor in inputs)


class SharedMemory:
    """A region of shared memory that the server knows, which has to be on this machine; a context manager."""

    numbers = itertools.count()

    def __init__(self, size: int):
        self.name, self.size = f"graph_embeddings_{os.getpid()}_{next(self.numbers)}", size

    def __enter__(self) -> "SharedMemory":
        """Make the region and tell the server of it."""
        self.handle = shared_memory.create_shared_memory_region(self.name, f"/{self.name}", self.size)
        with httpclient.InferenceServerClient(triton.http_url()) as client:
            client.register_system_shared_memory(self.name, f"/{self.name}", self.size)
        return self

    def __exit__(self, *error: object) -> None:
        """Remove it."""
        with httpclient.InferenceServerClient(triton.http_url()) as client:
            client.unregister_system_shared_memory(self.name)
        shared_memory.destroy_shared_memory_region(self.handle)

    def ask(self, client: httpclient.InferenceServerClient, inputs: Inputs) -> np.ndarray:
        """Write the inputs there, one behind the other; only their places travel."""
        tensors, offset = [], 0
        for number, tensor in enumerate(inputs):
            array = np.ascontiguousarray(tensor.numpy())
            shared_memory.set_shared_memory_region(self.handle, [array], offset=offset)
            tensors.append(httpclient.InferInput(*_described(number, tensor)))
            tensors[-1].set_shared_memory(self.name, array.nbytes, offset)
            offset += region_bytes([tensor])
        wanted = [httpclient.InferRequestedOutput("output__2")]
        return client.infer(MODEL, tensors, outputs=wanted).as_numpy("output__2")


@torch.inference_mode()
def in_process(network: torch.nn.Module, inputs: Inputs) -> np.ndarray:
    """The network in this process."""
    return network(*inputs)[2].numpy()


def concurrency(many: list[Inputs], seconds: float, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Rates and latencies of 1 to 16 clients that ask at once, over HTTP and with shared memory, 256 targets a request."""
    rows, own = [], threading.local()
    with ThreadPoolExecutor(max(CLIENTS)) as pool, contextlib.ExitStack() as stack, bench.torch_threads(1):

        def by_shared_memory(client: httpclient.InferenceServerClient, request: int) -> np.ndarray:
            if not hasattr(own, "region"):  # one for each thread of the pool
                own.region = stack.enter_context(SharedMemory(max(map(region_bytes, many))))
            return own.region.ask(client, many[request % len(many)])

        def by_http(client: httpclient.InferenceServerClient, request: int) -> np.ndarray:
            return ask(httpclient, client, many[request % len(many)])

        for clients in CLIENTS:
            for way, call in {"http": by_http, "shared memory": by_shared_memory}.items():
                tell(f"embedding through Triton, {clients} client{'s' * (clients > 1)} at once, {way}")
                loaded = traffic.load(call, model=MODEL, clients=clients, seconds=seconds, pool=pool)
                row = {"clients": clients, "way": way, **traffic.load_summary([loaded])}
                rows.append({**row, "nodes_per_s": row.pop("requests_per_s")["median"] * TARGETS})
    return rows


def from_the_store(
    graph: ProductGraph, rounds: int, by_id: Sequence[int], tell: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Nodes/s of `product_embedder`, which samples in ArangoDB, by products a request."""
    assert graph.ids is not None
    rates = {}
    for count in by_id:
        tell(f"embedding by id, {count} product{'s' * (count > 1)} a request")
        keys = [graph.ids[number] for number in range(0, len(graph.ids), len(graph.ids) // count)][:count]
        embed_products(keys)
        rates[str(count)] = bench.summary(
            [len(keys) / bench.seconds(lambda keys=keys: embed_products(keys)) for _ in range(rounds)]
        )
    return rates


def tables(results: dict[str, Any]) -> list[Any]:
    """What is printed: one client by each way, several clients, and by id."""
    names = {
        "old": f"old way: 1 target, padded to {PADDED:,}, JSON",
        "http, 1 target": "HTTP, binary tensors, 1 target",
        "http": f"HTTP, binary tensors, {TARGETS} targets",
        "grpc": f"gRPC, {TARGETS} targets",
        "shared memory": f"HTTP and shared memory, {TARGETS} targets",
        "in process": f"in process, {TARGETS} targets",
    }
    first = bench.table("Embedding sampled neighbourhoods, one client", "way|nodes/s|/ old way|/ in process")
    for name, text in names.items():
        ratios = (results[key].get(name) for key in ("ratio_to_old", "ratio_to_in_process"))
        cells = [bench.span(ratio, 2 if ratio["median"] < 10 else 0) if ratio else "" for ratio in ratios]
        first.add_row(text, bench.span(results["nodes_per_s"][name]), *cells)
    second = bench.table(
        f"Clients at once, {TARGETS} targets a request", "way|clients|nodes/s|p50, ms|p95, ms|queue, ms/request"
    )
    for row in sorted(results["clients"], key=lambda row: row["way"]):
        cells = [f"{row[key]:.0f}" for key in ("p50_ms", "p95_ms", "queue_ms_per_request")]
        second.add_row(row["way"], str(row["clients"]), f"{row['nodes_per_s']:,.0f}", *cells)
    third: Table = bench.table("By id, sampled in ArangoDB (product_embedder)", "products a request|nodes/s")
    for count, rate in results["product_embedder"].items():
        third.add_row(count, bench.span(rate, 1))
    return [first, second, third]
