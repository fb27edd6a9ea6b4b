"""The neighbour sampler: against an exhaustive search, its structure on any graph, its chances, and PyG's own loader."""

import collections
import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn import SAGEConv
from torch_geometric.sampler import NeighborSampler as PygSampler
from torch_geometric.sampler import SamplerOutput

from workshop.errors import WorkshopError
from workshop.graph import sampler
from workshop.graph.sampler import CSR, Batch, NeighborSampler

pytestmark = pytest.mark.filterwarnings("ignore:Using 'NeighborSampler' without a 'pyg-lib':UserWarning")
needs_pyg = pytest.mark.skipif(not sampler.pyg_available(), reason="needs pyg-lib or torch-sparse")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def graph(count, edges, seed=0):
    """A random graph, some edges twice, its last node without any, as edge_index."""
    return torch.randint(count - 1, (2, edges), generator=seeded(seed))


def star(degree):
    """A node with so many in-neighbours, which have none."""
    return CSR.from_edge_index(
        torch.stack([torch.arange(1, degree + 1), torch.zeros(degree, dtype=torch.int64)]), degree + 1
    )


def in_neighbours(edge_index, count):
    lists = [[] for _ in range(count)]
    for source, target in edge_index.T.tolist():
        lists[target].append(source)
    return lists


def hops_by_search(lists, seeds, hops):
    """Nodes by hop, and edges by hop, (source, target), found by walking."""
    found, nodes, edges = set(seeds), [list(seeds)], []
    for _ in range(hops):
        edges.append([(source, target) for target in nodes[-1] for source in lists[target]])
        new = {source for source, _ in edges[-1]} - found
        nodes.append(sorted(new))
        found |= new
    return nodes, edges


def global_edges(batch, layer):
    return [tuple(edge) for edge in batch.nodes[batch.edge_indices[layer]].T.tolist()]


def equal(first, second):
    tensors = ([batch.nodes, batch.sizes, *batch.edge_indices] for batch in (first, second))
    return all(torch.equal(*pair) for pair in zip(*tensors, strict=True))


# The graph


def test_csr_holds_the_sorted_in_neighbours():
    edge_index = graph(40, 300)
    csr = CSR.from_edge_index(edge_index, 40)
    lists = in_neighbours(edge_index, 40)
    rows = [csr.indices[csr.indptr[node] : csr.indptr[node + 1]].tolist() for node in range(40)]
    assert rows == [sorted(near) for near in lists]
    assert (csr.num_nodes, csr.num_edges) == (40, 300)
    assert csr.indptr.dtype == csr.indices.dtype == torch.int64
    assert csr.degree(torch.tensor([39, 0, 3])).tolist() == [0, len(lists[0]), len(lists[3])]
    empty = CSR.from_edge_index(torch.empty(2, 0, dtype=torch.int64), 0)
    assert (empty.num_nodes, empty.num_edges) == (0, 0)


@pytest.mark.parametrize(
    ("edge_index", "message"),
    [
        (torch.zeros(3, 2, dtype=torch.int64), r"is \[3, 2\]: give \[2, edges\]"),
        (torch.zeros(2, dtype=torch.int64), r"is \[2\]"),
        (torch.zeros(2, 3, dtype=torch.int32), "torch.int32 on cpu; give torch.int64"),
        (torch.zeros(2, 3), "torch.float32"),
        (torch.tensor([[0, 1], [1, 4]]), "no node 4; the graph has 4 nodes"),
        (torch.tensor([[0, 4], [1, 1]]), "no node 4"),
        (torch.tensor([[0, -1], [1, 1]]), "no node -1"),
    ],
)
def test_csr_refuses_what_is_no_graph(edge_index, message):
    with pytest.raises(WorkshopError, match=message):
        CSR.from_edge_index(edge_index, 4)


# What is sampled


@pytest.mark.parametrize("fan_outs", [(-1, -1, -1), (10_000, 10_000, 10_000), (-1, 500), (300,)])
@pytest.mark.parametrize("seeds", [[0], [49], [7, 3, 49, 20], list(range(49, -1, -1))])
def test_whole_neighbourhoods_are_those_of_a_search(fan_outs, seeds):
    edge_index = graph(50, 120, seed=len(seeds))
    batch = NeighborSampler(CSR.from_edge_index(edge_index, 50), fan_outs).sample(torch.tensor(seeds), seeded())
    nodes, edges = hops_by_search(in_neighbours(edge_index, 50), seeds, len(fan_outs))
    starts = [0, *itertools.accumulate(map(len, nodes))]
    sampled = [batch.nodes[start:end].tolist() for start, end in itertools.pairwise(starts)]
    assert sampled[0] == seeds
    assert list(map(sorted, sampled[1:])) == nodes[1:]
    assert batch.sizes.tolist() == [[starts[hop + 2], starts[hop + 1]] for hop in reversed(range(len(fan_outs)))]
    for layer in range(len(fan_outs)):
        wanted = itertools.chain(*edges[: len(fan_outs) - layer])
        assert sorted(global_edges(batch, layer)) == sorted(wanted)


def test_a_small_graph_by_hand():
    # 0 ← 1, 0 ← 2, 1 ← 2, 2 ← 3, 3 ← 0: node 2 is met in hop 1 already, and drawn for once, in hop 2.
    csr = CSR.from_edge_index(torch.tensor([[1, 2, 2, 3, 0], [0, 0, 1, 2, 3]]), 5)
    batch = NeighborSampler(csr, (-1, -1)).sample(torch.tensor([0]), seeded())
    assert batch.nodes.tolist() == [0, 1, 2, 3]
    assert batch.sizes.tolist() == [[4, 3], [3, 1]]
    assert [part.tolist() for part in batch.edge_indices] == [[[1, 2, 2, 3], [0, 0, 1, 2]], [[1, 2], [0, 0]]]


@st.composite
def problems(draw):
    count = draw(st.integers(1, 12))
    node = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=60))
    fan_outs = draw(st.lists(st.sampled_from([-1, 1, 2, 3, 5, 20]), min_size=1, max_size=4))
    seeds = draw(st.lists(node, max_size=count, unique=True))
    return count, edges, fan_outs, seeds, draw(st.booleans()), draw(st.integers(0, 2**31))


@settings(max_examples=300, deadline=None)
@given(problems())
def test_structure_on_any_graph(problem):
    count, edges, fan_outs, seeds, replace, seed = problem
    edge_index = torch.tensor(edges, dtype=torch.int64).reshape(-1, 2).T
    own = NeighborSampler(CSR.from_edge_index(edge_index, count), fan_outs, replace=replace)
    batch = own.sample(torch.tensor(seeds, dtype=torch.int64), seeded(seed))
    nodes, sizes, layers = batch.nodes.tolist(), batch.sizes.tolist(), len(fan_outs)
    assert nodes[: len(seeds)] == seeds and len(set(nodes)) == len(nodes)
    assert batch.nodes.dtype == batch.sizes.dtype == torch.int64 and batch.sizes.shape == (layers, 2)
    assert sizes[-1][1] == len(seeds) and sizes[0][0] == len(nodes)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(sizes))
    # The hop of a node is the one that found it; it has its neighbours drawn in the hop after that.
    ends = [target for _, target in reversed(sizes)]
    fan_out_of = [fan_outs[sum(position >= end for end in ends)] for position in range(ends[-1])]
    available = collections.Counter((source, target) for source, target in edges)
    degree = collections.Counter(target for _, target in edges)
    complete = batch.edge_indices[0].T.tolist()
    assert nodes == list(dict.fromkeys([*seeds, *(nodes[source] for source, _ in complete)]))
    by_target = collections.defaultdict(list)
    for source, target in complete:
        by_target[target].append(nodes[source])
    for position, fan_out in enumerate(fan_out_of):
        node, drawn = nodes[position], collections.Counter(by_target.pop(position, []))
        if replace and fan_out != -1:
            assert drawn.total() == (fan_out if degree[node] else 0)
            assert all((source, node) in available for source in drawn)
        else:
            # An edge that stands there k times is drawn at most k times: none of its places twice.
            assert drawn.total() == (degree[node] if fan_out == -1 else min(degree[node], fan_out))
            assert all(times <= available[source, node] for source, times in drawn.items())
    assert not by_target
    for layer, (edge_index, (sources, targets)) in enumerate(zip(batch.edge_indices, sizes, strict=True)):
        assert edge_index.dtype == torch.int64 and edge_index.shape[0] == 2
        assert edge_index.T.tolist() == [edge for edge in complete if edge[1] < targets]
        assert all(source < sources for source, _ in edge_index.T.tolist())
        # Every node that a layer adds to its targets is a source there: nothing is sampled in vain.
        assert set(range(targets, sources)) <= set(edge_index[0].tolist()), layer


def test_equal_generators_give_equal_batches():
    own = NeighborSampler(CSR.from_edge_index(graph(500, 8_000), 500), (5, 4, 3))
    seeds = torch.arange(0, 100, 3)
    first = own.sample(seeds, seeded(1))
    own.sample(torch.arange(40, 80), seeded(5))
    assert equal(first, own.sample(seeds, seeded(1)))
    assert not equal(first, own.sample(seeds, seeded(2)))
    generator = seeded(1)
    assert not equal(own.sample(seeds, generator), own.sample(seeds, generator))


def test_nodes_without_neighbours_and_batches_without_seeds():
    csr = CSR.from_edge_index(torch.empty(2, 0, dtype=torch.int64), 3)
    for replace in (False, True):
        batch = NeighborSampler(csr, (2, -1), replace=replace).sample(torch.tensor([2, 0]), seeded())
        assert batch.nodes.tolist() == [2, 0] and batch.sizes.tolist() == [[2, 2], [2, 2]]
        assert [tuple(part.shape) for part in batch.edge_indices] == [(2, 0), (2, 0)]
        own = NeighborSampler(CSR.from_edge_index(graph(50, 120), 50), (2, -1, 3), replace=replace)
        batch = own.sample(torch.empty(0, dtype=torch.int64), seeded())
        assert batch.nodes.shape == (0,) and batch.sizes.tolist() == [[0, 0]] * 3
        assert [tuple(part.shape) for part in batch.edge_indices] == [(2, 0)] * 3


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        (torch.tensor([3, 1, 3]), "twice: give each once, as torch.unique"),
        (torch.tensor([50]), "no node 50; the graph has 50"),
        (torch.tensor([-1]), "no node -1"),
        (torch.tensor([[1, 2]]), r"the seeds are \[1, 2\]"),
        (torch.tensor([1.0]), "the seeds: torch.float32 on cpu"),
        (torch.ones(50, dtype=torch.bool), "torch.bool"),
    ],
)
def test_seeds_that_are_refused_leave_nothing_behind(seeds, message):
    own = NeighborSampler(CSR.from_edge_index(graph(50, 400), 50), (3, 2))
    before = own.sample(torch.arange(5), seeded())
    with pytest.raises(WorkshopError, match=message):
        own.sample(seeds, seeded())
    assert equal(own.sample(torch.arange(5), seeded()), before)


def test_an_interruption_leaves_nothing_behind(monkeypatch):
    own = NeighborSampler(CSR.from_edge_index(graph(50, 400), 50), (3, 2))
    before = own.sample(torch.arange(5), seeded())
    with monkeypatch.context() as patch:
        real, calls = sampler._subsets, []

        def interrupted(*given):
            calls.append(given)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return real(*given)

        patch.setattr(sampler, "_subsets", interrupted)
        with pytest.raises(KeyboardInterrupt):
            own.sample(torch.arange(5), seeded())
    assert len(calls) == 2
    assert equal(own.sample(torch.arange(5), seeded()), before)


@pytest.mark.parametrize("fan_outs", [(), (0,), (5, -2), (3, 0, 3)])
def test_fan_outs_that_are_refused(fan_outs):
    with pytest.raises(WorkshopError, match=r"fan-outs \[.*\]: give one for each hop"):
        NeighborSampler(star(3), fan_outs)


# Chances. A bound of five standard deviations is passed by chance once in 1.7 million times; the seeds are fixed.


def draws(degree, fan_out, count, replace=False):
    """Which neighbours of a star's node are drawn, `count` times over, INT64 [count, fan_out], counted from 0."""
    stars = torch.stack([torch.arange(degree).repeat(count), torch.arange(count).repeat_interleave(degree)])
    stars[0] += count
    csr = CSR.from_edge_index(stars, count + degree)
    batch = NeighborSampler(csr, (fan_out,), replace=replace).sample(torch.arange(count), seeded(3))
    return batch.nodes[batch.edge_indices[0][0]].view(count, fan_out) - count


def assert_equally_often(counts, trials, chance):
    error = (trials * chance * (1 - chance)) ** 0.5
    assert np.abs(np.asarray(counts) - trials * chance).max() < 5 * error, counts


@pytest.mark.parametrize(("degree", "fan_out"), [(2, 1), (4, 2), (5, 4), (7, 3), (16, 15), (30, 10)])
def test_every_neighbour_and_every_pair_is_drawn_equally_often(degree, fan_out):
    trials = 20_000
    drawn = draws(degree, fan_out, trials).sort(dim=1).values
    assert (drawn[:, 1:] > drawn[:, :-1]).all()
    assert_equally_often(torch.bincount(drawn.view(-1), minlength=degree), trials, fan_out / degree)
    if fan_out > 1:
        pairs = np.zeros((degree, degree), dtype=int)
        for first, second in itertools.combinations(range(fan_out), 2):
            np.add.at(pairs, (drawn[:, first].numpy(), drawn[:, second].numpy()), 1)
        chance = fan_out * (fan_out - 1) / (degree * (degree - 1))
        assert_equally_often(pairs[np.triu_indices(degree, 1)], trials, chance)


def test_every_subset_is_drawn_equally_often():
    trials = 20_000
    drawn = collections.Counter(map(tuple, draws(6, 3, trials).sort(dim=1).values.tolist()))
    assert len(drawn) == 20
    assert_equally_often(list(drawn.values()), trials, 1 / 20)


@pytest.mark.parametrize(("degree", "fan_out"), [(2, 3), (5, 2), (9, 4)])
def test_draws_with_replacement_are_equally_likely_and_independent(degree, fan_out):
    trials = 20_000
    drawn = draws(degree, fan_out, trials, replace=True)
    for column in drawn.T:
        assert_equally_often(torch.bincount(column, minlength=degree), trials, 1 / degree)
    together = torch.bincount(drawn[:, 0] * degree + drawn[:, 1], minlength=degree**2)
    assert_equally_often(together, trials, 1 / degree**2)


def test_an_edge_that_is_there_twice_is_drawn_twice_as_often():
    trials = 20_000
    stars = torch.stack([torch.tensor([0, 0, 1]).repeat(trials) + trials, torch.arange(trials).repeat_interleave(3)])
    own = NeighborSampler(CSR.from_edge_index(stars, trials + 2), (1,))
    batch = own.sample(torch.arange(trials), seeded(3))
    sources = batch.nodes[batch.edge_indices[0][0]] - trials
    assert_equally_often([int((sources == 0).sum())], trials, 2 / 3)


def test_draws_of_different_nodes_are_independent():
    drawn = draws(4, 1, 20_000).view(-1, 2)
    assert_equally_often(torch.bincount(drawn[:, 0] * 4 + drawn[:, 1], minlength=16), len(drawn), 1 / 16)


@pytest.mark.parametrize("replace", [False, True])
def test_a_hub_costs_no_more_than_its_fan_out(replace):
    csr = star(100_000)
    own, seeds, generator = NeighborSampler(csr, (15, 10), replace=replace), torch.tensor([0]), seeded()
    drawn = torch.cat([own.sample(seeds, generator).nodes[1:] for _ in range(400)])
    assert len(drawn) > 400 * 14.9
    deciles = torch.bincount((drawn - 1) // 10_000, minlength=10)
    assert_equally_often(deciles, len(drawn), 1 / 10)
    tracemalloc.start()
    own.sample(seeds, generator)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000, "a batch of 16 nodes needs memory for all the hub's neighbours, or for all nodes"


def test_the_largest_random_number_stays_below_its_bound(monkeypatch):
    def largest(shape, generator, dtype):
        return torch.nextafter(torch.ones(shape, dtype=dtype), torch.zeros(shape, dtype=dtype))

    monkeypatch.setattr(torch, "rand", largest)
    bound = np.concatenate([np.arange(1, 100_000), 2 ** np.arange(17, 53), 2 ** np.arange(17, 53) - 1])
    assert (sampler._below(bound, None) == bound - 1).all()


# What it is for


@pytest.mark.parametrize("seeds", [[4], [199, 0, 57], list(range(200))])
def test_sage_layers_over_a_batch_are_those_over_the_graph(seeds):
    edge_index = graph(200, 900)
    torch.manual_seed(0)
    x, convs = torch.randn(200, 6), [SAGEConv(6, 8), SAGEConv(8, 8), SAGEConv(8, 3)]
    batch = NeighborSampler(CSR.from_edge_index(edge_index, 200), (-1, -1, -1)).sample(torch.tensor(seeds), seeded())
    with torch.no_grad():
        whole = x
        for conv in convs:
            whole = conv(whole, edge_index).relu()
        part = x[batch.nodes]
        for conv, layer, size in zip(convs, batch.edge_indices, batch.sizes, strict=True):
            part = conv((part, part[: size[1]]), layer).relu()
    torch.testing.assert_close(part, whole[seeds], atol=1e-5, rtol=1e-5)


def test_batches_go_through_all_nodes():
    own = NeighborSampler(CSR.from_edge_index(graph(50, 400), 50), (3, 2))
    nodes = torch.arange(0, 50, 2)

    def seeds(shuffle, seed=0):
        made = sampler.batches(own, nodes, 10, shuffle=shuffle, generator=seeded(seed))
        return [batch.nodes[: batch.sizes[-1][1]] for batch in made]

    in_order = seeds(shuffle=False)
    assert list(map(len, in_order)) == [10, 10, 5]
    assert torch.equal(torch.cat(in_order), nodes)
    shuffled = torch.cat(seeds(shuffle=True))
    assert not torch.equal(shuffled, nodes) and torch.equal(shuffled.sort().values, nodes)
    assert torch.equal(shuffled, torch.cat(seeds(shuffle=True)))
    assert not torch.equal(shuffled, torch.cat(seeds(shuffle=True, seed=1)))
    assert list(sampler.batches(own, nodes[:0], 10, shuffle=True, generator=seeded())) == []
    with pytest.raises(WorkshopError, match="a batch of 0 seed nodes"):
        next(sampler.batches(own, nodes, 0, shuffle=False, generator=seeded()))


# Beside PyG


def as_pyg_yields(batch, told):
    """A batch as `NeighborLoader` has it; with the numbers of each hop, as pyg-lib tells them, or without."""
    new = [int(batch.sizes[-1][1]), *reversed((batch.sizes[:, 0] - batch.sizes[:, 1]).tolist())]
    ends = [0, *(part.shape[1] for part in reversed(batch.edge_indices))]
    return Data(
        edge_index=batch.edge_indices[0],
        n_id=batch.nodes,
        batch_size=int(batch.sizes[-1][1]),
        num_sampled_nodes=new if told else None,
        num_sampled_edges=[after - before for before, after in itertools.pairwise(ends)] if told else None,
    )


@settings(max_examples=100, deadline=None)
@given(problems())
def test_what_neighbor_loader_yields_becomes_the_same_batch(problem):
    count, edges, fan_outs, seeds, replace, seed = problem
    edge_index = torch.tensor(edges, dtype=torch.int64).reshape(-1, 2).T
    own = NeighborSampler(CSR.from_edge_index(edge_index, count), fan_outs, replace=replace)
    batch = own.sample(torch.tensor(seeds, dtype=torch.int64), seeded(seed))
    assert equal(sampler.from_neighbor_loader(as_pyg_yields(batch, told=True)), batch)
    assert equal(sampler.from_neighbor_loader(as_pyg_yields(batch, told=False), len(fan_outs)), batch)


def test_what_neighbor_loader_yields_needs_the_number_of_hops():
    own = NeighborSampler(CSR.from_edge_index(graph(50, 400), 50), (1, 1, 1))
    data = as_pyg_yields(own.sample(torch.tensor([0]), seeded()), told=False)
    with pytest.raises(WorkshopError, match="give hops, the number of fan-outs"):
        sampler.from_neighbor_loader(data)
    for hops in (0, 1, 2):
        with pytest.raises(WorkshopError, match=f"not one of {hops} hops"):
            sampler.from_neighbor_loader(data, hops)


def passes(made):
    return [[batch.nodes[: batch.sizes[-1][1]].tolist() for batch in made] for _ in range(2)]


def assert_loads(data, nodes):
    """A loader yields whole batches of all the nodes, in order, or in another order each time."""
    plain = sampler.loader(data, (3, -1), nodes, 8, shuffle=False, generator=seeded())
    assert passes(plain) == [[part.tolist() for part in nodes.split(8)]] * 2
    for batch in plain:
        assert isinstance(batch, Batch) and len(batch.edge_indices) == 2
        targets, counts = batch.edge_indices[1][1].unique(return_counts=True)
        degrees = CSR.from_edge_index(data.edge_index, data.num_nodes).degree(batch.nodes[targets])
        assert torch.equal(counts, degrees.clamp(max=3))
    first, second = passes(sampler.loader(data, (3, -1), nodes, 8, shuffle=True, generator=seeded(1)))
    assert first != second
    assert sorted(itertools.chain(*first)) == sorted(itertools.chain(*second)) == nodes.tolist()
    assert passes(sampler.loader(data, (3, -1), nodes, 8, shuffle=True, generator=seeded(1))) == [first, second]
    assert passes(sampler.loader(data, (3, -1), nodes, 8, shuffle=True, generator=seeded(2))) != [first, second]


def test_loader_without_pyg_lib(monkeypatch):
    monkeypatch.setattr(sampler, "WITH_PYG_LIB", False)
    data = Data(edge_index=graph(50, 400), num_nodes=50)
    assert_loads(data, torch.arange(0, 50, 2))
    made = [list(sampler.loader(data, (2, 2), torch.arange(20), 8, shuffle=True, generator=seeded(3))) for _ in range(2)]
    assert all(map(equal, *made))


def test_loader_with_pyg_lib(monkeypatch):
    """PyG's own loader; what pyg-lib would do inside it, sampling, is done by our sampler here."""

    def sample(self, seeds, seed_time=None):
        own = NeighborSampler(CSR(self.colptr, self.row), self.num_neighbors.get_mapped_values())
        data = as_pyg_yields(own.sample(seeds, seeded()), told=True)
        row, col = data.edge_index
        return SamplerOutput(data.n_id, row, col, None, None, data.num_sampled_nodes, data.num_sampled_edges)

    monkeypatch.setattr(sampler, "WITH_PYG_LIB", True)
    monkeypatch.setattr(PygSampler, "_sample", sample)
    data = Data(edge_index=graph(50, 400), num_nodes=50)
    assert isinstance(sampler.loader(data, (2,), torch.arange(20), 8, shuffle=True, generator=seeded(3)), NeighborLoader)
    assert_loads(data, torch.arange(0, 50, 2))


@needs_pyg
def test_loader_with_what_pyg_samples_with(monkeypatch):
    monkeypatch.setattr(sampler, "WITH_PYG_LIB", True)
    assert_loads(Data(edge_index=graph(50, 400), num_nodes=50), torch.arange(0, 50, 2))


def from_pyg(edge_index, count, fan_outs, seeds, replace=False):
    data = Data(edge_index=edge_index, num_nodes=count)
    made = NeighborLoader(data, list(fan_outs), seeds, batch_size=len(seeds), replace=replace)
    return sampler.from_neighbor_loader(next(iter(made)), len(fan_outs))


@needs_pyg
@pytest.mark.parametrize("seed", range(5))
def test_whole_neighbourhoods_are_those_of_neighbor_loader(seed):
    edge_index = torch.unique(graph(300, 900, seed), dim=1)
    seeds = torch.randperm(300, generator=seeded(seed))[:20]
    own = NeighborSampler(CSR.from_edge_index(edge_index, 300), (-1, -1, -1)).sample(seeds, seeded())
    theirs = from_pyg(edge_index, 300, (-1, -1, -1), seeds)
    assert torch.equal(own.sizes, theirs.sizes)
    hops = [0, *own.sizes.flip(0)[:, 1].tolist(), len(own.nodes)]
    for start, end in itertools.pairwise(hops):
        assert set(own.nodes[start:end].tolist()) == set(theirs.nodes[start:end].tolist())
    for layer in range(3):
        assert sorted(global_edges(own, layer)) == sorted(global_edges(theirs, layer))


@needs_pyg
@pytest.mark.parametrize("replace", [False, True])
def test_limited_neighbourhoods_have_the_form_of_neighbor_loaders(replace):
    edge_index = graph(3_000, 30_000)
    csr, fan_outs, seeds = CSR.from_edge_index(edge_index, 3_000), (7, 12, 3), torch.arange(0, 3_000, 30)
    own = NeighborSampler(csr, fan_outs, replace=replace).sample(seeds, seeded())
    theirs = from_pyg(edge_index, 3_000, fan_outs, seeds, replace)
    for batch in (own, theirs):
        ends = [0, *batch.sizes.flip(0)[:, 1].tolist()]
        degree = csr.degree(batch.nodes[: ends[-1]])
        limit = torch.cat(
            [torch.full((end - start,), size) for size, (start, end) in zip(fan_outs, itertools.pairwise(ends))]
        )
        wanted = limit * (degree > 0) if replace else torch.minimum(limit, degree)
        for layer, (_, targets) in zip(batch.edge_indices, batch.sizes.tolist(), strict=True):
            assert torch.equal(torch.bincount(layer[1], minlength=targets), wanted[:targets])
    # The last layer's targets are the seeds in both.
    counts = [torch.bincount(batch.edge_indices[-1][1], minlength=len(seeds)) for batch in (own, theirs)]
    assert torch.equal(*counts)
