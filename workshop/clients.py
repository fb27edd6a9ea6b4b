"""What lessons and benchmarks ask the course's models, in requests of a fitting size: texts, products, pictures."""

from collections.abc import Sequence

import numpy as np
import tritonclient.http as httpclient

from workshop import triton

TEXTS_PER_REQUEST = 256
"""max_batch_size of `sentence_embedder`."""
PRODUCTS_PER_REQUEST = 256
"""max_batch_size of `product_embedder`."""
PICTURES_PER_REQUEST = 16
"""max_batch_size of `ocr` and `ocr_ensemble`."""
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


def read_pictures(
    pictures: Sequence[bytes], client: httpclient.InferenceServerClient | None = None, *, model: str = "ocr"
) -> list[list[tuple[np.ndarray, str, float]]]:
    """The lines of text in pictures: for each picture box, text and score of each line, in reading order.

    A box is float32 [4, 2], corners x, y in pixels, clockwise from the top left.

    Args:
        pictures: encoded, whole files; they go out in requests of at most 16.
        client: one to reuse; without it a client is opened and closed. HTTP clients are not thread-safe.
        model: `ocr`, `ocr_ensemble`, or another one with the same input and outputs.

    Raises:
        InferenceServerException: the server cannot read one of the pictures or is not there.
    """
    if client is None:
        with httpclient.InferenceServerClient(triton.http_url(), network_timeout=TIMEOUT) as client:
            return read_pictures(pictures, client, model=model)
    read = []
    for start in range(0, len(pictures), PICTURES_PER_REQUEST):
        part = np.array([[picture] for picture in pictures[start : start + PICTURES_PER_REQUEST]], dtype=np.object_)
        tensor = httpclient.InferInput("image", list(part.shape), "BYTES")
        tensor.set_data_from_numpy(part)
        answer = client.infer(model, [tensor])
        for rows in zip(*(answer.as_numpy(name) for name in ("boxes", "texts", "scores"))):
            # Pictures with fewer lines than another one of the request end in lines with score 0.
            read.append([(box, text.decode(), float(score)) for box, text, score in zip(*rows) if score > 0])
    return read


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
