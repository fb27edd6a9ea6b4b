"""What makes a page hard to read: a camera held askew, a far or dark one, a poor sensor, a strong compression.

Every function takes a clean sheet and a generator of random numbers, and gives the picture and the corners of its lines'
boxes, float32 [lines, 4, 2], as they lie in it. A person still reads every one of them.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from workshop.vision.sheet import Sheet

Spoiled = tuple[Image.Image, np.ndarray]
Chance = np.random.Generator

SMALL = 12
"""Height in pixels of the smallest font on a page that is small."""
SURFACE = (104, 100, 94)
"""What shows around a page that does not fill its picture."""


def rotated(sheet: Sheet, chance: Chance) -> Spoiled:
    """The page turned by 2 to 12 degrees, either way, on a larger surface."""
    angle = chance.uniform(2, 12) * chance.choice([-1, 1])
    picture = sheet.picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=SURFACE)
    return picture, _turned_corners(sheet, angle, picture)


def turned(sheet: Sheet, chance: Chance) -> Spoiled:
    """The page on its side or upside down: turned by 90, 180 or 270 degrees."""
    angle = int(chance.choice([90, 180, 270]))
    picture = sheet.picture.transpose(Image.Transpose[f"ROTATE_{angle}"])
    return picture, _turned_corners(sheet, angle, picture)


def noisy(sheet: Sheet, chance: Chance) -> Spoiled:
    """Normal noise with a standard deviation of 30 to 45 of 255 in each channel; 1 % of the pixels black or white."""
    pixels = np.asarray(sheet.picture, np.float32)
    pixels = pixels + chance.normal(0, chance.uniform(30, 45), pixels.shape)
    pixels[chance.random(pixels.shape[:2]) < 0.005] = 0
    pixels[chance.random(pixels.shape[:2]) < 0.005] = 255
    return _image(pixels), sheet.corners


def low_contrast(sheet: Sheet, chance: Chance) -> Spoiled:
    """All differences shrunk to 12 to 20 % around a grey between 90 and 190, with a noise of 2."""
    pixels = np.asarray(sheet.picture, np.float32)
    pixels = chance.uniform(90, 190) + (pixels - 127.5) * chance.uniform(0.12, 0.2)
    return _image(pixels + chance.normal(0, 2, pixels.shape)), sheet.corners


def small(sheet: Sheet, chance: Chance) -> Spoiled:
    """A page far away: its smallest font is `SMALL` pixels high, in a picture of the first size."""
    share = SMALL / sheet.smallest
    width, height = sheet.picture.size
    size = (max(1, round(width * share)), max(1, round(height * share)))
    at = tuple(
        int(chance.integers((whole - part) // 4, 3 * (whole - part) // 4 + 1)) for whole, part in zip((width, height), size)
    )
    picture = Image.new("RGB", (width, height), SURFACE)
    picture.paste(sheet.picture.resize(size, Image.Resampling.LANCZOS), at)
    scale = np.array(size, np.float32) / np.array((width, height), np.float32)
    return picture, (sheet.corners * scale + np.array(at, np.float32)).astype(np.float32)


def blurred(sheet: Sheet, chance: Chance) -> Spoiled:
    """Out of focus: a Gaussian blur whose standard deviation is 9 to 12 % of the smallest font's height."""
    radius = sheet.smallest * chance.uniform(0.09, 0.12)
    return sheet.picture.filter(ImageFilter.GaussianBlur(radius)), sheet.corners


def jpeg(sheet: Sheet, chance: Chance) -> Spoiled:
    """Saved as JPEG of quality 6 to 12 and opened again."""
    file = io.BytesIO()
    sheet.picture.save(file, "JPEG", quality=int(chance.integers(6, 13)))
    return Image.open(file).convert("RGB"), sheet.corners


def dark(sheet: Sheet, chance: Chance) -> Spoiled:
    """Badly lit: 35 % of the light on one side, 15 % on the other, with a noise of 3."""
    pixels = np.asarray(sheet.picture, np.float32)
    light = np.linspace(*chance.permutation([0.15, 0.35]), pixels.shape[1], dtype=np.float32)[:, None]
    return _image(pixels * light + chance.normal(0, 3, pixels.shape)), sheet.corners


def _turned_corners(sheet: Sheet, angle: float, picture: Image.Image) -> np.ndarray:
    """The corners after a turn by `angle` degrees against the clock about the middle of the sheet."""
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    away = sheet.corners - np.array(sheet.picture.size) / 2  # y points down
    away = np.stack([away[..., 0] * cosine + away[..., 1] * sine, away[..., 1] * cosine - away[..., 0] * sine], axis=-1)
    return (away + np.array(picture.size) / 2).astype(np.float32)


def _image(pixels: np.ndarray) -> Image.Image:
    """A picture from numbers that may lie outside of 0 to 255."""
    return Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8))


HARDSHIPS: dict[str, Callable[[Sheet, Chance], Spoiled]] = {
    "rotated": rotated,
    "turned": turned,
    "noisy": noisy,
    "low contrast": low_contrast,
    "small": small,
    "blurred": blurred,
    "jpeg": jpeg,
    "dark": dark,
}
