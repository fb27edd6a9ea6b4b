"""The two objectives of GraphSAGE: the category of a product, and what it is bought together with.

A task knows its model, one epoch of training, and how well a model does; `training` runs any of them.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data

from workshop.errors import WorkshopError
from workshop.graph import held_out, ranking
from workshop.graph.model import MLP, GraphSAGE
from workshop.graph.sampler import CSR, Batch, NeighborSampler, loader

FAN_OUTS = (15, 10, 5)
"""Neighbours drawn in the hop nearest to the seeds, and in those after it."""
EMBEDDING = 64
"""Size of the co-purchase model's embeddings."""
WEIGHT = 20.0
"""How much the negative examples weigh, Q of the GraphSAGE paper."""
MARGIN, TEMPERATURE = 0.4, 0.1
"""Most cosines are near zero: without the margin an ordinary stranger would count as half a match. Without the temperature
the probability of a pair could not leave 0.27 to 0.73."""


class LabelledGraph(Protocol):
    """What the tasks need of a graph of N nodes: `workshop.products.dataset.ProductGraph` is one."""

    name: str
    data: Data
    """x float32 [N, features], edge_index int64 [2, 2 E] with both directions of each pair, y int64 [N, 1]."""
    split: dict[str, Tensor]
    """The nodes of train, valid and test, int64 each; none is in two of them."""
    num_classes: int


class Task(Protocol):
    """What `training` needs of an objective."""

    batch_size: int
    epochs: int
    learning_rate: float
    measure: str
    """The name of what `validate` returns; the best epoch is that with the highest."""

    def model(self) -> nn.Module:
        """A new model with random weights."""

    def losses(self, model: nn.Module, generator: torch.Generator) -> Iterator[Tensor]:
        """The loss of each batch of an epoch, with its gradients still to be computed."""

    def validate(self, model: nn.Module) -> float:
        """How well the model does on what is held out to validate with; the higher, the better."""

    def test(self, model: nn.Module) -> dict[str, float]:
        """How well it does on what is held out to test with, by name."""


class Category:
    """Supervised: the category of a product, learned from those of the training split; cross-entropy."""

    batch_size, epochs, learning_rate, measure = 256, 50, 0.003, "accuracy"

    def __init__(self, graph: LabelledGraph, device: torch.device):
        self.classes, self.device = graph.num_classes, device
        self.x, self.y = graph.data.x.to(device), graph.data.y.view(-1).to(device)
        self.csr = CSR.from_edge_index(graph.data.edge_index, graph.data.num_nodes)
        self.split = graph.split
        self.generator, seeds = torch.Generator(), graph.split["train"]
        self.loader = loader(graph.data, FAN_OUTS, seeds, self.batch_size, shuffle=True, generator=self.generator)

    def model(self) -> nn.Module:
        """GraphSAGE with an output a category."""
        return GraphSAGE(self.x.shape[1], self.classes).to(self.device)

    def losses(self, model: nn.Module, generator: torch.Generator) -> Iterator[Tensor]:
        """Cross-entropy of the training products, a batch at a time."""
        self.generator.manual_seed(int(torch.randint(1 << 62, (), generator=generator)))
        for batch in self.loader:
            targets = self.y[batch.nodes[: int(batch.sizes[-1][1])].to(self.device)]
            yield F.cross_entropy(model.embed(self.x, batch)[-1], targets)

    def scores(self, model: nn.Module) -> Tensor:
        """The logits of all products, FP32 [N, categories], from all their neighbours."""
        return model.inference(self.x, self.csr)[-1]

    def validate(self, model: nn.Module) -> float:
        """Accuracy on the validation split."""
        return self._accuracy(self.scores(model), "valid")

    def test(self, model: nn.Module) -> dict[str, float]:
        """Accuracy on the test split."""
        return {"accuracy": self._accuracy(self.scores(model), "test")}

    def _accuracy(self, scores: Tensor, part: str) -> float:
        nodes = self.split[part].to(self.device)
        return float((scores[nodes].argmax(dim=1) == self.y[nodes]).float().mean())


class CategoryWithoutGraph(Category):
    """The same by a perceptron that sees a product's own features only."""

    epochs, learning_rate = 200, 0.01

    def model(self) -> nn.Module:
        """A perceptron with an output a category."""
        return MLP(self.x.shape[1], self.classes).to(self.device)

    def losses(self, model: nn.Module, generator: torch.Generator) -> Iterator[Tensor]:
        """Cross-entropy of the training products, a batch at a time."""
        order = self.split["train"][torch.randperm(len(self.split["train"]), generator=generator)].to(self.device)
        for nodes in order.split(self.batch_size):
            # Batch normalisation has no variance of a single product.
            if len(nodes) > 1:
                yield F.cross_entropy(model(self.x[nodes]), self.y[nodes])

    @torch.inference_mode()
    def scores(self, model: nn.Module) -> Tensor:
        """The logits of all products, FP32 [N, categories]."""
        training = model.training
        scores = model.eval()(self.x)
        model.train(training)
        return scores


class CoPurchase:
    """Unsupervised: products bought together get similar embeddings, others do not (equation 1 of the GraphSAGE paper).

    Positive examples are the pairs of the training graph; negative ones are drawn by the number of their partners to the
    power of 0.75. A pair's own edge is taken out of the neighbourhoods that it is judged by: with it the answer would
    stand in the question.

    Args:
        graph: what is trained on.
        device: where.
        weight, margin, temperature: of the loss, as `pair_loss` takes them.
        own_edges: whether a pair's own edge stays, to see what comes of it.
    """

    batch_size, epochs, learning_rate, measure = 4_096, 20, 0.003, "hit rate@10"
    negatives = 1_024
    """Products that a batch's pairs are held against."""

    def __init__(
        self,
        graph: LabelledGraph,
        device: torch.device,
        *,
        weight: float = WEIGHT,
        margin: float = MARGIN,
        temperature: float = TEMPERATURE,
        own_edges: bool = False,
    ):
        self.terms = {"weight": weight, "margin": margin, "temperature": temperature}
        self.own_edges, self.device, self.nodes = own_edges, device, graph.data.num_nodes
        self.x = graph.data.x.to(device)
        edges = graph.data.edge_index.numpy()
        pairs = edges.T[edges[0] < edges[1]]
        self.parts = held_out.hold_out(pairs, self.nodes)
        if not all(map(len, (self.parts.train, self.parts.valid, self.parts.test, self.parts.new_test))):
            raise WorkshopError(
                f"{graph.name} has {len(pairs)} pairs: too few to hold some out to validate and to test with; a few hundred "
                "are enough"
            )
        self.train = torch.from_numpy(self.parts.train)
        self.csr, self.known_csr = csr_of(self.parts.train, self.nodes), csr_of(self.parts.known, self.nodes)
        self.sampler = NeighborSampler(self.csr, FAN_OUTS)
        self.draw = torch.bincount(self.train.view(-1), minlength=self.nodes).float() ** 0.75

    def model(self) -> nn.Module:
        """GraphSAGE with an embedding for output."""
        return GraphSAGE(self.x.shape[1], EMBEDDING).to(self.device)

    def losses(self, model: nn.Module, generator: torch.Generator) -> Iterator[Tensor]:
        """The loss of the training pairs, a batch at a time."""
        for pairs in self.train[torch.randperm(len(self.train), generator=generator)].split(self.batch_size):
            yield self.loss(model, pairs, generator)

    def loss(self, model: nn.Module, pairs: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of some pairs, INT64 [pairs, 2], against negative examples drawn for them."""
        drawn = torch.multinomial(self.draw, self.negatives, replacement=True, generator=generator)
        seeds, place = torch.unique(torch.cat([pairs.reshape(-1), drawn]), return_inverse=True)
        batch = self.sampler.sample(seeds, generator)
        if not self.own_edges:
            batch = without(batch, pairs, self.nodes)
        z = F.normalize(model.embed(self.x, batch)[-1])
        # index_select adds up its gradients in a fixed order: a training gives the same weights each time.
        first, second = z.index_select(0, place[: pairs.numel()]).view(-1, 2, z.shape[1]).unbind(dim=1)
        strangers = z.index_select(0, place[pairs.numel() :])
        return pair_loss(first, second, strangers, **self.terms)

    def validate(self, model: nn.Module) -> float:
        """Hit rate@10 on the validation pairs."""
        scores = ranking.cosine(model.inference(self.x, self.csr)[-1].cpu().numpy())
        known = ranking.adjacency(self.parts.train, self.nodes)
        return ranking.hit_rate(scores, *ranking.both_ways(self.parts.valid), known)

    def test(self, model: nn.Module) -> dict[str, float]:
        """Hit rates@10 on the test pairs, for products seen in training and for new ones, beside the simple rules."""
        known = ranking.adjacency(self.parts.known, self.nodes)
        rules = {
            "graphsage": ranking.cosine(model.inference(self.x, self.known_csr)[-1].cpu().numpy()),
            "features": ranking.cosine(self.x.cpu().numpy()),
            "popularity": ranking.popularity(known),
            "common partners": ranking.common_partners(known),
        }
        seen = ranking.both_ways(self.parts.test)
        queries, partners = ranking.both_ways(self.parts.new_test)
        of_new = np.isin(queries, self.parts.new_products)
        new = queries[of_new], partners[of_new]
        return {
            f"hit rate@10, {name}, {which} products": ranking.hit_rate(rule, *asked, known)
            for name, rule in rules.items()
            for which, asked in (("seen", seen), ("new", new))
        }


def csr_of(pairs: np.ndarray, num_nodes: int) -> CSR:
    """The graph of some pairs, int64 [pairs, 2], in both directions."""
    return CSR.from_edge_index(torch.from_numpy(np.array(ranking.both_ways(pairs))), num_nodes)


def pair_loss(
    first: Tensor,
    second: Tensor,
    strangers: Tensor,
    *,
    weight: float = WEIGHT,
    margin: float = MARGIN,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """Equation 1 of the GraphSAGE paper, averaged over pairs; all rows have length 1.

    A pair's logit is (cosine - margin) / temperature.

    Args:
        first: FP32 [pairs, size].
        second: FP32 [pairs, size], what each was bought with.
        strangers: FP32 [strangers, size], the negative examples of all pairs.
        weight: of the negative examples.
        margin: the cosine at which a pair is as likely as not.
        temperature: the smaller, the sharper.
    """
    positive = ((first * second).sum(dim=1) - margin) / temperature
    negative = (first @ strangers.T - margin) / temperature
    return -F.logsigmoid(positive).mean() - weight * F.logsigmoid(-negative).mean()


def without(batch: Batch, pairs: Tensor, num_nodes: int) -> Batch:
    """A batch without the edges between the two products of any of these pairs, INT64 [pairs, 2], in either direction."""
    keys = torch.cat([pairs[:, 0] * num_nodes + pairs[:, 1], pairs[:, 1] * num_nodes + pairs[:, 0]])
    kept = []
    for edge_index in batch.edge_indices:
        source, target = batch.nodes[edge_index]
        kept.append(edge_index[:, ~torch.isin(source * num_nodes + target, keys)])
    return Batch(batch.nodes, kept, batch.sizes)


TASKS: dict[tuple[str, str], type[Task]] = {
    ("category", "graphsage"): Category,
    ("category", "mlp"): CategoryWithoutGraph,
    ("co-purchase", "graphsage"): CoPurchase,
}
"""Tasks by objective and model."""
