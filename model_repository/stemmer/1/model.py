"""Words in, their stems out, with the version of the library that made them and the folder that it was imported from.

The programs of `stemmer` and `stemmer_pinned` are the same, line by line: what differs is the environment they run in.
"""

import importlib.metadata
import os

import numpy as np
import snowballstemmer
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Stems the English words of all requests of a batch."""

    def initialize(self, args: dict[str, str]) -> None:
        """Find out which library this process has."""
        self.stemmer = snowballstemmer.stemmer("english")
        self.version = importlib.metadata.version("snowballstemmer")
        self.folder = os.path.dirname(snowballstemmer.__file__)

    def execute(self, requests: list) -> list:
        """Answer each request; one with a word that is not UTF-8 gets its own error."""
        responses = []
        for request in requests:
            words = pb_utils.get_input_tensor_by_name(request, "word").as_numpy()
            try:
                stems = [self.stemmer.stemWord(word.decode().lower()) for word in words.reshape(-1)]
            except UnicodeDecodeError as error:
                responses.append(pb_utils.InferenceResponse(error=pb_utils.TritonError(f"not UTF-8: {error.reason}")))
                continue
            answers = {"stem": stems, "version": [self.version] * len(stems), "folder": [self.folder] * len(stems)}
            tensors = [
                pb_utils.Tensor(name, np.array([value.encode() for value in values], np.object_).reshape(words.shape))
                for name, values in answers.items()
            ]
            responses.append(pb_utils.InferenceResponse(tensors))
        return responses
