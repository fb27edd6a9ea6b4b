"""Lines and their angles in, the recogniser's input out: one tensor, as wide as the widest line of all."""

import reading
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Turns the lines that stand on their heads."""

    def execute(self, requests: list) -> list:
        """Answer each request."""
        responses = []
        for request in requests:
            lines, widths, angles = (
                pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in ("lines", "widths", "angles")
            )
            upright = [reading.upright(line[:, :width], angle) for line, width, angle in zip(lines, widths, angles)]
            responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("x", reading.line_input(upright, lines.shape[2]))]))
        return responses
