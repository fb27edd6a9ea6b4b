"""Encoded pictures in, boxes and texts out: find lines, cut them out, turn them upright, read them.

The files `pictures.py`, `reading.py` and `characters.txt` lie in this folder (`workshop build` puts them there), the three
networks are other models of the same server. A picture that cannot be read is answered with an error of its own.
"""

import json
import os

import numpy as np
import pictures
import reading
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Reads every picture of a Triton batch, which may hold the pictures of several requests."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the models' names from config.pbtxt and the recogniser's characters from the version folder."""
        parameters = json.loads(args["model_config"])["parameters"]
        self.settings = {key: value["string_value"] for key, value in parameters.items()}
        self.lines_per_request = int(self.settings["lines_per_request"])
        self.characters = reading.characters(os.path.join(args["model_repository"], args["model_version"]))

    def execute(self, requests: list) -> list:
        """Answer all requests of a batch; a request with a picture that cannot be read gets its own error."""
        lines: list = []  # of all pictures: request, picture, box, crop
        errors: dict = {}
        for number, request in enumerate(requests):
            try:
                lines += [(number, *line) for line in self.lines(request)]
            except (pictures.PictureError, RuntimeError) as error:
                errors[number] = str(error)
            except Exception as error:  # whatever one picture does, the others are answered
                errors[number] = f"the picture cannot be read: {type(error).__name__}: {error}"
        try:
            read = self.read([crop for *_, crop in lines])
        except RuntimeError as error:
            errors |= {number: str(error) for number, *_ in lines}
            read = []
        found = [[[] for _ in _images(request)] for request in requests]
        for (number, picture, box, _), (text, score) in zip(lines, read):
            if score >= reading.TEXT_SCORE:
                found[number][picture].append((box, text, score))
        return [
            pb_utils.InferenceResponse(error=pb_utils.TritonError(errors[number]))
            if number in errors
            else pb_utils.InferenceResponse([pb_utils.Tensor(name, value) for name, value in reading.answer(rows).items()])
            for number, rows in enumerate(found)
        ]

    def lines(self, request) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """The lines of a request's pictures: number of the picture, box in its pixels, crop."""
        lines = []
        for number, data in enumerate(_images(request)):
            fitted = reading.fit(pictures.decode(data))
            (probability,) = self.ask("detector", reading.detection_input(fitted.pixels), "sigmoid_0.tmp_0")
            boxes = reading.find_boxes(probability[0, 0], fitted.pixels.shape[1::-1])
            lines += [(number, placed, reading.crop(fitted.pixels, box)) for box, placed in zip(boxes, fitted.back(boxes))]
        return lines

    def read(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
        """Text and score of each crop. Without a crop, no network is asked."""
        lines = [reading.line(crop) for crop in crops]
        for start in range(0, len(crops), reading.ANGLES):
            (angles,) = self.ask(
                "angle", reading.angle_input(crops[start : start + reading.ANGLES]), "save_infer_model/scale_0.tmp_1"
            )
            for number, angle in enumerate(angles, start):
                lines[number] = reading.upright(lines[number], angle)
        texts: list = [None] * len(crops)
        for width, rows in reading.batches(lines, self.lines_per_request):
            steps = self.ask(
                "recogniser", reading.line_input([lines[row] for row in rows], width), "classes", "probabilities"
            )
            for row, text in zip(rows, reading.decode_ctc(*steps, self.characters)):
                texts[row] = text
        return texts

    def ask(self, network: str, x: np.ndarray, *outputs: str) -> list[np.ndarray]:
        """Outputs of another model of this server for its input `x`. `network`: detector, angle or recogniser."""
        model = self.settings[network]
        response = pb_utils.InferenceRequest(
            model_name=model,
            model_version=int(self.settings.get(f"{network}_version", -1)),
            requested_output_names=list(outputs),
            inputs=[pb_utils.Tensor("x", x)],
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU),
        ).exec()
        if response.has_error():
            raise RuntimeError(f"{model}: {response.error().message()}")
        return [pb_utils.get_output_tensor_by_name(response, output).as_numpy() for output in outputs]


def _images(request) -> np.ndarray:
    """The encoded pictures of a request."""
    return pb_utils.get_input_tensor_by_name(request, "image").as_numpy().reshape(-1)
