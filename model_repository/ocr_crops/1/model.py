"""The detector's map and the pixels in, boxes and lines out.

Where there is no text at all, one empty line goes on: the steps behind are run in any case.
"""

import numpy as np
import reading
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Finds and cuts out the lines of each request's pictures."""

    def execute(self, requests: list) -> list:
        """Answer each request."""
        return [
            self.answer(*(_tensor(request, name) for name in ("probability", "pixels", "placing"))) for request in requests
        ]

    def answer(self, probability: np.ndarray, pixels: np.ndarray, placing: np.ndarray):
        """The response for some pictures: probability [pictures, 1, height, width], pixels and placing of `ocr_pixels`."""
        boxes, picture, crops = [], [], []
        for number, place in enumerate(placing):
            high, wide, height, width = place[:4].astype(int)
            scale, margin, size = place[4:].reshape(3, 2)
            fitted = reading.Fitted(pixels[number, :height, :width], tuple(scale), tuple(margin), tuple(size))
            found = reading.find_boxes(probability[number, 0, :high, :wide], (width, height))
            crops += [reading.crop(fitted.pixels, box) for box in found]
            boxes += list(fitted.back(found))
            picture += [number] * len(found)
        if not crops:
            boxes, picture = [np.zeros((4, 2), np.float32)], [-1]
            crops = [np.zeros((reading.LINE_HEIGHT, reading.LINE_HEIGHT, 3), np.uint8)]
        lines = [reading.line(crop) for crop in crops]
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("boxes", np.array(boxes)),
                pb_utils.Tensor("picture", np.array(picture, np.int32)),
                pb_utils.Tensor("lines", reading.together(lines)),
                pb_utils.Tensor("widths", np.array([line.shape[1] for line in lines], np.int32)),
                pb_utils.Tensor("angle_x", reading.angle_input(crops)),
            ]
        )


def _tensor(request, name: str) -> np.ndarray:
    return pb_utils.get_input_tensor_by_name(request, name).as_numpy()
