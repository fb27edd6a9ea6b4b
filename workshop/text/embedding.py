"""The course's client of `sentence_embedder`."""

from collections.abc import Sequence

import numpy as np
import tritonclient.http as httpclient

from workshop import triton

TEXTS_PER_REQUEST = 256
"""The model's max_batch_size."""


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
    own = client is None
    client = client or httpclient.InferenceServerClient(triton.http_url())
    try:
        parts = [
            _request(client, model, texts[start : start + TEXTS_PER_REQUEST])
            for start in range(0, len(texts), TEXTS_PER_REQUEST)
        ]
    finally:
        if own:
            client.close()
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def _request(client: httpclient.InferenceServerClient, model: str, texts: Sequence[str]) -> np.ndarray:
    tensor = httpclient.InferInput("text", [len(texts), 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[text.encode()] for text in texts], dtype=np.object_))
    return client.infer(model, [tensor]).as_numpy("embedding")
