"""Lines and their angles in, the recogniser's inputs out: one tensor for each width that lines are filled up to.

An ensemble cannot leave a step out. So a width that no line has gets one narrow, empty line.
"""

import numpy as np
import reading
import triton_python_backend_utils as pb_utils

EMPTY = np.zeros((1, 3, reading.LINE_HEIGHT, reading.GRID), np.float32)


class TritonPythonModel:
    """Turns the lines that stand on their heads, and sorts all by width."""

    def execute(self, requests: list) -> list:
        """Answer each request."""
        return [self.answer(*(_tensor(request, name) for name in ("lines", "widths", "angles"))) for request in requests]

    def answer(self, lines: np.ndarray, widths: np.ndarray, angles: np.ndarray):
        """The response for the lines of some pictures, as `ocr_crops` gives them, and the angles that `text_angle` found."""
        upright = [reading.upright(line[:, :width], angle) for line, width, angle in zip(lines, widths, angles)]
        tensors = []
        for width in reading.WIDTHS:
            chosen = [line for line in upright if reading.filled_width(line.shape[1]) == width]
            tensors.append(pb_utils.Tensor(f"x_{width}", reading.line_input(chosen, width) if chosen else EMPTY))
        return pb_utils.InferenceResponse(tensors)


def _tensor(request, name: str) -> np.ndarray:
    return pb_utils.get_input_tensor_by_name(request, name).as_numpy()
