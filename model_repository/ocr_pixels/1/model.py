"""Encoded pictures in, the detector's input and the pixels to cut lines from out.

A tensor is a box of numbers: where the pictures of a request have different sizes, they lie in the top left corner of one
that holds the largest, and `placing` tells for each picture

    height and width of its part of `x`, height and width of its part of `pixels`,
    scale and margin in x and y, width and height of the picture itself (see `reading.Fitted`).
"""

import numpy as np
import pictures
import reading
import triton_python_backend_utils as pb_utils

MOST_PIXELS = 16_000_000
"""What the detector gets at once, with what is laid around smaller pictures: it takes about 200 bytes for each. One picture
has 4.3 million at most."""


class TritonPythonModel:
    """Decodes the pictures of each request, which come from one request to the ensemble."""

    def execute(self, requests: list) -> list:
        """Answer each request; one with a picture that cannot be read gets its own error."""
        return [self.answer(pb_utils.get_input_tensor_by_name(request, "image").as_numpy()) for request in requests]

    def answer(self, image: np.ndarray):
        """The response for encoded pictures, bytes [pictures, 1]."""
        try:
            fitted = [reading.fit(pictures.decode(data)) for data in image[:, 0]]
        except pictures.PictureError as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)))
        seen = [reading.detection_input(one.pixels)[0] for one in fitted]
        pixels = len(seen) * np.max([x.shape[1:] for x in seen], axis=0).prod()
        if pixels > MOST_PIXELS:
            message = (
                f"{len(seen)} pictures in one request, each in the size of the largest, are {pixels / 1e6:.0f} million "
                f"pixels for the detector, which gets {MOST_PIXELS / 1e6:g} at most: send fewer, or ask the model ocr"
            )
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(message))
        placing = [(*x.shape[1:], *one.pixels.shape[:2], *one.scale, *one.margin, *one.size) for x, one in zip(seen, fitted)]
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("x", reading.together(seen)),
                pb_utils.Tensor("pixels", reading.together([one.pixels for one in fitted])),
                pb_utils.Tensor("placing", np.array(placing, np.float32)),
            ]
        )
