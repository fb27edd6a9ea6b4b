"""Drawings of the lessons on graphs: a few products, how they are sampled, a value of each, a training's live curve."""

from collections.abc import Hashable, Mapping, Sequence

import matplotlib.pyplot as plt
import networkx as nx
from IPython.display import display
from matplotlib.axes import Axes

from workshop.graph.sampler import Batch
from workshop.graph.training import Epoch


def draw_graph(
    graph: nx.Graph,
    places: Mapping[int, tuple[float, float]],
    names: Sequence[str],
    colours: Sequence[str],
    *,
    arrows: Sequence[tuple[int, int]] = (),
    axis: Axes | None = None,
    title: str = "",
) -> None:
    """Draw nodes 0, 1, 2 … with their names above them, and arrows, (source, target) each."""
    axis = axis or plt.subplots(figsize=(7, 2.4), layout="constrained")[1]
    shown = {"pos": places, "ax": axis, "node_size": 260}
    nx.draw_networkx_edges(graph, edge_color="lightgrey", width=1.5, **shown)
    nx.draw_networkx_nodes(graph, nodelist=range(len(names)), node_color=list(colours), edgecolors="grey", **shown)
    nx.draw_networkx_edges(nx.DiGraph(list(arrows)), arrows=True, width=2, arrowsize=14, **shown)
    for node, name in enumerate(names):
        axis.annotate(name, places[node], (0, 11), textcoords="offset points", ha="center", fontsize=8)
    axis.set(title=title)
    axis.margins(0.12, 0.25)
    axis.axis("off")


def draw_values(graph: nx.Graph, values: Mapping[Hashable, float], names: Mapping[Hashable, str], *, label: str) -> None:
    """Draw nodes coloured by a value each, with a colour bar that `label` names; the first name is printed bold."""
    places = nx.spring_layout(graph, k=1.6, seed=3)
    figure, axis = plt.subplots(figsize=(9, 5.2), layout="constrained")
    nx.draw_networkx_edges(graph, places, ax=axis, edge_color="lightgrey", width=1.5)
    shown = {"node_color": [values[node] for node in graph], "cmap": "viridis", "edgecolors": "grey", "node_size": 320}
    dots = nx.draw_networkx_nodes(graph, places, ax=axis, **shown)
    for number, (node, name) in enumerate(names.items()):
        weight = None if number else "bold"
        axis.annotate(name, places[node], (0, 13), textcoords="offset points", ha="center", fontsize=8, weight=weight)
    figure.colorbar(dots, ax=axis, label=label, shrink=0.7)
    axis.margins(0.14, 0.16)
    axis.axis("off")


def draw_sample(graph: nx.Graph, places: Mapping[int, tuple[float, float]], names: Sequence[str], batch: Batch) -> None:
    """Draw a batch hop by hop: its seed nodes red, what was found around them blue, the drawn edges as arrows."""
    hops = len(batch.edge_indices)
    axes = plt.subplots(1, hops + 1, figsize=(4.6 * (hops + 1), 2.4), layout="constrained")[1]
    seeds = batch.nodes[: int(batch.sizes[-1][1])].tolist()
    for hop, axis in enumerate(axes):
        reached = batch.nodes[: int(batch.sizes[-hop][0]) if hop else len(seeds)].tolist()
        edges = batch.nodes[batch.edge_indices[-hop]].T.tolist() if hop else []
        colours = ["tab:red" if node in seeds else "tab:blue" if node in reached else "white" for node in range(len(names))]
        title = f"hop {hop}" if hop else "seed nodes"
        draw_graph(graph, places, names, colours, arrows=[tuple(edge) for edge in edges], axis=axis, title=title)


class LiveCurve:
    """Loss and validation of a training, drawn anew after each epoch; `training.train` takes it as `tell`."""

    def __init__(self, measure: str):
        self.epochs: list[Epoch] = []
        self._measure = measure
        self._figure, self._axis = plt.subplots(figsize=(5, 3.2), layout="constrained")
        self._screen = display(self._figure, display_id=True)
        plt.close(self._figure)

    def __call__(self, epoch: Epoch, epochs: int) -> None:
        """Add an epoch, of `epochs` in all."""
        self.epochs.append(epoch)
        numbers = [past.epoch for past in self.epochs]
        self._axis.clear()
        self._axis.plot(numbers, [past.loss for past in self.epochs], marker=".", label="training: loss (nats)")
        values = [past.validation for past in self.epochs]
        self._axis.plot(numbers, values, marker=".", label=f"validation: {self._measure} (0 to 1)")
        self._axis.set(xlabel="epoch", xlim=(0.5, epochs + 0.5), ylim=(0, None))
        self._axis.legend()
        if self._screen:  # outside of a notebook there is none
            self._screen.update(self._figure)
