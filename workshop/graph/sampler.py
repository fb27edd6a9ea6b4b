"""Neighbour sampling: the small graphs of a few thousand nodes that a GNN is trained with, batch by batch.

The method is that of GraphSAGE (Hamilton, Ying and Leskovec, 2017, https://arxiv.org/abs/1706.02216, algorithm 2), with
the details of PyG's `NeighborLoader`
(https://pytorch-geometric.readthedocs.io/en/latest/generated/torch_geometric.loader.NeighborLoader.html). That one needs
pyg-lib or torch-sparse, which are compiled for one release of torch; `NeighborSampler` needs torch and numpy only.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.typing import WITH_PYG_LIB, WITH_TORCH_SPARSE

from workshop.errors import WorkshopError


@dataclasses.dataclass(frozen=True, eq=False)
class CSR:
    """A directed graph of N nodes and E edges as compressed rows: who sends messages to each node.

    The in-neighbours of node v, sorted, are `indices[indptr[v] : indptr[v + 1]]`: the sources of the edges that point to
    it. An edge that stands there twice is drawn twice as often.
    """

    indptr: Tensor
    """INT64 [N + 1]: where each row begins, and the end of the last one."""
    indices: Tensor
    """INT64 [E]: the rows, one after the other."""

    @classmethod
    def from_edge_index(cls, edge_index: Tensor, num_nodes: int) -> "CSR":
        """A graph from PyG's form, INT64 [2, E], sources above targets.

        Raises:
            WorkshopError: `edge_index` has another shape or dtype, or an edge begins or ends at no node.
        """
        if edge_index.dim() != 2 or len(edge_index) != 2:
            raise WorkshopError(f"edge_index is {list(edge_index.shape)}: give [2, edges], sources above targets")
        _check(edge_index, num_nodes, "edge_index")
        source, target = edge_index
        indptr = torch.zeros(num_nodes + 1, dtype=torch.int64)
        torch.cumsum(torch.bincount(target, minlength=num_nodes), dim=0, out=indptr[1:])
        # One number for both ends of an edge sorts by target, and by source within a target.
        order = (target * num_nodes + source).sort().values
        return cls(indptr, order % max(num_nodes, 1))

    @property
    def num_nodes(self) -> int:
        """N."""
        return len(self.indptr) - 1

    @property
    def num_edges(self) -> int:
        """E."""
        return len(self.indices)

    def degree(self, nodes: Tensor) -> Tensor:
        """How many in-neighbours each of these nodes has, INT64 as `nodes` is."""
        return self.indptr[nodes + 1] - self.indptr[nodes]


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """What the layers of a GNN need to embed some seed nodes: n nodes, and a bipartite graph for each of L layers.

    Layers stand in the order in which they compute, the outermost hop first. Layer i takes the features of the first
    `sizes[i][0]` nodes and makes embeddings of the first `sizes[i][1]`, which the next layer takes: in PyG
    `x = conv((x, x[: sizes[i][1]]), edge_indices[i])`. The last layer embeds the seeds.
    """

    nodes: Tensor
    """INT64 [n]: the nodes' numbers in the graph, each once: the seeds as they were given, then each hop's new nodes."""
    edge_indices: list[Tensor]
    """L times INT64 [2, edges]: positions in `nodes`, sources above targets. They may share memory: change copies only."""
    sizes: Tensor
    """INT64 [L, 2]: sources and targets of each layer; sizes[i][1] == sizes[i + 1][0]."""

    def inputs(self, x: Tensor) -> list[Tensor]:
        """What a network takes, on the device of `x`: features, then edge index and size of each layer.

        Args:
            x: features of all nodes of the graph, FP32 [N, features].
        """
        layers = (tensor.to(x.device) for layer in zip(self.edge_indices, self.sizes) for tensor in layer)
        return [x.index_select(0, self.nodes.to(x.device)), *layers]


class NeighborSampler:
    """Draws neighbours at random, hop by hop, on the CPU.

    The neighbours of a node are drawn once, in the hop after the one that found it. So the last layer has the edges of
    hop 1, the layer before it those of hops 1 and 2, and so on.

    A sampler keeps a table of N numbers between the batches, and so must not be used by two threads at a time. What a
    batch costs depends on its own size alone, not on that of the graph, nor on the degrees of its nodes.

    Args:
        csr: the graph.
        fan_outs: how many neighbours a node gets in each hop, the hop next to the seeds first; -1 for all of them.
        replace: without replacement, a node with more neighbours than the fan-out gets a random subset, each with the same
            probability, and any other node gets all it has. With replacement, every node that has neighbours gets
            exactly as many draws as the fan-out says.

    Raises:
        WorkshopError: there is no fan-out, or one is neither positive nor -1.
    """

    def __init__(self, csr: CSR, fan_outs: Sequence[int], *, replace: bool = False):
        if not fan_outs or any(fan_out < 1 and fan_out != -1 for fan_out in fan_outs):
            raise WorkshopError(f"fan-outs {list(fan_outs)}: give one for each hop, 1 or more, or -1 for all neighbours")
        self.csr, self.fan_outs, self.replace = csr, tuple(fan_outs), replace
        self._indptr, self._indices = csr.indptr.numpy(), csr.indices.numpy()
        # Each node's position in the batch that is being made, -1 for those outside it.
        self._position = np.full(csr.num_nodes, -1)

    def sample(self, seeds: Tensor, generator: torch.Generator) -> Batch:
        """The sampled neighbourhood of some nodes, INT64 [seeds], each once; equal generators give equal batches.

        Raises:
            WorkshopError: `seeds` has another shape or dtype, names a node that the graph does not have, or one twice.
        """
        if seeds.dim() != 1:
            raise WorkshopError(f"the seeds are {list(seeds.shape)}: give one dimension, a number for each seed node")
        _check(seeds, self.csr.num_nodes, "the seeds")
        try:
            nodes = [self._number(seeds.numpy(), 0)]
            if len(nodes[0]) < len(seeds):
                raise WorkshopError("a node is among the seeds twice: give each once, as torch.unique(seeds) has them")
            node_ends, edge_ends = [len(seeds)], [0]
            sources, targets = [], []
            for fan_out in self.fan_outs:
                found, counts = self._draw(nodes[-1], fan_out, generator)
                targets.append(np.repeat(np.arange(node_ends[-1] - len(nodes[-1]), node_ends[-1]), counts))
                nodes.append(self._number(found[_take(self._position, found) < 0], node_ends[-1]))
                sources.append(_take(self._position, found))
                node_ends.append(node_ends[-1] + len(nodes[-1]))
                edge_ends.append(edge_ends[-1] + len(found))
            all_nodes = np.concatenate(nodes)
            self._position[all_nodes] = -1
        except BaseException:
            # Ctrl-C in a notebook, too: the next batch must not find what this one has left.
            self._position.fill(-1)
            raise
        edge_index = np.stack([np.concatenate(sources), np.concatenate(targets)])
        return _layers(torch.from_numpy(all_nodes), torch.from_numpy(edge_index), node_ends, edge_ends[1:])

    def _number(self, found: np.ndarray, start: int) -> np.ndarray:
        """Give nodes positions from `start` on, in the order of their first occurrence; return each once."""
        count = len(found)
        # No sorting: every occurrence writes its place into the table, backwards, so that the first one has the last word
        # (numpy keeps the last of several values for one element). What stands at the place that the table names is new.
        self._position[found[::-1].copy()] = np.arange(count - 1, -1, -1)
        once = found[_take(self._position, found) == np.arange(count)]
        self._position[once] = np.arange(start, start + len(once))
        return once

    def _draw(self, nodes: np.ndarray, fan_out: int, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The neighbours drawn for each node, one node after the other, INT64 [draws], and how many each got."""
        begin = _take(self._indptr, nodes)
        degree = _take(self._indptr, nodes + 1) - begin
        if fan_out == -1:
            counts, at_random = degree, np.zeros(len(degree), dtype=bool)
        elif self.replace:
            counts, at_random = np.where(degree > 0, fan_out, 0), degree > 0
        else:
            counts, at_random = np.minimum(degree, fan_out), degree > fan_out
        # Every row from its beginning; then other places for the rows that are drawn from.
        place = np.arange(counts.sum()) + np.repeat(begin - (counts.cumsum() - counts), counts)
        if at_random.any():
            choose = _choices if self.replace else _subsets
            chosen = choose(degree[at_random], fan_out, generator) + begin[at_random]
            place[np.repeat(at_random, counts)] = chosen.T.reshape(-1)
        return _take(self._indices, place), counts


def _take(array: np.ndarray, index: np.ndarray) -> np.ndarray:
    """array[index], which torch does faster."""
    return torch.from_numpy(array).index_select(0, torch.from_numpy(index)).numpy()


def _choices(degree: np.ndarray, size: int, generator: torch.Generator) -> np.ndarray:
    """`size` numbers below each degree, INT64 [size, nodes]; the same one may come again."""
    return _below(np.broadcast_to(degree, (size, len(degree))), generator)


def _subsets(degree: np.ndarray, size: int, generator: torch.Generator) -> np.ndarray:
    """`size` different numbers below each degree, all subsets equally likely, INT64 [size, nodes].

    This is Floyd's algorithm (Bentley and Floyd, 1987, https://doi.org/10.1145/30401.315746) for all nodes at once. Step j
    draws one of the first degree - size + j + 1 numbers, and takes the last of them instead where the draw has been taken.
    """
    last = degree - size + np.arange(size)[:, None]
    chosen = _below(last + 1, generator)
    for step in range(1, size):
        taken = (chosen[:step] == chosen[step]).any(axis=0)
        np.copyto(chosen[step], last[step], where=taken)
    return chosen


def _below(bound: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """A random number from 0 up to, and without, each bound, INT64 as the bounds are."""
    # No product rounds up to its bound: times the largest FP64 below 1, a bound is nearer to the FP64 before it.
    return (torch.rand(bound.shape, generator=generator, dtype=torch.float64).numpy() * bound).astype(np.int64)


def batches(
    sampler: NeighborSampler, nodes: Tensor, batch_size: int, *, shuffle: bool, generator: torch.Generator
) -> Iterator[Batch]:
    """Sample the neighbourhoods of some nodes, INT64 [any], `batch_size` seeds at a time, the last batch maybe fewer.

    Raises:
        WorkshopError: the batch size is not positive; and as `NeighborSampler.sample` does.
    """
    if batch_size < 1:
        raise WorkshopError(f"a batch of {batch_size} seed nodes: give 1 or more")
    if shuffle:
        nodes = nodes[torch.randperm(len(nodes), generator=generator)]
    for start in range(0, len(nodes), batch_size):
        yield sampler.sample(nodes[start : start + batch_size], generator)


def pyg_available() -> bool:
    """Whether PyG's `NeighborLoader` can sample here: pyg-lib or torch-sparse is installed."""
    return WITH_PYG_LIB or WITH_TORCH_SPARSE


def from_neighbor_loader(data: Data, hops: int | None = None) -> Batch:
    """What PyG's `NeighborLoader` yields, as a batch.

    Args:
        data: with n_id, edge_index and batch_size, and with num_sampled_edges where pyg-lib has sampled.
        hops: how many fan-outs the loader has. Torch-sparse does not tell, and so it must be given there.

    Raises:
        WorkshopError: the number of hops is not known, or the edges are not those of so many hops.
    """
    if "num_sampled_edges" in data:
        hops = len(data.num_sampled_edges)
    if hops is None:
        raise WorkshopError("torch-sparse does not tell how many hops it sampled: give hops, the number of fan-outs")
    source, target = data.edge_index
    node_ends, edge_ends = [data.batch_size], []
    for _ in range(hops):
        # Edges stand hop after hop, and those of a hop point to the nodes that were there before it.
        edge_ends.append(int((target < node_ends[-1]).sum()))
        node_ends.append(max(node_ends[-1], int(source[: edge_ends[-1]].amax()) + 1 if edge_ends[-1] else 0))
    if edge_ends[-1:] != [len(source)]:
        raise WorkshopError(f"the sample is not one of {hops} hops: give the number of fan-outs that it was made with")
    return _layers(data.n_id, data.edge_index, node_ends, edge_ends)


def loader(
    data: Data, fan_outs: Sequence[int], nodes: Tensor, batch_size: int, *, shuffle: bool, generator: torch.Generator
) -> Iterable[Batch]:
    """Batches of the neighbourhoods of some nodes, over and over: by PyG where pyg-lib is installed, else by this module.

    Args:
        data: the graph, with edge_index and num_nodes.
        fan_outs: as `NeighborSampler` takes them.
        nodes: the seeds, INT64 [any].
        batch_size: seeds of a batch.
        shuffle: whether each pass goes through the seeds in another order.
        generator: of the order, and of this module's samples. Those of pyg-lib follow `torch.manual_seed`.
    """
    options = {"batch_size": batch_size, "shuffle": shuffle, "generator": generator}
    if WITH_PYG_LIB:
        graph = Data(edge_index=data.edge_index, num_nodes=data.num_nodes)
        convert = functools.partial(from_neighbor_loader, hops=len(fan_outs))
        return NeighborLoader(graph, list(fan_outs), nodes, transform=convert, **options)
    own = NeighborSampler(CSR.from_edge_index(data.edge_index, data.num_nodes), fan_outs)
    return DataLoader(nodes.tolist(), collate_fn=lambda seeds: own.sample(torch.tensor(seeds), generator), **options)


def _check(tensor: Tensor, num_nodes: int, name: str) -> None:
    """Refuse what does not hold numbers of nodes."""
    if tensor.dtype != torch.int64 or tensor.device.type != "cpu":
        raise WorkshopError(f"{name}: {tensor.dtype} on {tensor.device}; give torch.int64 on the CPU")
    if tensor.numel():
        low, high = map(int, torch.aminmax(tensor))
        if low < 0 or high >= num_nodes:
            wrong = low if low < 0 else high
            raise WorkshopError(f"{name}: there is no node {wrong}; the graph has {num_nodes} nodes, counted from 0")


def _layers(nodes: Tensor, edge_index: Tensor, node_ends: Sequence[int], edge_ends: Sequence[int]) -> Batch:
    """A batch from all its edges, hop after hop, and from where each hop's nodes and edges end."""
    sizes = [(node_ends[hop + 1], node_ends[hop]) for hop in reversed(range(len(edge_ends)))]
    return Batch(nodes, [edge_index[:, :end] for end in reversed(edge_ends)], torch.tensor(sizes))
