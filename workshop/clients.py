"""What lessons and benchmarks ask the course's models: texts or products in, vectors out, in requests of a fitting size."""

from collections.abc import Sequence

import numpy as np
import tritonclient.http as httpclient

from workshop import triton

TEXTS_PER_REQUEST = 256
"""max_batch_size of `sentence_embedder`."""
PRODUCTS_PER_REQUEST = 256
"""max_batch_size of `product_embedder`."""
TIMEOUT = 120.0
"""Seconds that a request may take: hundreds of products are sampled in the store."""


def embed(
    texts: Sequence[str], client: httpclient.InferenceServerClient | None = None, *, model: str = "sentence_embedder"
) -> np.ndarray:
    """Vectors of unit length for texts, FP32 [len(texts), hidden size], in the order of the texts.

    Args:
        texts: any number of texts; they go out in requests of at most 256.
        client: one to reuse; without it a client is opened and closed. HTTP clients are not thread-safe.
        model: another one with the same input and output.

    Raises:
        InferenceServerException: the server refused a text (empty, not UTF-8) or is not there.
    """
    return _ask(model, "text", texts, TEXTS_PER_REQUEST, client)


def embed_products(keys: Sequence[str], client: httpclient.InferenceServerClient | None = None) -> np.ndarray:
    """Embeddings of products that the store knows, FP32 [len(keys), size], in the order of the keys.

    Args:
        keys: any number of products, by `_key`; they go out in requests of at most 256.
        client: one to reuse; without it a client is opened and closed. HTTP clients are not thread-safe.

    Raises:
        InferenceServerException: the server or the store is not there, or does not know a product; the message names it.
    """
    return _ask("product_embedder", "product", keys, PRODUCTS_PER_REQUEST, client)


def _ask(
    model: str, name: str, values: Sequence[str], most: int, client: httpclient.InferenceServerClient | None
) -> np.ndarray:
    """The output `embedding` for strings [len(values), 1], asked for in requests of at most `most`."""
    if client is None:
        with httpclient.InferenceServerClient(triton.http_url(), network_timeout=TIMEOUT) as client:
            return _ask(model, name, values, most, client)
    parts = []
    for start in range(0, len(values), most):
        part = np.array([[value.encode()] for value in values[start : start + most]], dtype=np.object_)
        tensor = httpclient.InferInput(name, list(part.shape), "BYTES")
        tensor.set_data_from_numpy(part)
        parts.append(client.infer(model, [tensor]).as_numpy("embedding"))
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)
