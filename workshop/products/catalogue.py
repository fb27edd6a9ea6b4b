"""A shop's catalogue and what was bought together, from two CSV files or from the course's generator."""

import codecs
import csv
import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workshop import settings
from workshop.errors import WorkshopError

SHOWN = 5
"""So many faults of a file are told at once."""
TRAIN, VALID = 8, 2
"""Percent of the products, best sold first, to train and to validate with; the rest is the test."""
LEAST = 3
"""So many products fill the three parts of the split, since the first two are rounded up."""
FIELDS = ("id", "title", "category")


@dataclasses.dataclass(frozen=True)
class Products:
    """A catalogue and what was bought together, before any features. N products, E pairs of them."""

    ids: list[str]
    """[N], unique."""
    titles: list[str]
    """[N], none empty."""
    labels: np.ndarray
    """int64 [N], 0 … len(categories) - 1: the position of a product's category."""
    categories: list[str]
    """The categories' names by label."""
    ogb_categories: list[str] | None
    """OGB's documented name for each label, where there is one."""
    co_purchases: np.ndarray
    """int64 [E, 2], positions of products: each pair once, the smaller first, sorted."""
    counts: np.ndarray
    """int64 [E], how often a pair was bought together, at least once."""

    @property
    def sales(self) -> np.ndarray:
        """int64 [N]: how often each product was bought together with another, the sum of its pairs' counts."""
        sales = np.zeros(len(self.ids), np.int64)
        np.add.at(sales, self.co_purchases[:, 0], self.counts)
        np.add.at(sales, self.co_purchases[:, 1], self.counts)
        return sales

    def __post_init__(self) -> None:
        """Raise a WorkshopError for a catalogue that cannot be split or has nothing in common with itself."""
        if len(self.ids) < LEAST:
            raise WorkshopError(_too_few(len(self.ids)))
        if not len(self.co_purchases):
            raise WorkshopError("no two products were ever bought together: there is no graph to learn from")


def from_csv(products: Path, co_purchases: Path) -> Products:
    """Read a shop's tables: UTF-8 with or without a byte order mark, commas between fields, fields quoted where needed.

    Args:
        products: a header with the columns id, title and category, in any order and any case, and maybe further ones.
        co_purchases: a header, two columns of ids and maybe a column `count` after them (1 where there is none). A pair
            that stands there again, in either order, adds to its count.

    Every id is text: 007 stays 007, and NA is an id. Space around a field is no part of it. A label is the position of
    a category among the sorted names of all categories.

    Raises:
        WorkshopError: a file cannot be read or has faults; the message names the file, the first faults and their lines.
    """
    ids, titles, names = _read_products(Path(products))
    positions = {product: position for position, product in enumerate(ids)}
    pairs, counts = _read_co_purchases(Path(co_purchases), positions, products)
    categories = sorted(set(names))
    labels = {name: label for label, name in enumerate(categories)}
    return Products(
        ids=ids,
        titles=titles,
        labels=np.array([labels[name] for name in names], np.int64),
        categories=categories,
        ogb_categories=None,
        co_purchases=pairs,
        counts=counts,
    )


class _Faults:
    """What is wrong with one file; the first few are kept, all are counted."""

    def __init__(self, path: Path) -> None:
        self.path, self.first, self.number = path, [], 0

    def add(self, line: int, text: str) -> None:
        self.number += 1
        if self.number <= SHOWN:
            self.first.append(f"line {line}: {text}")

    def done(self) -> None:
        if self.number:
            more = [f"… and {self.number - SHOWN} more"] if self.number > SHOWN else []
            raise WorkshopError(
                f"{settings.shown(self.path)} has {self.number} fault(s); put them right and run this again:\n  "
                + "\n  ".join(self.first + more)
            )


def _too_few(number: int) -> str:
    return (
        f"a catalogue of {number} product(s) is too small: the split into {TRAIN} % to train, {VALID} % to validate and "
        f"{100 - TRAIN - VALID} % to test needs at least {LEAST}"
    )


def _read_products(path: Path) -> tuple[list[str], list[str], list[str]]:
    """The ids, titles and names of categories of a catalogue, one of each a product."""
    rows, faults = _rows(path), _Faults(path)
    header = [name.strip().lower() for name in next(rows)[1]]
    wrong = [name for name in FIELDS if header.count(name) != 1]
    if wrong:
        raise WorkshopError(
            f"{settings.shown(path)}, line 1: the header lacks {', '.join(wrong)}, or has it twice. "
            f"It has: {', '.join(header)}. It needs {', '.join(FIELDS)}, with commas between them."
        )
    places = [header.index(name) for name in FIELDS]
    first: dict[str, int] = {}
    titles, names = [], []
    for line, row in rows:
        if len(row) != len(header):
            faults.add(line, _width(row, header))
            continue
        product, title, category = row[places[0]].strip(), *(" ".join(row[place].split()) for place in places[1:])
        for name, value in zip(FIELDS, (product, title, category), strict=True):
            if not value:
                faults.add(line, f"the {name} is missing")
        if product and first.setdefault(product, line) != line:
            faults.add(line, f"the id {product!r} is there already, in line {first[product]}")
        titles.append(title)
        names.append(category)
    faults.done()
    if len(first) < LEAST:
        raise WorkshopError(f"{settings.shown(path)}: {_too_few(len(first))}")
    if len(set(names)) < 2:
        raise WorkshopError(
            f"{settings.shown(path)}: all products are of the category {names[0]!r}; with one there is nothing to learn, "
            "so give at least two"
        )
    return list(first), titles, names


def _read_co_purchases(path: Path, positions: dict[str, int], products: Path) -> tuple[np.ndarray, np.ndarray]:
    """The pairs, int64 [E, 2], and their counts, int64 [E], as `Products` has them."""
    rows, faults = _rows(path), _Faults(path)
    header = [name.strip() for name in next(rows)[1]]
    if len(header) < 2:
        raise WorkshopError(
            f"{settings.shown(path)}, line 1: the header has {len(header)} column(s). It needs two columns of ids, "
            "and maybe one named count, with commas between them."
        )
    if header[0] in positions and header[1] in positions:
        raise WorkshopError(f"{settings.shown(path)}, line 1: these are ids; put a header before them, such as id,id,count")
    place = next((place for place, name in enumerate(header) if place > 1 and name.lower() == "count"), None)
    keys, counts = [], []
    for line, row in rows:
        if len(row) != len(header):
            faults.add(line, _width(row, header))
            continue
        one, other = row[0].strip(), row[1].strip()
        tail, head = positions.get(one), positions.get(other)
        number = "1" if place is None else row[place].strip()
        if tail is None or head is None:
            for product in dict.fromkeys(product for product in (one, other) if product not in positions):
                faults.add(
                    line, f"the id {product!r} is not in {settings.shown(products)}" if product else "an id is missing"
                )
        elif tail == head:
            faults.add(line, f"{one!r} is bought together with itself")
        elif not (number.isascii() and number.isdigit() and 0 < len(number) < 10 and int(number)):
            faults.add(line, f"the count {number!r} is no whole number from 1 to 999999999")
        else:
            keys.append(min(tail, head) * len(positions) + max(tail, head))
            counts.append(int(number))
    faults.done()
    pairs, places = np.unique(np.array(keys, np.int64), return_inverse=True)
    summed = np.zeros(len(pairs), np.int64)
    np.add.at(summed, places, np.array(counts, np.int64))
    return np.stack(np.divmod(pairs, len(positions)), axis=1), summed


def _width(row: list[str], header: list[str]) -> str:
    return f"{len(row)} field(s) where the header has {len(header)}; a field with a comma in it needs quotes"


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The header and the rows of a CSV file, each with the line that it begins in; empty lines are left out."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    number = 0
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise WorkshopError(
                f"{settings.shown(path)}, line {line}: {error}; is a quote left open, or not doubled inside a quoted field?"
            ) from error
        if row is None:
            break
        if row:
            number += 1
            yield line, row
    if number < 2:
        what = "has a header and nothing else" if number else "is empty"
        raise WorkshopError(f"{settings.shown(path)} {what}; it needs a header and at least one row")


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WorkshopError(f"cannot read {settings.shown(path)}: {error.strerror}; give the path of a CSV file") from error
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
        place = content.find(b"\0")
        what = "there is a NUL byte" if place >= 0 else ""
    except UnicodeDecodeError as error:
        place, what = error.start, "this is not UTF-8"
    if what:
        line = content.count(b"\n", 0, place) + 1
        raise WorkshopError(f"{settings.shown(path)}, line {line}: {what}; save the file as CSV in UTF-8 and run this again")
    return text
