"""The course's client of `product_embedder`."""

from collections.abc import Sequence

import numpy as np
import tritonclient.http as httpclient

from workshop import triton

PRODUCTS_PER_REQUEST = 256
"""The model's max_batch_size."""
TIMEOUT = 120.0
"""Seconds that a request may take: hundreds of products are sampled in the store."""


def embed_products(keys: Sequence[str], client: httpclient.InferenceServerClient | None = None) -> np.ndarray:
    """Embeddings of products that the store knows, FP32 [len(keys), size], in the order of the keys.

    Args:
        keys: any number of products, by `_key`; they go out in requests of at most 256.
        client: one to reuse; without it a client is opened and closed. HTTP clients are not thread-safe.

    Raises:
        InferenceServerException: the server or the store is not there, or does not know a product; the message names it.
    """
    if client is None:
        with httpclient.InferenceServerClient(triton.http_url(), network_timeout=TIMEOUT) as client:
            return embed_products(keys, client)
    parts = []
    for start in range(0, len(keys), PRODUCTS_PER_REQUEST):
        part = [[key.encode()] for key in keys[start : start + PRODUCTS_PER_REQUEST]]
        tensor = httpclient.InferInput("product", [len(part), 1], "BYTES")
        tensor.set_data_from_numpy(np.array(part, dtype=np.object_))
        parts.append(client.infer("product_embedder", [tensor]).as_numpy("embedding"))
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)
