"""Drawn crops with what is written on them: price tags, seven-segment displays and the counters of meters.

A crop is what a detector of text would cut out: one line, a little margin. Each is drawn from one generator of random
numbers and from nothing else, so that a seed gives the same crops again.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from workshop.vision import sheet

KINDS = ("price", "segments", "counter")
"""Price tags in print, seven-segment displays (LCD and LED), number wheels of gas, water and electricity meters."""
CHARACTERS = "0123456789.,-%€£$kWhm³°C "
"""What can be written on a crop. The space is the last one."""
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono-Bold", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Bold")
"""The fonts that Matplotlib brings. Each has every character."""
SEGMENTS = {
    **{"0": "abcdef", "1": "bc", "2": "abdeg", "3": "abcdg", "4": "bcfg", "5": "acdfg", "6": "acdefg", "7": "abc"},
    **{"8": "abcdefg", "9": "abcdfg", "-": "g", " ": ""},
}
"""The lit segments of a digit: `a` is the top one, then clockwise to `f`, and `g` is the middle."""
TAILLESS = {"6": "cdefg", "7": "abcf", "9": "abcfg"}
"""How some displays show these digits instead."""

Colour = tuple[float, float, float]
"""Blue, green, red, 0 to 255."""


@dataclass(frozen=True)
class Crop:
    """One crop, its text and its kind, one of `KINDS`."""

    image: np.ndarray
    """uint8 [height, width, 3], blue first as OpenCV has it."""
    text: str
    kind: str


def draw(rng: np.random.Generator, kind: str | None = None) -> tuple[np.ndarray, str]:
    """Draw one crop: uint8 [height, width, 3], **BGR**, 18 to 71 high, and the text on it.

    Args:
        rng: what every choice is taken from.
        kind: one of `KINDS`; one of them by chance where none is given.

    Raises:
        ValueError: there is no such kind.
    """
    if kind is None:
        kind = KINDS[rng.integers(len(KINDS))]
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of crop; there are {', '.join(KINDS)}")
    image, text = {"price": _price, "segments": _segments, "counter": _counter}[kind](rng)
    return _photographed(rng, image), text


def drawn(seed: int, count: int, first: int = 0) -> Iterator[Crop]:
    """So many crops of a seed, the kinds in turn. Each depends on the seed and its own number, from `first` on, alone."""
    for number in range(first, first + count):
        kind = KINDS[number % len(KINDS)]
        yield Crop(*draw(np.random.default_rng([seed, number]), kind), kind)


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in this share of cases."""
    return bool(rng.random() < share)


@functools.cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(sheet.FONTS / f"{name}.ttf", size)


def _pick(rng: np.random.Generator, options):
    return options[rng.integers(len(options))]


def _number(rng: np.random.Generator, longest: int, decimals: int, mark: str) -> str:
    """A number with up to so many digits before its decimal mark, short ones as often as long ones."""
    whole = str(rng.integers(10 ** int(rng.integers(1, longest + 1))))
    return whole + (mark + "".join(map(str, rng.integers(10, size=decimals))) if decimals else "")


# Price tags


def _price(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Print on paper: currency before or after the amount, sometimes with small raised cents, or a discount."""
    mark = _pick(rng, ".,")
    if chance(rng, 0.12):
        parts = [f"-{rng.integers(1, 100)}" + _pick(rng, ("%", " %"))]
    else:
        amount = _number(rng, 4, 0 if chance(rng, 0.12) else 2, mark)
        whole, _, cents = amount.partition(mark)
        if len(whole) > 3 and chance(rng, 0.5):
            whole = f"{whole[:-3]}{'.' if mark == ',' else ','}{whole[-3:]}"
        sign, space = _pick(rng, "€€£$"), " " if chance(rng, 0.4) else ""
        before, after = _pick(rng, ((f"{sign}{space}", ""), ("", f"{space}{sign}"), ("", "")))
        minus = "-" if chance(rng, 0.06) else ""
        parts = [minus + before + whole, mark if cents else "", cents, after]
    paper, ink = _paper(rng)
    name, size = _pick(rng, FONTS), int(rng.integers(34, 50))
    small = max(16, int(size * rng.uniform(0.5, 0.75))) if chance(rng, 0.2) else size
    sizes = [size, size, small, _pick(rng, (size, small))][: len(parts)]
    fonts = [_font(name, one) for one in sizes]
    widths = [font.getlength(part) for font, part in zip(fonts, parts)]
    left, top = rng.uniform(2, 22), rng.uniform(1, 12)
    top_of_digit = _font(name, size).getbbox("8", anchor="ls")[1]
    bottom = max(-top_of_digit, size * 0.72) + size * 0.22
    height, width = int(top + bottom + rng.uniform(1, 10)), int(left + sum(widths) + rng.uniform(2, 22))
    picture = Image.new("RGB", (width, height), tuple(map(int, paper)))
    pen = ImageDraw.Draw(picture)
    x, base = left, top - top_of_digit
    for part, font, step in zip(parts, fonts, widths):
        raised = font.getbbox("8", anchor="ls")[1] - top_of_digit
        pen.text((x, base + (-raised if part[:1].isdigit() else 0)), part, tuple(map(int, ink)), font=font, anchor="ls")
        x += step
    if chance(rng, 0.25):  # the tag's edge, or the rule under the name of the goods
        y = _pick(rng, (0, 1, height - 1, height - 2))
        pen.line([(0, y), (width, y)], tuple(map(int, ink if chance(rng, 0.5) else paper * 0.5)), int(rng.integers(1, 3)))
    return np.asarray(picture, dtype=np.float32), "".join(parts).strip()


def _paper(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Colours of paper and ink: dark on white or yellow, red on white, white or yellow on red, grey on black."""
    white, yellow, red = np.array([240.0, 244, 245]), np.array([60.0, 220, 250]), np.array([40.0, 30, 205])
    dark, sign = np.array([30.0, 25, 25]), np.array([25.0, 110, 20])
    paper, ink = _pick(
        rng,
        (
            (white, dark),
            (white, dark),
            (yellow, dark),
            (white, red),
            (yellow, red),
            (red, white),
            (red, yellow),
            (dark, white),
        )
        + ((sign, white), (white, sign)),
    )
    return np.clip(paper + rng.normal(0, 12, 3), 0, 255), np.clip(ink + rng.normal(0, 12, 3), 0, 255)


# Seven-segment displays


def _segments(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A liquid crystal or a row of diodes: unlit segments shine through, digits lean, a lamp is mirrored in the glass."""
    number, unit = _displayed(rng)
    slots: list[tuple[str, bool]] = []  # a digit, and whether the point after it is lit
    for character in number:
        if character == ".":
            slots[-1] = (slots[-1][0], True)
        else:
            slots.append((character, False))
    slots = [(" ", False)] * int(rng.integers(0, 3) if chance(rng, 0.35) else 0) + slots
    tall = rng.uniform(32, 42)
    wide, thick = tall * rng.uniform(0.42, 0.62), tall * rng.uniform(0.09, 0.16)
    lean, gap = rng.uniform(-0.02, 0.2), rng.uniform(0.03, 0.12) * thick + 0.4
    own_place = chance(rng, 0.3)  # of the point: between digits, or squeezed into the gap that is there anyway
    step, point = wide + thick * rng.uniform(1.4, 2.6), thick * rng.uniform(1.05, 1.4)
    top, left = rng.uniform(3, 11), rng.uniform(3, 18)
    lit, unlit, x = [], [], left + lean * tall / 2
    tailless = chance(rng, 0.2)
    for character, dotted in slots:
        on = TAILLESS.get(character, SEGMENTS[character]) if tailless else SEGMENTS[character]
        for name, polygon in _segment_polygons(wide, tall, thick, gap).items():
            (lit if name in on else unlit).append(_leaning(polygon, lean, tall) + (x, top))
        dot = np.array([(0, 0), (point, 0), (point, point), (0, point)])
        at = wide + (step - wide - point) * 0.5 + (point * 0.4 if own_place and dotted else 0)
        (lit if dotted else unlit).append(_leaning(dot + (at, tall - point), lean, tall) + (x, top))
        x += step + (point * 0.8 if own_place and dotted else 0)
    size = int(tall * rng.uniform(0.4, 0.85))
    font, space = _font(_pick(rng, FONTS[:2]), max(size, 14)), rng.uniform(0.05, 0.3) * tall
    width = int(x + (space + font.getlength(unit) if unit else 0) + rng.uniform(2, 16))
    height = int(top + tall + rng.uniform(3, 11))
    on, off = _mask(lit, height, width), _mask(unlit, height, width)
    if unit:
        raised = rng.uniform(0, 1) if chance(rng, 0.4) else 0
        top_of_unit = font.getbbox("k", anchor="ls")[1]
        y = top + tall + raised * (-tall - top_of_unit)
        picture = Image.new("L", (width, height))
        ImageDraw.Draw(picture).text((x + space, y), unit, 255, font=font, anchor="ls")
        on = np.maximum(on, np.asarray(picture, dtype=np.float32) / 255)
    ghost = rng.uniform(0.0, 0.16) if chance(rng, 0.8) else 0.0
    if chance(rng, 0.55):
        ground, ink = _liquid_crystal(rng)
        shadow = np.roll(on, (1, 2), (0, 1)) * rng.uniform(0, 0.18)
        cover = np.maximum(np.maximum(on, shadow), off * ghost)[..., None]
        image = ground * (1 - cover) + ink * cover
    else:
        ground, ink = _diodes(rng)
        glow = cv2.GaussianBlur(on, (0, 0), rng.uniform(1.5, 5)) * rng.uniform(0, 0.5)
        cover = np.clip(np.maximum(on, off * ghost) + glow, 0, 1)[..., None]
        image = ground * (1 - cover) + ink * cover
    return image, number + (f" {unit}" if unit else "")


def _displayed(rng: np.random.Generator) -> tuple[str, str]:
    """A number and its unit, which not every display shows."""
    what = rng.random()
    if what < 0.4:
        number, unit = _number(rng, 6, int(rng.integers(0, 4)), "."), _pick(rng, ("kWh", "kWh", "m³", "kW", "W"))
    elif what < 0.65:
        number, unit = _number(rng, 2, int(rng.integers(0, 2)), "."), "°C"
        number = "-" + number if chance(rng, 0.3) else number
    elif what < 0.75:
        number, unit = _number(rng, 2, 0, "."), "%"
    else:
        number, unit = _number(rng, 5, int(rng.integers(0, 3)), "."), _pick(rng, ("h", "m³", "C"))
    if what < 0.4 and chance(rng, 0.4):
        number = number.zfill(int(rng.integers(6, 9)))
    return number, unit if chance(rng, 0.5) else ""


def _segment_polygons(wide: float, tall: float, thick: float, gap: float) -> dict[str, np.ndarray]:
    """Seven hexagons, each float [6, 2], x and y, of a digit whose upper left corner is the origin."""
    half, middle = thick / 2, tall / 2

    def lying(y: float) -> np.ndarray:
        left, right = half + gap, wide - half - gap
        inner = [(left + half, y - half), (right - half, y - half), (right, y)]
        return np.array([*inner, (right - half, y + half), (left + half, y + half), (left, y)])

    def standing(x: float, top: float, bottom: float) -> np.ndarray:
        top, bottom = top + gap, bottom - gap
        inner = [(x, top), (x + half, top + half), (x + half, bottom - half)]
        return np.array([*inner, (x, bottom), (x - half, bottom - half), (x - half, top + half)])

    left, right, bottom = half, wide - half, tall - half
    upright = {"b": standing(right, half, middle), "c": standing(right, middle, bottom)}
    upright |= {"e": standing(left, middle, bottom), "f": standing(left, half, middle)}
    return {"a": lying(half), "d": lying(bottom), "g": lying(middle), **upright}


def _leaning(polygon: np.ndarray, lean: float, tall: float) -> np.ndarray:
    return polygon + np.stack([(tall / 2 - polygon[:, 1]) * lean, np.zeros(len(polygon))], axis=1)


def _mask(polygons: list[np.ndarray], height: int, width: int) -> np.ndarray:
    """How much of each pixel the polygons cover: float32 [height, width], 0 to 1."""
    mask = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.round(polygon * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _liquid_crystal(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ground and ink: dark on grey-green, blue or amber light, or light on dark where the display is inverted."""
    grounds = ((150, 180, 170), (140, 175, 150), (190, 195, 190), (230, 170, 90), (90, 180, 235), (160, 200, 140))
    ground, ink = np.array(_pick(rng, grounds), dtype=float), np.array([40.0, 45, 40]) + rng.uniform(-15, 35)
    if chance(rng, 0.12):
        ground, ink = np.array([120.0, 50, 20]), np.array([245.0, 240, 230])
    return np.clip(ground + rng.normal(0, 12, 3), 0, 255), np.clip(ink, 0, 255)


def _diodes(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ground and light: red, green, blue, amber or white on nearly black."""
    lights = ((50, 40, 250), (40, 30, 220), (90, 240, 60), (250, 170, 60), (40, 160, 255), (250, 250, 245))
    ground = np.array([22.0, 20, 24]) + rng.uniform(-12, 25)
    return np.clip(ground, 0, 255), np.clip(np.array(_pick(rng, lights)) + rng.normal(0, 12, 3), 0, 255)


# Counters of meters


def _counter(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Number wheels in their windows: the last digits red, the very last one perhaps between two numbers.

    A wheel that has turned on is written as the number that most of its window shows: it is off its place by at most a
    quarter of a digit's height.
    """
    whole, decimals = int(rng.integers(4, 8)), int(rng.integers(0, 4))
    digits = rng.integers(10, size=whole + decimals)
    digits[: rng.integers(0, whole - 1)] = 0  # a meter starts at zero
    mark = _pick(rng, ",,.") if decimals and chance(rng, 0.7) else ""
    unit = _pick(rng, ("m³", "kWh")) if chance(rng, 0.4) else ""
    name, size = _pick(rng, FONTS[:4]), int(rng.integers(30, 44))
    font = _font(name, size)
    tall = -font.getbbox("8", anchor="ls")[1]
    cell_wide, cell_tall = font.getlength("8") * rng.uniform(1.1, 1.6), tall * rng.uniform(1.35, 1.75)
    gap, left, top = rng.uniform(1, cell_wide * 0.25), rng.uniform(3, 14), rng.uniform(2, 8)
    dark = np.array([35.0, 30, 30]) + rng.uniform(-20, 30)
    light = np.array([225.0, 235, 235]) + rng.uniform(-30, 15)
    red = np.array([45.0, 35, 195]) + rng.normal(0, 15, 3)
    inverted, red_cells = chance(rng, 0.3), chance(rng, 0.6)
    plate = _pick(rng, (np.array([200.0, 205, 205]), np.array([130.0, 130, 130]), np.array([55.0, 55, 60]), red * 0.9))
    plate = plate + rng.uniform(-25, 25)
    on_plate = light if plate.mean() < 125 else dark
    unit_font = _font(_pick(rng, FONTS[:2]), max(14, int(size * rng.uniform(0.45, 0.9))))
    mark_wide = cell_wide * rng.uniform(0.3, 0.5) if mark else 0
    unit_wide = cell_wide * 0.3 + unit_font.getlength(unit) if unit else 0
    width = int(left + (cell_wide + gap) * len(digits) + mark_wide + unit_wide + rng.uniform(3, 14))
    height = int(top + cell_tall + rng.uniform(2, 8))
    image = np.broadcast_to(plate.astype(np.float32), (height, width, 3)).copy()
    pitch, x = cell_tall * rng.uniform(0.95, 1.15), left
    shade = rng.uniform(0.0, 0.55)
    rolling = chance(rng, 0.5)
    for place, digit in enumerate(digits):
        if mark and place == whole:
            _write(image, mark, (x + mark_wide * 0.15, top + cell_tall / 2 + tall / 2), font, on_plate)
            x += mark_wide
        is_red = place >= whole
        cell, ink = (light, dark) if inverted else (dark, light)
        if is_red:
            cell, ink = (red, light) if red_cells else (cell, red if inverted else red + 40)
        last = place == len(digits) - 1
        roll = rng.uniform(-0.25, 0.25) * tall if last and rolling else rng.normal(0, 0.02) * tall
        drum = np.broadcast_to(np.float32(cell), (int(cell_tall), int(cell_wide), 3)).copy()
        base, centre = (len(drum) + tall) / 2 + roll, drum.shape[1] / 2 - font.getlength("8") / 2
        for turn in (-1, 0, 1):
            _write(drum, str((digit + turn) % 10), (centre, base + turn * pitch), font, ink)
        drum *= 1 - shade * np.linspace(-1, 1, len(drum), dtype=np.float32)[:, None, None] ** 2
        if chance(rng, 0.9):
            image[round(top) : round(top) + len(drum), round(x) : round(x) + drum.shape[1]] = drum
        else:  # a wheel that is not quite in line
            shift = _pick(rng, (-1, 1))
            image[round(top) + shift : round(top) + shift + len(drum), round(x) : round(x) + drum.shape[1]] = drum
        x += cell_wide + gap
    if unit:
        _write(image, unit, (x + cell_wide * 0.15, top + cell_tall / 2 + tall / 2), unit_font, on_plate)
    number = "".join(map(str, digits[:whole])) + mark + "".join(map(str, digits[whole:]))
    return image, number + (f" {unit}" if unit else "")


def _write(image: np.ndarray, text: str, at: tuple[float, float], font: ImageFont.FreeTypeFont, ink: np.ndarray) -> None:
    """Write into float32 [height, width, 3], the baseline's left end at x, y."""
    mask = Image.new("L", (image.shape[1], image.shape[0]))
    ImageDraw.Draw(mask).text(at, text, 255, font=font, anchor="ls")
    cover = np.asarray(mask, dtype=np.float32)[..., None] / 255
    image += (np.float32(ink) - image) * cover


# The camera


def _photographed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """What a camera makes of a drawing, float [height, width, 3]: askew, lit unevenly, blurred, shrunk, noisy, as a JPEG."""
    height, width = image.shape[:2]
    corners = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
    reach = min(0.05 * height, 0.03 * width)
    turn = np.tan(np.deg2rad(np.clip(rng.normal(0, 1.2), -3, 3))) * np.array([(0, -1), (0, 1), (0, 1), (0, -1)]) * width / 2
    turn = np.clip(turn, -0.12 * height, 0.12 * height)
    there = np.float32(corners + rng.uniform(-reach, reach, (4, 2)) + turn)
    image = cv2.warpPerspective(
        np.float32(image), cv2.getPerspectiveTransform(corners, there), (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    if chance(rng, 0.5):  # light from one side
        slope = np.linspace(1 - rng.uniform(0, 0.4), 1, width, dtype=np.float32)
        image = image * (slope if chance(rng, 0.5) else slope[::-1])[:, None]
    if chance(rng, 0.25):  # glare: a soft bright stripe
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
        far = (x + rng.uniform(-1, 1) * y - rng.uniform(0, width)) / (height * rng.uniform(0.2, 0.8))
        image = image + (rng.uniform(30, 110) * np.exp(-(far**2)))[..., None]
    middle = rng.uniform(90, 160)
    image = (image - middle) * rng.uniform(0.45, 1.1) + middle + rng.normal(0, 15)
    target = int(rng.integers(18, 72)) if chance(rng, 0.35) else int(rng.integers(30, 72))
    if chance(rng, 0.5):
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3))
    scale = target / height
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(image, (max(8, round(width * scale)), target), interpolation=way)
    if chance(rng, 0.15) and target >= 30:  # the hand moved
        image = cv2.blur(image, (int(rng.integers(2, 4)), 1))
    image = image + rng.normal(0, rng.uniform(0, 9), image.shape)
    image = np.clip(image, 0, 255).astype(np.uint8)
    quality = int(rng.integers(35, 96))
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
