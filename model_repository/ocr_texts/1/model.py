"""The recogniser's classes in, by the width of lines; boxes, texts and scores of each picture out.

The files `reading.py` and `characters.txt` lie in this folder; `workshop build` puts them there.
"""

import os

import reading
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Decodes lines and gives them back to their pictures."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the recogniser's characters from the version folder."""
        self.characters = reading.characters(os.path.join(args["model_repository"], args["model_version"]))

    def execute(self, requests: list) -> list:
        """Answer each request."""
        return [self.answer(request) for request in requests]

    def answer(self, request):
        """The response for the lines of some pictures."""
        widths, boxes, picture, placing = (_tensor(request, name) for name in ("widths", "boxes", "picture", "placing"))
        read = {
            width: iter(
                reading.decode_ctc(
                    _tensor(request, f"classes_{width}"), _tensor(request, f"probabilities_{width}"), self.characters
                )
            )
            for width in reading.WIDTHS
        }
        pages: list = [[] for _ in placing]
        for columns, box, number in zip(widths, boxes, picture):
            text, score = next(read[reading.filled_width(columns)])
            if number >= 0 and score >= reading.TEXT_SCORE:
                pages[number].append((box, text, score))
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, value) for name, value in reading.answer(pages).items()])


def _tensor(request, name: str):
    return pb_utils.get_input_tensor_by_name(request, name).as_numpy()
