"""The product graph in ArangoDB: the collections that `dump/products` holds and the lessons ask."""

from typing import Any

import numpy as np
import torch

from workshop import settings
from workshop.arango.dump.format import DOCUMENTS, EDGES, GRAPHS
from workshop.errors import WorkshopError
from workshop.graph import held_out, tasks
from workshop.graph.checkpoint import CHECKPOINTS, read_tensors
from workshop.graph.model import GraphSAGE
from workshop.products.dataset import ProductGraph

DUMP = settings.ROOT / "dump" / "products"
PRODUCTS, CO_PURCHASES, GRAPH = "Products", "bought_together", "product_graph"
DECIMALS = 5


def trained(objective: str) -> GraphSAGE:
    """The course's own GraphSAGE for `category` or `co-purchase`, with its weights, in evaluation mode."""
    weights, _ = read_tensors(CHECKPOINTS / f"graphsage-{objective}.safetensors")
    model = GraphSAGE(weights["convs.0.lin_l.weight"].shape[1], len(weights["convs.2.lin_l.weight"]))
    model.load_state_dict(weights)
    return model.eval()


def collections(graph: ProductGraph) -> dict[str, tuple[int, list[dict[str, Any]]]]:
    """Products, pairs and the named graph over them, as `dump_format.write` takes them.

    The pairs are those that the co-purchase model may know when it is tested (`held_out.HeldOut.known`), so that what the
    store recommends can be held against the others. Embeddings and categories come from all of a product's partners.

    Raises:
        WorkshopError: the graph has no ids and titles.
    """
    if graph.ids is None or graph.titles is None:
        raise WorkshopError(f"{graph.name} has no ids or titles: the store needs both")
    edges = graph.data.edge_index.numpy()
    pairs = held_out.hold_out(edges.T[edges[0] < edges[1]], graph.data.num_nodes).known
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    csr = tasks.csr_of(pairs, graph.data.num_nodes)
    embeddings = trained("co-purchase").inference(graph.data.x, csr)[-1]
    categories = trained("category").inference(graph.data.x, csr)[-1].argmax(dim=1)
    rows = zip(
        graph.ids, graph.titles, graph.data.y.view(-1).tolist(), rounded(graph.data.x), rounded(embeddings), categories
    )
    products = [
        {
            "_key": key,
            "title": title,
            "product_cat": graph.categories[label],
            "features": features,
            "predicted_node_embeddings": embedding,
            "predicted_product": graph.categories[category],
        }
        for key, title, label, features, embedding, category in rows
    ]
    co_purchases = [pair(graph.ids[first], graph.ids[second]) for first, second in pairs.tolist()]
    named = {"_key": GRAPH, "edgeDefinitions": [{"collection": CO_PURCHASES, "from": [PRODUCTS], "to": [PRODUCTS]}]}
    return {
        PRODUCTS: (DOCUMENTS, products),
        CO_PURCHASES: (EDGES, co_purchases),
        GRAPHS: (DOCUMENTS, [{**named, "orphanCollections": []}]),
    }


def pair(first: str, second: str) -> dict[str, str]:
    """The edge of two products, given their keys."""
    return {"_key": f"{first}-{second}", "_from": f"{PRODUCTS}/{first}", "_to": f"{PRODUCTS}/{second}"}


def rounded(vectors: torch.Tensor | np.ndarray) -> list[list[float]]:
    """Vectors, FP32 [n, any], as the numbers that documents hold: five decimals."""
    return [[round(number, DECIMALS) for number in vector] for vector in vectors.tolist()]
