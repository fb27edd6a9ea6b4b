"""The kinds of pages: how a sign, a receipt, a poster, a table, a notice, a label, a menu and a ticket are set.

Every function draws one page: its main text takes its turn, so that `turn` counts the pages of a layout; a generator of
random numbers chooses the rest, such as prices, colours, faces and measures.
Where text stands in columns, each piece with a wide gap beside it is a line of its own; lines go row by row, left to right.
"""

import functools
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from workshop.vision.sheet import Colour, Sheet, font

BLACK, WHITE = (24, 24, 26), (252, 252, 250)
BOLD_COLOURS = (
    ((0, 82, 147), WHITE),
    ((0, 110, 62), WHITE),
    ((178, 24, 34), WHITE),
    ((250, 204, 21), BLACK),
    ((245, 245, 240), (150, 20, 30)),
    ((52, 58, 70), (255, 226, 120)),
    ((236, 240, 244), (10, 60, 130)),
)
"""Backgrounds and inks of what is to be seen from afar."""
PAPERS = ((253, 252, 247), (255, 250, 228), (240, 246, 240), (238, 242, 250), WHITE)
DESKS = ((120, 92, 66), (88, 96, 104), (150, 142, 130), (66, 80, 72))
MONTHS = ("Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec")

Chance = np.random.Generator


@functools.cache
def texts() -> dict[str, Any]:
    """What may stand on pages: layout -> kind of text -> the choices."""
    return tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))


def some(chance: Chance, choices: Any, count: int) -> list:
    """So many different ones of the choices, in random order."""
    return [choices[number] for number in chance.permutation(len(choices))[:count]]


def one(chance: Chance, choices: Any) -> Any:
    """One of the choices."""
    return choices[int(chance.integers(len(choices)))]


def in_turn(turn: int, choices: Any) -> Any:
    """The choice whose turn it is, in an order shuffled once for all: none comes again before all have come."""
    order = np.random.default_rng(len(choices)).permutation(len(choices))
    return choices[order[turn % len(choices)]]


def between(chance: Chance, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(chance.integers(low, high + 1))


def price(chance: Chance, low: int, high: int) -> str:
    """A price with two decimals between two whole numbers."""
    return f"{between(chance, low, high - 1)}.{between(chance, 5, 99):02d}"


def date(chance: Chance) -> str:
    """A date, in one of five ways to write it."""
    day, month, year = between(chance, 1, 28), between(chance, 1, 12), between(chance, 2019, 2027)
    ways = (f"{day:02d}.{month:02d}.{year}", f"{day:02d}/{month:02d}/{year}", f"{year}-{month:02d}-{day:02d}")
    return one(chance, (*ways, f"{day} {MONTHS[month - 1]} {year}", f"{MONTHS[month - 1]} {day}, {year}"))


def clock(chance: Chance) -> str:
    """A time of day."""
    return f"{between(chance, 7, 22)}:{between(chance, 0, 59):02d}"


def sign(chance: Chance, turn: int) -> Sheet:
    """One to three large centred lines within a border, some with an arrow below."""
    lines = in_turn(turn, texts()["sign"]["signs"])
    paper, ink = one(chance, BOLD_COLOURS)
    size, arrow = between(chance, 44, 62), bool(chance.random() < 0.4)
    step = round(size * 1.6)
    width, height = between(chance, 620, 820), step * len(lines) + 110 + 70 * arrow
    sheet = Sheet(width, height, paper)
    sheet.draw.rounded_rectangle((14, 14, width - 15, height - 15), radius=22, outline=ink, width=6)
    for number, line in enumerate(lines):
        middle = (width / 2, 55 + step * (number + 0.5))
        sheet.write(line, middle, face="sans bold", size=size, ink=ink, anchor="mm", room=width - 100)
    if arrow:
        y, end, way = height - 74, width / 2, one(chance, (-1, 1))
        sheet.draw.line((end - 80, y, end + 80, y), fill=ink, width=12)
        sheet.draw.polygon([(end + way * 112, y), (end + way * 68, y - 26), (end + way * 68, y + 26)], fill=ink)
    sheet.surround(between(chance, 16, 40), one(chance, DESKS))
    return sheet


def receipt(chance: Chance, turn: int) -> Sheet:
    """A shop's name and address, items with prices at the right, a total, a closing line; typewritten on a strip."""
    words, size, width = texts()["receipt"], between(chance, 20, 23), 440
    sheet, step = Sheet(width, 1200, one(chance, PAPERS)), round(size * 1.55)
    shop, street = in_turn(turn, words["shops"])
    y = 70
    sheet.write(shop, (width / 2, y), face="mono bold", size=size + 6, anchor="ms", room=width - 60)
    y += step
    sheet.write(street, (width / 2, y), face="mono", size=size, anchor="ms")
    y += round(step * 1.5)
    sheet.write(date(chance), (30, y), face="mono", size=size)
    sheet.write(clock(chance), (width - 30, y), face="mono", size=size, anchor="rs")
    y += round(step * 0.5)
    sheet.draw.line((30, y, width - 30, y), fill=BLACK, width=2)
    y += round(step * 1.1)
    total = 0.0
    for item in some(chance, words["items"], between(chance, 5, 9)):
        amount = price(chance, 1, 13)
        total += float(amount)
        sheet.write(item, (30, y), face="mono", size=size, room=270)
        sheet.write(amount, (width - 30, y), face="mono", size=size, anchor="rs")
        y += step
    sheet.draw.line((30, y - step // 2, width - 30, y - step // 2), fill=BLACK, width=2)
    y += step // 2
    sheet.write(one(chance, ("TOTAL", "Summe", "Total EUR", "Total USD")), (30, y), face="mono bold", size=size + 3)
    sheet.write(f"{total:.2f}", (width - 30, y), face="mono bold", size=size + 3, anchor="rs")
    y += round(step * 1.7)
    sheet.write(one(chance, words["closings"]), (width / 2, y), face="mono", size=size, anchor="ms", room=width - 60)
    sheet.cut(y + 60)
    sheet.surround(between(chance, 30, 60), one(chance, DESKS))
    return sheet


def poster(chance: Chance, turn: int) -> Sheet:
    """A heading over a band, lines in two sizes, circles in a second colour."""
    heading, *lines = in_turn(turn, texts()["poster"]["posters"])
    paper, ink = one(chance, BOLD_COLOURS)
    width, height = between(chance, 640, 760), between(chance, 880, 1000)
    sheet, face = Sheet(width, height, paper), one(chance, ("serif", "sans"))
    accent = _mixed(paper, ink, 0.22)
    for _ in range(4):
        x, y, radius = between(chance, 60, width - 60), between(chance, 400, height - 430), between(chance, 30, 80)
        sheet.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=accent)
    sheet.draw.rectangle((0, 50, width, 190), fill=ink)
    sheet.write(heading, (width / 2, 120), face=f"{face} bold", size=76, ink=paper, anchor="mm", room=width - 60)
    first, *others = lines
    sheet.write(first, (width / 2, 275), face=f"{face} bold", size=42, ink=ink, anchor="ms", room=width - 80)
    step = between(chance, 58, 70)
    y = height - 50 - step * (len(others) - 1)
    sheet.draw.line((60, y - step, width - 60, y - step), fill=ink, width=3)
    for line in others:
        sheet.write(line, (width / 2, y), face=face, size=30, ink=ink, anchor="ms", room=width - 80)
        y += step
    return sheet


def table(chance: Chance, turn: int) -> Sheet:
    """A title, a filled row of headings, ruled rows and columns; numbers may stand at the right of their column."""
    chosen = in_turn(turn, texts()["table"]["tables"])
    headings, *rows = chosen["rows"]
    rows = [headings, *(rows[number] for number in sorted(some(chance, range(len(rows)), between(chance, 5, 7))))]
    face, size, step = one(chance, ("sans", "serif")), between(chance, 22, 25), between(chance, 46, 56)
    gap, dark = between(chance, 22, 34), one(chance, ((36, 62, 100), (60, 60, 60), (28, 92, 80)))
    widths = [
        max(font(f"{face} bold", size).getlength(row[column]) for row in rows) + 2 * gap for column in range(len(headings))
    ]
    edges = [40 + sum(widths[:column]) for column in range(len(widths) + 1)]
    sheet = Sheet(round(edges[-1]) + 40, 130 + step * len(rows), one(chance, PAPERS))
    sheet.write(chosen["title"], (40, 60), face=f"{face} bold", size=size + 8, room=edges[-1] - 40)
    sheet.draw.rectangle((edges[0], 90, edges[-1], 90 + step), fill=dark)
    rights = bool(chance.random() < 0.5)
    for number, row in enumerate(rows):
        y = 90 + step * (number + 0.5) + size * 0.36
        style, ink = (f"{face} bold", WHITE) if number == 0 else (face, BLACK)
        for column, cell in enumerate(row):
            if rights and column >= 2:
                sheet.write(cell, (edges[column + 1] - gap, y), face=style, size=size, ink=ink, anchor="rs")
            else:
                sheet.write(cell, (edges[column] + gap, y), face=style, size=size, ink=ink)
    for number in range(len(rows) + 1):
        sheet.draw.line((edges[0], 90 + step * number, edges[-1], 90 + step * number), fill=dark, width=2)
    for edge in edges:
        sheet.draw.line((edge, 90, edge, 90 + step * len(rows)), fill=dark, width=2)
    return sheet


def notice(chance: Chance, turn: int) -> Sheet:
    """A title over two columns of lines, pinned to a wall at its corners."""
    chosen = in_turn(turn, texts()["notice"]["notices"])
    face, size = one(chance, ("serif", "sans")), between(chance, 22, 25)
    step, width = round(size * 1.65), 840
    rows = max(len(chosen["left"]), len(chosen["right"]))
    sheet = Sheet(width, 170 + step * rows, one(chance, PAPERS))
    height = sheet.picture.height
    ink = one(chance, (BLACK, (20, 40, 90), (70, 20, 24)))
    sheet.draw.rectangle((16, 16, width - 17, height - 17), outline=ink, width=2)
    for x, y in ((34, 34), (width - 35, 34), (34, height - 35), (width - 35, height - 35)):
        sheet.draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill=(190, 40, 40))
    sheet.write(chosen["title"], (width / 2, 82), face=f"{face} bold", size=38, ink=ink, anchor="ms", room=width - 160)
    for row in range(rows):
        for x, column in ((60, chosen["left"]), (width / 2 + 30, chosen["right"])):
            if row < len(column):
                sheet.write(column[row], (x, 150 + step * row), face=face, size=size, ink=ink, room=width / 2 - 90)
    sheet.surround(between(chance, 24, 50), one(chance, DESKS))
    return sheet


def label(chance: Chance, turn: int) -> Sheet:
    """A shelf's price label: what it is, a large price, an article number in small digits, some with a banner."""
    words = texts()["label"]
    name, detail = in_turn(turn, words["labels"])
    width, height, paper = between(chance, 560, 640), 330, one(chance, (*PAPERS, (255, 236, 130)))
    sheet = Sheet(width, height, paper)
    sheet.draw.rectangle((8, 8, width - 9, height - 9), outline=(90, 90, 90), width=3)
    if banner := bool(chance.random() < 0.5):
        sheet.draw.rectangle((8, 8, width - 9, 66), fill=(196, 22, 30))
        text = one(chance, words["banners"])
        sheet.write(text, (width / 2, 38), face="sans bold", size=34, ink=WHITE, anchor="mm", room=width - 60)
    top = 66 if banner else 30
    sheet.write(name, (30, top + 52), face="sans bold", size=36, room=width - 60)
    amount = price(chance, 1, 40)
    sheet.write(detail, (30, top + 96), size=24, ink=(60, 60, 60), room=width - 60)
    currency = one(chance, ("EUR", "USD", "CHF"))
    sheet.write(currency, (30, height - 82), face="sans bold", size=30)
    sheet.write(amount, (width - 30, height - 82), face="sans bold", size=84, ink=(176, 16, 26), anchor="rs")
    number = f"No. {between(chance, 2345, 9876)}-{between(chance, 234, 987)}"
    sheet.write(number, (30, height - 32), face="mono", size=20)
    unit = one(chance, ("per 100 g", "per kg", "per piece"))
    sheet.write(f"{price(chance, 1, 9)} {unit}", (width - 30, height - 32), size=20, anchor="rs")
    sheet.surround(between(chance, 16, 40), one(chance, DESKS))
    return sheet


def menu(chance: Chance, turn: int) -> Sheet:
    """A restaurant's name, sections of dishes with prices at the right, a remark at the foot."""
    words, size, width = texts()["menu"], between(chance, 22, 25), between(chance, 620, 700)
    paper, ink = one(chance, ((PAPERS[0], (60, 30, 20)), ((38, 44, 42), (240, 236, 220)), (PAPERS[1], BLACK)))
    sheet, step = Sheet(width, 1200, paper), round(size * 1.75)
    face = one(chance, ("serif", "serif italic", "sans"))
    y = 90
    sheet.write(
        in_turn(turn, words["titles"]), (width / 2, y), face="serif bold", size=42, ink=ink, anchor="ms", room=width - 120
    )
    y += 30
    sheet.draw.line((width / 2 - 120, y, width / 2 + 120, y), fill=ink, width=2)
    dishes, end = some(chance, words["dishes"], 8), one(chance, ("", " EUR"))
    for section in some(chance, words["sections"], 2):
        y += round(step * 1.35)
        sheet.write(section, (width / 2, y), face="serif bold", size=size + 5, ink=ink, anchor="ms")
        y += round(step * 0.25)
        for _ in range(between(chance, 2, 4)):
            y += step
            sheet.write(dishes.pop(), (60, y), face=face, size=size, ink=ink, room=width - 300)
            sheet.write(price(chance, 4, 19) + end, (width - 60, y), face=face, size=size, ink=ink, anchor="rs")
    y += round(step * 1.6)
    sheet.write(one(chance, words["remarks"]), (width / 2, y), face="serif italic", size=20, ink=ink, anchor="ms")
    sheet.cut(y + 60)
    sheet.draw.rectangle((20, 20, width - 21, y + 39), outline=ink, width=2)
    return sheet


def ticket(chance: Chance, turn: int) -> Sheet:
    """An event and its place beside a coloured strip, three captions over three values, a number and a price."""
    words = texts()["ticket"]
    (event, place), paper = in_turn(turn, words["events"]), one(chance, PAPERS)
    strip, width, height = one(chance, BOLD_COLOURS[:3])[0], 860, 370
    sheet = Sheet(width, height, paper)
    sheet.draw.rectangle((0, 0, 70, height), fill=strip)
    for y in range(12, height, 24):
        sheet.draw.ellipse((width - 50, y - 5, width - 40, y + 5), fill=strip)
    sheet.write(event, (110, 78), face="sans bold", size=42, ink=strip, room=width - 220)
    sheet.write(place, (110, 126), face="sans", size=27, room=width - 220)
    columns = (110, 395, 610)
    for x, caption in zip(columns, one(chance, words["captions"])):
        sheet.write(caption, (x, 182), size=20, ink=(80, 80, 80))
    seat = f"{between(chance, 2, 29)} {one(chance, 'ABCDEFGH')}"
    for x, value, room in zip(columns, (date(chance), clock(chance), seat), (230, 160, 160)):
        sheet.write(value, (x, 222), face="sans bold", size=30, room=room)
    sheet.draw.line((110, 256, width - 90, 256), fill=strip, width=2)
    number = f"#{between(chance, 234567, 987654)}"
    sheet.write(number, (110, 298), face="mono", size=25)
    sheet.write(
        f"{price(chance, 4, 90)} {one(chance, ('EUR', 'CHF', 'USD'))}",
        (width - 90, 298),
        face="sans bold",
        size=27,
        anchor="rs",
    )
    sheet.write(one(chance, words["endings"]), (110, 340), face="sans oblique", size=20, ink=(60, 60, 60))
    sheet.surround(between(chance, 20, 44), one(chance, DESKS))
    return sheet


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two, `share` of the way to the second."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second))


LAYOUTS: dict[str, Callable[[Chance, int], Sheet]] = {
    "sign": sign,
    "receipt": receipt,
    "poster": poster,
    "table": table,
    "notice": notice,
    "label": label,
    "menu": menu,
    "ticket": ticket,
}
