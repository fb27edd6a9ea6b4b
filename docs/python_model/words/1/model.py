"""Text in, the number of its words out, those left out that a file names.

The file lies in this folder; its name and all else that one may want to change are parameters of config.pbtxt.
"""

import json
import os

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Counts the words of every text of a Triton batch, which may hold the texts of several requests."""

    @staticmethod
    def auto_complete_config(config):
        """Say what the program takes and gives. A config.pbtxt that says something else is refused."""
        config.add_input({"name": "text", "data_type": "TYPE_STRING", "dims": [1]})
        config.add_output({"name": "words", "data_type": "TYPE_INT32", "dims": [1]})
        if config.as_dict()["max_batch_size"] == 0:
            config.set_max_batch_size(64)
        return config

    def initialize(self, args: dict[str, str]) -> None:
        """Read the settings from config.pbtxt and the words from the version folder."""
        parameters = json.loads(args["model_config"])["parameters"]
        settings = {name: value["string_value"] for name, value in parameters.items()}
        self.least_letters = int(settings["least_letters"])
        file = os.path.join(args["model_repository"], args["model_version"], settings["left_out"])
        if not os.path.exists(file):
            raise pb_utils.TritonModelException(f"{file} is missing: put the words to leave out there, a word a line")
        with open(file, encoding="utf-8") as lines:
            self.left_out = set(lines.read().split())
        self.texts = 0
        pb_utils.Logger.log_info(f"{args['model_name']}: {len(self.left_out)} words are left out")

    def execute(self, requests: list) -> list:
        """Answer all requests of a batch; a request with a text that is not UTF-8 gets its own error."""
        errors: dict[int, str] = {}
        texts: list[tuple[int, str]] = []  # of all requests: number of the request, text
        for number, request in enumerate(requests):
            try:
                texts += [(number, text) for text in _texts(request)]
            except ValueError as error:
                errors[number] = str(error)
        counts = self.count([text for _, text in texts])
        answers: list = [[] for _ in requests]
        for (number, _), count in zip(texts, counts):
            answers[number].append([count])
        return [
            pb_utils.InferenceResponse(error=pb_utils.TritonError(errors[number]))
            if number in errors
            else pb_utils.InferenceResponse([pb_utils.Tensor("words", np.array(answer, np.int32))])
            for number, answer in enumerate(answers)
        ]

    def count(self, texts: list[str]) -> list[int]:
        """The number of words of each text: here stands what the model does, for all texts of a batch in one go."""
        self.texts += len(texts)
        pb_utils.Logger.log_verbose(f"{len(texts)} texts in one call")
        return [sum(self.counts(word) for word in text.lower().split()) for text in texts]

    def counts(self, word: str) -> bool:
        """Whether a word counts."""
        return len(word) >= self.least_letters and word not in self.left_out

    def finalize(self) -> None:
        """Say what was done; end here what was started in `initialize`."""
        pb_utils.Logger.log_info(f"{self.texts} texts were counted")


def _texts(request) -> list[str]:
    """The texts of a request.

    Raises:
        ValueError: one of them is not UTF-8; which.
    """
    values = pb_utils.get_input_tensor_by_name(request, "text").as_numpy().reshape(-1)
    texts = []
    for number, value in enumerate(values, start=1):
        try:
            texts.append(value.decode())
        except UnicodeDecodeError as error:
            raise ValueError(
                f"text {number} of {len(values)} is not UTF-8 ({error.reason} at byte {error.start})"
            ) from error
    return texts
