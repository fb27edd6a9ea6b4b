"""Encoded pictures in, the network's input out; a picture that cannot be read is the error of its own request.

Beside this file lie `pictures.py` and `preprocessing.py`, copies that `workshop build image_preprocess` makes.
"""

import numpy as np
import pictures
import preprocessing
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Prepares the pictures of each request."""

    def execute(self, requests: list) -> list:
        """Answer each request."""
        return [self.answer(pb_utils.get_input_tensor_by_name(request, "image").as_numpy()) for request in requests]

    def answer(self, image: np.ndarray):
        """The response for encoded pictures, bytes [pictures, 1]: FP32 [pictures, 3, 224, 224], or why one is not read."""
        try:
            # pictures.decode has OpenCV's order of channels: blue, green, red.
            prepared = np.stack([preprocessing.prepare(pictures.decode(data)[:, :, ::-1]) for data in image[:, 0]])
        except pictures.PictureError as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)))
        return pb_utils.InferenceResponse([pb_utils.Tensor("pixels", prepared)])
