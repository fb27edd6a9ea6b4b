"""Encoded pictures to pixels, with a defined answer for each kind of file.

Needs NumPy, OpenCV and Pillow alone: Python models have a copy of this file in their version folders.
"""

import io
import warnings

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
"""What is read; whatever else Pillow knows is refused."""
MOST_PIXELS = 50_000_000
"""Pixels that a picture may have, by its header: a small file can unpack to gigabytes (a decompression bomb)."""


class PictureError(ValueError):
    """Bytes that are no picture, or none that is read here; the message says why."""


def decode(data: bytes, *, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """The pixels of an encoded picture, turned as its EXIF orientation wants, as a viewer shows it.

    Grey becomes three equal channels, 16 bits become 8, CMYK becomes RGB. What is transparent becomes white, or black where
    what is opaque is bright, so that white letters do not vanish. Of an animation, the first frame counts.

    Args:
        data: a whole file of one of `FORMATS`.
        most_pixels: width × height above which the picture is refused before a pixel is decoded.

    Returns:
        uint8 [height, width, 3], channels in OpenCV's order: blue, green, red.

    Raises:
        PictureError: no picture, a format that is not read, cut off, damaged, or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own about size: the limit is checked here; about odd metadata
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise PictureError(f"no picture of a kind that is read here ({', '.join(FORMATS)})") from None
    except Image.DecompressionBombError:
        raise PictureError(_too_large(most_pixels)) from None
    except (OSError, ValueError, SyntaxError, KeyError, OverflowError, TypeError) as error:
        raise PictureError(f"the picture is damaged: {error}") from error
    if picture.width * picture.height > most_pixels:
        raise PictureError(f"{picture.width} × {picture.height} pixels: {_too_large(most_pixels)}")
    try:
        picture.load()
        picture = ImageOps.exif_transpose(picture)
        pixels = _eight_bits(picture)
    except (OSError, ValueError, SyntaxError, KeyError, IndexError, EOFError, TypeError) as error:
        raise PictureError(f"the picture is cut off or damaged: {error}") from error
    return np.ascontiguousarray(pixels[:, :, ::-1])


def _too_large(most_pixels: int) -> str:
    return f"a picture may have {most_pixels / 1e6:g} million pixels"


def _eight_bits(picture: Image.Image) -> np.ndarray:
    """Red, green and blue of a decoded picture, uint8 [height, width, 3]."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture, dtype=np.float64)
        # A grey picture of 16 bits comes as I;16 or I. Others have no fixed range: theirs is taken as white.
        white = 65535 if picture.mode != "F" and values.max(initial=0) <= 65535 else max(values.max(initial=0), 1)
        grey = np.clip(np.nan_to_num(values) / white * 255, 0, 255).round().astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if "A" in picture.getbands() or "transparency" in picture.info:
        return _opaque(np.asarray(picture.convert("RGBA")))
    return np.asarray(picture.convert("RGB"))


def _opaque(pixels: np.ndarray) -> np.ndarray:
    """Pixels with an alpha channel, uint8 [height, width, 4], laid on white or, where they are bright, on black."""
    alpha = pixels[:, :, 3:].astype(np.float32) / 255
    luminance = cv2.cvtColor(pixels[:, :, :3], cv2.COLOR_RGB2GRAY)
    weight = alpha.sum()
    transparent = weight < 0.99 * alpha.size
    bright = weight > 0 and (luminance * alpha[:, :, 0]).sum() / weight > 127
    ground = 0 if transparent and bright else 255
    return (pixels[:, :, :3] * alpha + ground * (1 - alpha)).round().astype(np.uint8)
