"""What the lesson's drawings show: names, hops and arrows, and a curve that grows."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import networkx as nx
import pytest
import torch

from workshop.graph import drawing
from workshop.graph.sampler import CSR, NeighborSampler
from workshop.graph.training import Epoch

NAMES = ["a", "b", "c", "d"]
GRAPH = nx.path_graph(4)
PLACES = {node: (node, 0) for node in range(4)}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_a_graph_has_its_names_and_colours():
    drawing.draw_graph(GRAPH, PLACES, NAMES, ["red", "blue", "white", "white"], title="four")
    axis = plt.gca()
    assert texts(axis) == NAMES and axis.get_title() == "four"


def test_values_are_colours_and_the_first_name_is_bold():
    values, names = {node: node / 10 for node in GRAPH}, {2: "new\none", **{node: str(node) for node in (0, 1, 3)}}
    drawing.draw_values(GRAPH, values, names, label="cosine")
    axis, bar = plt.gcf().axes
    assert texts(axis) == ["new\none", "0", "1", "3"] and bar.get_ylabel() == "cosine"
    assert [text.get_weight() for text in axis.texts] == ["bold", "normal", "normal", "normal"]
    dots = next(found for found in axis.collections if len(found.get_offsets()) == 4)
    assert dots.get_array().tolist() == [0.0, 0.1, 0.2, 0.3]


def test_a_sample_is_drawn_hop_by_hop():
    pairs = torch.tensor(list(GRAPH.edges)).T
    csr = CSR.from_edge_index(torch.cat([pairs, pairs.flip(0)], dim=1), 4)
    batch = NeighborSampler(csr, (-1, -1)).sample(torch.tensor([0]), torch.Generator())
    drawing.draw_sample(GRAPH, PLACES, NAMES, batch)
    axes = plt.gcf().axes
    assert [axis.get_title() for axis in axes] == ["seed nodes", "hop 1", "hop 2"]
    coloured = []
    for axis in axes:
        nodes = next(found for found in axis.collections if len(found.get_offsets()) == 4)
        coloured.append(sum(tuple(colour[:3]) != (1, 1, 1) for colour in nodes.get_facecolors()))
    assert coloured == [1, 2, 3]
    assert [len(axis.patches) for axis in axes] == [0, 1, 3]


def test_a_curve_grows_with_the_epochs(monkeypatch):
    monkeypatch.setattr(drawing, "display", lambda figure, display_id: None)
    curve = drawing.LiveCurve("accuracy")
    for number in (1, 2, 3):
        curve(Epoch(number, 1 / number, number / 4, 0.1), 5)
    lines = curve._axis.lines
    assert [list(line.get_xdata()) for line in lines] == [[1, 2, 3]] * 2
    assert list(lines[1].get_ydata()) == [0.25, 0.5, 0.75]
    assert "accuracy" in curve._axis.get_legend().get_texts()[1].get_text()
