"""The recogniser's classes in, boxes, texts and scores of each picture out.

The files `reading.py` and `characters.txt` lie in this folder; `workshop build` puts them there.
"""

import os

import reading
import triton_python_backend_utils as pb_utils

INPUTS = ("classes", "probabilities", "boxes", "picture", "placing")


class TritonPythonModel:
    """Decodes lines and gives them back to their pictures."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the recogniser's characters from the version folder."""
        self.characters = reading.characters(os.path.join(args["model_repository"], args["model_version"]))

    def execute(self, requests: list) -> list:
        """Answer each request."""
        return [
            self.answer(*(pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in INPUTS))
            for request in requests
        ]

    def answer(self, classes, probabilities, boxes, picture, placing):
        """The response for the lines of some pictures."""
        pages: list = [[] for _ in placing]
        for number, box, (text, score) in zip(picture, boxes, reading.decode_ctc(classes, probabilities, self.characters)):
            if number >= 0 and score >= reading.TEXT_SCORE:
                pages[number].append((box, text, score))
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, value) for name, value in reading.answer(pages).items()])
