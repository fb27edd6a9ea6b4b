"""Encoded pictures to pixels, with a defined answer for each kind of file.

Needs NumPy, OpenCV and Pillow alone: Python models have a copy of this file in their version folders.
"""

import io
import warnings

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
"""What is read; whatever else Pillow knows is refused."""
MOST_PIXELS = 50_000_000
"""Pixels that a picture may have, by its header: a small file can unpack to gigabytes (a decompression bomb)."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientations and what sets such a picture upright."""


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
            if picture.width * picture.height > most_pixels:
                raise PictureError(f"{picture.width} × {picture.height} pixels: {_too_large(most_pixels)}")
            picture.load()
            pixels = _eight_bits(_turned(picture))
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"no picture of a kind that is read here ({', '.join(FORMATS)})") from None
    except Image.DecompressionBombError:
        raise PictureError(_too_large(most_pixels)) from None
    except Exception as error:  # Pillow's readers raise a dozen kinds for damaged files, struct.error and zlib.error too
        raise PictureError(f"the picture is cut off or damaged: {error}") from error
    return np.ascontiguousarray(pixels[:, :, ::-1])


def _too_large(most_pixels: int) -> str:
    return f"a picture may have {most_pixels / 1e6:g} million pixels at most"


def _turned(picture: Image.Image) -> Image.Image:
    """A decoded picture turned as its EXIF orientation wants. One whose EXIF data are damaged stays as it is."""
    try:
        method = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # as above
        return picture
    return picture if method is None else picture.transpose(method)


def _eight_bits(picture: Image.Image) -> np.ndarray:
    """Red, green and blue of a decoded picture, uint8 [height, width, 3]."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture).astype(np.float32)
        most = values.max(initial=0, where=np.isfinite(values))
        # A grey picture of 16 bits comes as I;16 or I. Others have no fixed range: theirs is taken as white.
        values *= 255 / (65535 if picture.mode != "F" and most <= 65535 else max(most, 1))
        grey = np.nan_to_num(values, copy=False).clip(0, 255, out=values).round().astype(np.uint8)
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = _opaque(picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"))


def _opaque(picture: Image.Image) -> Image.Image:
    """A picture with red, green, blue and alpha laid on white or, where what is opaque is bright, on black."""
    alpha = picture.getchannel("A")
    seen = Image.new("L", picture.size)
    seen.paste(picture.convert("L"), mask=alpha)
    opacity = np.asarray(alpha).mean() / 255
    bright = np.asarray(seen).mean() > 127 * opacity
    laid = Image.new("RGB", picture.size, "black" if bright and opacity < 0.99 else "white")
    laid.paste(picture.convert("RGB"), mask=alpha)
    return laid
