"""A picture's pixels to the input of EfficientNet-Lite0, as its publisher evaluates it.

The middle of the picture, a square of 7/8 of its shorter side, scaled to 224 × 224 pixels with bicubic interpolation; then
(x - 127) / 128. After `preprocess_for_eval` and `efficientnet_lite_builder` of
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet, but for one thing: TensorFlow's bicubic
interpolation looks at four pixels by four however much a picture shrinks, Pillow's at all that become one.

Needs NumPy and Pillow alone: Python models have a copy of this file in their version folders.
"""

import numpy as np
from PIL import Image

SIZE = 224
"""Height and width of the network's input."""
KEPT = 0.875
"""The part of the shorter side that is kept: 224 / (224 + 32)."""


def middle(pixels: np.ndarray) -> np.ndarray:
    """The square in the middle of a picture, with 7/8 of its shorter side.

    Args:
        pixels: [height, width, channels].

    Returns:
        A view [side, side, channels]; of the tiniest pictures, one pixel.
    """
    height, width = pixels.shape[:2]
    side = max(int(KEPT * min(height, width)), 1)
    top, left = (height - side + 1) // 2, (width - side + 1) // 2
    return pixels[top : top + side, left : left + side]


def fit(pixels: np.ndarray, size: int = SIZE) -> np.ndarray:
    """The middle of a picture, scaled.

    Args:
        pixels: uint8 [height, width, 3].
        size: height and width wanted.

    Returns:
        uint8 [size, size, 3], the channels in their order.

    Raises:
        ValueError: the pixels are of another type or shape.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(f"pixels are uint8 [height, width, 3], not {pixels.dtype} {list(pixels.shape)}")
    square = Image.fromarray(np.ascontiguousarray(middle(pixels)))
    return np.asarray(square.resize((size, size), Image.Resampling.BICUBIC))


def scale(pixels: np.ndarray) -> np.ndarray:
    """(x - 127) / 128, and the channels first.

    Args:
        pixels: uint8 [height, width, 3].

    Returns:
        float32 [3, height, width], from -0.992 to 1.
    """
    return np.ascontiguousarray(((pixels.astype(np.float32) - 127) / 128).transpose(2, 0, 1))


def prepare(pixels: np.ndarray) -> np.ndarray:
    """The network's input for a picture of any size.

    Args:
        pixels: uint8 [height, width, 3]: red, green, blue.

    Returns:
        float32 [3, 224, 224].

    Raises:
        ValueError: the pixels are of another type or shape.
    """
    return scale(fit(pixels))
