"""GraphSAGE with three layers, and the perceptron without a graph that it is compared with."""

import warnings
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import SAGEConv

from workshop.graph.sampler import CSR, Batch

HIDDEN = 256


class GraphSAGE(nn.Module):
    """GraphSAGE with mean aggregation (Hamilton, Ying and Leskovec, 2017, https://arxiv.org/abs/1706.02216).

    Each layer computes W1 · h(v) + W2 · mean of h(u) over the sampled neighbours u, followed by ReLU and dropout after
    all layers but the last one.

    Args:
        in_channels: features of a node.
        hidden_channels: size of the first two layers' embeddings.
        out_channels: size of the last layer's: categories, or the embedding that is stored.
        dropout: probability, in training.
    """

    def __init__(self, in_channels: int, out_channels: int, *, hidden_channels: int = HIDDEN, dropout: float = 0.5):
        super().__init__()
        self.convs = nn.ModuleList(
            [
                SAGEConv(in_channels, hidden_channels),
                SAGEConv(hidden_channels, hidden_channels),
                SAGEConv(hidden_channels, out_channels),
            ]
        )
        self.dropout = dropout

    def forward(
        self,
        x: Tensor,
        edge_index_1: Tensor,
        size_1: Tensor,
        edge_index_2: Tensor,
        size_2: Tensor,
        edge_index_3: Tensor,
        size_3: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings after each layer, of the target nodes of that layer.

        Args:
            x: features of all sampled nodes, FP32 [nodes, in_channels].
            edge_index_1: INT64 [2, edges], source above target, of the outermost hop's bipartite graph; then those of
                the layers after it.
            size_1: INT64 [2], its source nodes and target nodes. The targets are the first ones of the sources.

        Returns:
            FP32 [size_1[1], hidden_channels], [size_2[1], hidden_channels] and [size_3[1], out_channels]. The sizes stay
            tensors, so that a trace holds for any of them.
        """
        layers = ((edge_index_1, size_1), (edge_index_2, size_2), (edge_index_3, size_3))
        outputs = []
        for number, (conv, (edge_index, size)) in enumerate(zip(self.convs, layers)):
            if number:
                x = F.dropout(x, self.dropout, self.training)
            x = conv((x, x[: size[1]]), edge_index)
            if number < len(self.convs) - 1:
                x = x.relu()
            outputs.append(x)
        return outputs[0], outputs[1], outputs[2]

    def embed(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The same for a batch of the sampler, given the features of all nodes of the graph, FP32 [N, in_channels]."""
        return self(*batch.inputs(x))

    @torch.inference_mode()
    def inference(self, x: Tensor, csr: CSR) -> list[Tensor]:
        """Embeddings of all nodes after each layer, from all their neighbours: layer by layer over the full graph.

        Args:
            x: FP32 [N, in_channels].
            csr: the graph; nothing is sampled.

        Returns:
            One tensor a layer, FP32 [N, channels], on the device of `x`.
        """
        training = self.training
        self.eval()
        shape = (csr.num_nodes, csr.num_nodes)
        with warnings.catch_warnings():
            # torch says once that this layout is in beta.
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
            adjacency = torch.sparse_csr_tensor(
                csr.indptr, csr.indices, torch.ones(csr.num_edges), shape, device=x.device, check_invariants=False
            )
        outputs = []
        for number, conv in enumerate(self.convs):
            x = conv(x, adjacency)
            if number < len(self.convs) - 1:
                x = x.relu()
            outputs.append(x)
        self.train(training)
        return outputs


class MLP(nn.Module):
    """A perceptron with three layers, batch normalisation and dropout: what the features say without the graph.

    It has the form of OGB's baseline for ogbn-products.
    """

    def __init__(self, in_channels: int, out_channels: int, *, hidden_channels: int = HIDDEN, dropout: float = 0.5):
        super().__init__()
        sizes: Sequence[int] = (in_channels, hidden_channels, hidden_channels)
        hidden = [
            part
            for before, after in zip(sizes, sizes[1:])
            for part in (nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), nn.Dropout(dropout))
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(hidden_channels, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """FP32 [nodes, out_channels] from FP32 [nodes, in_channels]."""
        return self.layers(x)
