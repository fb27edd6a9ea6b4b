"""Pages drawn by the course, whose text is known: what a text detector and recogniser is measured with.

Half of the pages are clean, half are hard in one of the ways of `HARDSHIPS`. A page is drawn by its number, with
random numbers seeded by it: the same page again on every machine with the same versions of Pillow, FreeType and numpy.
The generator and its texts were finished before any model read a page.

The texts, in `texts.toml`, are English with a share of German, French and Spanish. They use only characters that the
dictionary of PP-OCRv4's Chinese and English recogniser has. It has all printable ASCII characters, and of the letters with
marks ä ü Ü à á è é É Ë í ó Ó ú. It has none of Ä ö Ö ß â ç ê ë î ï ñ ô ù û, and neither € nor £, ¿ nor ¡: prices are in EUR,
USD and CHF. No page is Chinese, which the recogniser is made for first: the fonts have no such characters.
"""

import dataclasses
import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from workshop.errors import WorkshopError
from workshop.vision.hardships import HARDSHIPS
from workshop.vision.layouts import DESKS, LAYOUTS, texts
from workshop.vision.sheet import Colour, Sheet, font

SEED = 20_240_531
COUNT = 80
CLEAN = "clean"
DIFFICULTIES = (CLEAN, *HARDSHIPS)


@dataclasses.dataclass(frozen=True, eq=False)
class Page:
    """A picture with the text in it.

    Attributes:
        name: unique, such as `receipt-07-noisy`.
        layout: one of `LAYOUTS`, or `lines`, or `empty`.
        difficulty: one of `DIFFICULTIES`.
        picture: uint8 [height, width, 3], red, green and blue.
        lines: the text, from top to bottom and in a row from left to right, as the page is held to read it. Pieces with a
            wide gap between them, such as the cells of a table, are lines of their own.
        boxes: float32 [lines, 4, 2], x and y of the corners of each line's ink in pixels of the picture, clockwise from
            the text's top left: on a page upside down that is the picture's bottom right.
    """

    name: str
    layout: str
    difficulty: str
    picture: np.ndarray
    lines: tuple[str, ...]
    boxes: np.ndarray

    def encoded(self, format: str = "PNG", **options) -> bytes:
        """The picture as a file's bytes, written by Pillow; `options` are those of the format, such as `quality=90`."""
        file = io.BytesIO()
        Image.fromarray(self.picture).save(file, format, **options)
        return file.getvalue()

    def arranged(self, boxes: np.ndarray, found: Sequence[str]) -> list[str]:
        """Texts that were found on the page, in the order of its lines.

        Each goes to the line whose box its middle is nearest to; several in one line go along the line. With it
        an error rate is about reading, not about the order of rows on a page that is askew or upside down.

        Args:
            boxes: [texts, 4, 2], the corners of the text's boxes in pixels, in any order.
            found: the texts.
        """
        places = []
        for middle in np.asarray(boxes, np.float32).reshape(-1, 4, 2).mean(axis=1):
            left_top, right_top, _, left_bottom = np.moveaxis(self.boxes, 1, 0)
            along, across = right_top - left_top, left_bottom - left_top  # [lines, 2]
            share = np.stack([_share(middle - left_top, along), _share(middle - left_top, across)], axis=-1)
            inside = share.clip(0, 1)
            nearest = left_top + inside[:, :1] * along + inside[:, 1:] * across
            away = np.linalg.norm(middle - nearest, axis=-1)
            line = int(away.argmin()) if len(away) else 0
            places.append((line, float(share[line, 0]) if len(away) else 0.0))
        return [found[number] for number in sorted(range(len(places)), key=places.__getitem__)]


def _share(away: np.ndarray, side: np.ndarray) -> np.ndarray:
    """How far along a side points lie: 0 at its start, 1 at its end; both [lines, 2]."""
    return (away * side).sum(axis=-1) / (side * side).sum(axis=-1)


def names(count: int = COUNT) -> list[str]:
    """The names of the first `count` pages, without drawing any.

    Pages with even numbers are clean. Layouts take turns; in eight hard pages in a row every layout and every hardship
    has its turn once, and in 64 every layout meets every hardship.
    """
    return [_name(*planned) for planned in _plan(count)]


def each_page(count: int = COUNT) -> Iterator[Page]:
    """The first `count` pages, each drawn when it is asked for."""
    return (_drawn(number, layout, difficulty) for number, layout, difficulty in _plan(count))


def pages(count: int = COUNT) -> list[Page]:
    """The first `count` pages, an even number: half of them clean, half of them hard.

    Raises:
        WorkshopError: `count` is odd or negative.
    """
    return list(each_page(count))


def page(name: str) -> Page:
    """Draw one page.

    Raises:
        WorkshopError: no page has this name.
    """
    number = next((int(part) for part in name.split("-") if part.isdecimal()), 0)
    count = number + 2 - number % 2
    if name not in names(count)[-2:]:
        raise WorkshopError(f"there is no page {name!r}: pages.names() tells their names, such as {names(2)[0]!r}")
    return _drawn(*_plan(count)[number])


def lines_page(
    lines: Sequence[str],
    *,
    name: str = "lines",
    face: str = "sans",
    size: int = 28,
    spacing: float = 1.7,
    margin: int = 40,
    ink: Colour = (20, 20, 20),
    paper: Colour = (253, 252, 247),
) -> Page:
    """A clean page of exactly these lines, one below the other; as wide as the longest needs.

    Args:
        face: one of `workshop.vision.sheet.FACES`.
        size: height of the font in pixels.
        spacing: from one baseline to the next, in font heights.
        margin: around the text, in pixels.
    """
    width = max((font(face, size).getlength(line) for line in lines), default=0)
    step = round(size * spacing)
    sheet = Sheet(round(width) + 2 * margin, step * len(lines) + 2 * margin, paper)
    for number, line in enumerate(lines):
        sheet.write(line, (margin, margin + step * number + size), face=face, size=size, ink=ink)
    return _finished(name, "lines", CLEAN, sheet, sheet.picture, sheet.corners)


def empty_page(width: int = 640, height: int = 480) -> Page:
    """A page without text: paper on a desk."""
    sheet = Sheet(width, height, DESKS[0])
    sheet.draw.rectangle((width // 8, height // 8, width * 7 // 8, height * 7 // 8), fill=(253, 252, 247))
    return _finished("empty", "empty", CLEAN, sheet, sheet.picture, sheet.corners)


def some_lines(count: int) -> list[str]:
    """So many lines out of the course's texts, always the same ones: what a page for `lines_page` may hold."""
    every = list(dict.fromkeys(line for words in texts().values() for line in _leaves(words) if len(line) >= 8))
    order = np.random.default_rng(SEED).permutation(len(every))
    return [every[order[number % len(every)]] for number in range(count)]


def _plan(count: int) -> list[tuple[int, str, str]]:
    """Number, layout and difficulty of the first `count` pages."""
    if count < 0 or count % 2:
        raise WorkshopError(f"{count} pages cannot be half clean and half hard: ask for an even number")
    layouts, hardships = tuple(LAYOUTS), tuple(HARDSHIPS)
    found = []
    for number in range(count):
        turn = number // 2  # a clean and a hard page of each layout
        place, block = turn % len(layouts), turn // len(layouts)
        found.append((number, layouts[place], hardships[(place + block) % len(hardships)] if number % 2 else CLEAN))
    return found


def _name(number: int, layout: str, difficulty: str) -> str:
    return "-".join((layout, f"{number:02d}", difficulty.replace(" ", "-")))


def _drawn(number: int, layout: str, difficulty: str) -> Page:
    """The page with this number."""
    turn = number // (2 * len(LAYOUTS)) * 2 + number % 2
    sheet = LAYOUTS[layout](np.random.default_rng([SEED, number]), turn)
    picture, corners = sheet.picture, sheet.corners
    if difficulty != CLEAN:
        picture, corners = HARDSHIPS[difficulty](sheet, np.random.default_rng([SEED, number, 1]))
    return _finished(_name(number, layout, difficulty), layout, difficulty, sheet, picture, corners)


def _finished(name: str, layout: str, difficulty: str, sheet: Sheet, picture: Image.Image, corners: np.ndarray) -> Page:
    """A page, no longer to be drawn on."""
    return Page(name, layout, difficulty, np.array(picture), tuple(sheet.lines), corners)


def _leaves(words: object) -> Iterator[str]:
    """Every text within lists and tables."""
    if isinstance(words, str):
        yield words
    else:
        for part in words.values() if isinstance(words, dict) else words:
            yield from _leaves(part)
