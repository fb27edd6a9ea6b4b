"""Text in, normalised sentence vectors out: tokenise, pad by length, call the encoder, pool over the mask.

The tokeniser's file lies in this folder (`workshop build` puts it there), the encoder is another model of the same server,
which answers with an embedding for each token, or has pooled them itself.
"""

import json
import os

import numpy as np
import triton_python_backend_utils as pb_utils
from tokenizers import Tokenizer


class TritonPythonModel:
    """Embeds every text of a Triton batch, which may hold the texts of several requests."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the settings from config.pbtxt and the tokeniser from the version folder."""
        parameters = json.loads(args["model_config"])["parameters"]
        settings = {name: parameter["string_value"] for name, parameter in parameters.items()}
        self.encoder = settings["encoder"]
        if self.encoder == "auto":
            place = "gpu" if args["model_instance_kind"] == "GPU" else "cpu"
            self.encoder = settings[f"encoder_on_{place}"]
        self.tokens_per_call = int(settings["tokens_per_call"])
        self.padding_per_call = int(settings["padding_per_call"])
        file = os.path.join(args["model_repository"], args["model_version"], "tokenizer.json")
        if not os.path.exists(file):
            raise pb_utils.TritonModelException("tokenizer.json is missing; `workshop build sentence_embedder` makes it")
        self.tokenizer = Tokenizer.from_file(file)
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_length=int(settings["max_tokens"]))
        pb_utils.Logger.log_info(f"{args['model_name']}: calls {self.encoder}")

    def execute(self, requests: list) -> list:
        """Answer all requests of a batch; a request with a text that cannot be embedded gets its own error."""
        errors: dict[int, str] = {}
        texts: list[tuple[int, str]] = []  # of all requests: number of the request, text
        for number, request in enumerate(requests):
            try:
                texts += [(number, text) for text in _texts(request)]
            except ValueError as error:
                errors[number] = str(error)
        try:
            vectors = self.embed([text for _, text in texts]) if texts else []
        except RuntimeError as error:
            errors |= {number: str(error) for number, _ in texts}
            vectors = []
        answers: list = [[] for _ in requests]
        for (number, _), vector in zip(texts, vectors):
            answers[number].append(vector)
        return [
            pb_utils.InferenceResponse(error=pb_utils.TritonError(errors[number]))
            if number in errors
            else pb_utils.InferenceResponse([pb_utils.Tensor("embedding", np.array(answer))])
            for number, answer in enumerate(answers)
        ]

    def embed(self, texts: list[str]) -> np.ndarray:
        """Vectors of unit length, FP32 [len(texts), hidden size], in the order of the texts.

        Texts of similar length share a call of the encoder, so that little of it is padding.
        """
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        vectors: list = [None] * len(ids)
        for rows in self.calls([len(tokens) for tokens in ids]):
            token_ids = np.zeros((len(rows), len(ids[rows[0]])), np.int32)
            mask = np.zeros_like(token_ids)
            for position, row in enumerate(rows):
                token_ids[position, : len(ids[row])] = ids[row]
                mask[position, : len(ids[row])] = 1
            found = self.encode(token_ids, mask)
            for row, vector in zip(rows, _pool(found, mask) if found.ndim == 3 else found):
                vectors[row] = vector
        return np.stack(vectors)

    def calls(self, lengths: list[int]) -> list[list[int]]:
        """Which texts share a call: numbers of texts, the longest first, from their lengths in tokens.

        A call holds at most `tokens_per_call` tokens, or one text, and at most `padding_per_call` tokens of padding, which
        cost about as much as another call.
        """
        calls: list[list[int]] = []
        padding = 0
        for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
            longest = lengths[calls[-1][0]] if calls else 0
            padding += longest - lengths[row]
            if calls and (len(calls[-1]) + 1) * longest <= self.tokens_per_call and padding <= self.padding_per_call:
                calls[-1].append(row)
            else:
                calls.append([row])
                padding = 0
        return calls

    def encode(self, token_ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The encoder's answer: token embeddings FP32 [texts, tokens, hidden size], or vectors FP32 [texts, hidden size]."""
        response = pb_utils.InferenceRequest(
            model_name=self.encoder,
            requested_output_names=["output__0"],
            inputs=[pb_utils.Tensor("input__0", token_ids), pb_utils.Tensor("input__1", mask)],
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU),
        ).exec()
        if response.has_error():
            raise RuntimeError(f"{self.encoder}: {response.error().message()}")
        return pb_utils.get_output_tensor_by_name(response, "output__0").as_numpy()


def _texts(request) -> list[str]:
    """The texts of a request.

    Raises:
        ValueError: one of them cannot be embedded; which, and why.
    """
    values = pb_utils.get_input_tensor_by_name(request, "text").as_numpy().reshape(-1)
    texts = []
    for number, value in enumerate(values, start=1):
        try:
            text = value.decode()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"text {number} of {len(values)} is not UTF-8 ({error.reason} at byte {error.start})"
            ) from error
        if not text.strip():
            raise ValueError(f"text {number} of {len(values)} is empty; leave it out of the request")
        texts.append(text)
    return texts


def _pool(embeddings: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of each text's token embeddings, padding left out, scaled to unit length."""
    weights = mask[:, :, None].astype(np.float32)
    means = (embeddings * weights).sum(axis=1) / weights.sum(axis=1)
    return means / np.linalg.norm(means, axis=1, keepdims=True)
