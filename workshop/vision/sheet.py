"""A sheet to draw on that remembers what was written where."""

import functools
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
FACES = {
    "sans": "DejaVuSans.ttf",
    "sans bold": "DejaVuSans-Bold.ttf",
    "sans oblique": "DejaVuSans-Oblique.ttf",
    "serif": "DejaVuSerif.ttf",
    "serif bold": "DejaVuSerif-Bold.ttf",
    "serif italic": "DejaVuSerif-Italic.ttf",
    "mono": "DejaVuSansMono.ttf",
    "mono bold": "DejaVuSansMono-Bold.ttf",
}
"""The fonts that come with matplotlib, the same on every machine. None of them has Chinese characters."""

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255 each."""


@functools.cache
def font(face: str, size: int) -> ImageFont.FreeTypeFont:
    """One of `FACES`, `size` pixels high, set by Pillow itself: the machine's text shaping library has no say."""
    return ImageFont.truetype(FONTS / FACES[face], size, layout_engine=ImageFont.Layout.BASIC)


class Sheet:
    """A picture under the pen, with its lines, their boxes and the size of its smallest letters.

    Lines are written in reading order. A line's box is the rectangle of its ink, [left, top, right, bottom] in pixels.
    """

    def __init__(self, width: int, height: int, paper: Colour):
        self.picture = Image.new("RGB", (width, height), paper)
        self.draw = ImageDraw.Draw(self.picture)
        self.lines: list[str] = []
        self.boxes: list[tuple[float, float, float, float]] = []
        self.smallest = 1000

    @property
    def corners(self) -> np.ndarray:
        """The boxes as float32 [lines, 4, 2]: x and y of the corners, clockwise from the top left."""
        left, top, right, bottom = np.array(self.boxes, np.float32).reshape(-1, 4).T
        return np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 4, 2)

    def write(
        self,
        text: str,
        at: tuple[float, float],
        *,
        face: str = "sans",
        size: int = 24,
        ink: Colour = (20, 20, 20),
        anchor: str = "ls",
        room: float | None = None,
    ) -> float:
        """Write one line.

        Args:
            at: where the text's anchor lies, in pixels.
            size: height of the font in pixels.
            anchor: Pillow's two letters: left, middle or right; `s` for the baseline, `m` for the middle.
            room: the width in pixels that there is; a longer line is written smaller.

        Returns:
            The right end of the ink.
        """
        while room is not None and font(face, size).getlength(text) > room:
            size -= 1
        self.draw.text(at, text, fill=ink, font=font(face, size), anchor=anchor)
        box = self.draw.textbbox(at, text, font=font(face, size), anchor=anchor)
        self.lines.append(text)
        self.boxes.append(box)
        self.smallest = min(self.smallest, size)
        return box[2]

    def cut(self, height: int) -> None:
        """End the sheet at `height` pixels."""
        self.picture = self.picture.crop((0, 0, self.picture.width, height))
        self.draw = ImageDraw.Draw(self.picture)

    def surround(self, margin: int, colour: Colour) -> None:
        """Lay the sheet on a surface that shows `margin` pixels of itself on every side."""
        self.picture = ImageOps.expand(self.picture, margin, colour)
        self.draw = ImageDraw.Draw(self.picture)
        self.boxes = [tuple(edge + margin for edge in box) for box in self.boxes]
