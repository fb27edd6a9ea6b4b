"""The words of the course's product catalogue: `dump/sources/products/vocabulary.toml`, read and checked.

A category has a label, a name, the name that ogbn-products has for this label, brands, and `looks`: three words for each
taste of customers. A product type has what is bought together with it (`with`), what replaces it (`instead`), and the
details that tell its variants apart.
"""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from workshop import settings
from workshop.errors import WorkshopError

VOCABULARY = settings.ROOT / "dump" / "sources" / "products" / "vocabulary.toml"
TASTES = ("thrifty", "premium", "natural", "playful", "rugged", "elegant")


@dataclasses.dataclass(frozen=True)
class ProductType:
    """One type of product; `complements` are bought together with it, `substitutes` replace it."""

    name: str
    label: int
    complements: tuple[str, ...]
    substitutes: tuple[str, ...]
    details: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Category:
    """One category; `looks` holds the words of each taste, in the order of `TASTES`."""

    label: int
    name: str
    ogb: str
    brands: tuple[str, ...]
    looks: tuple[tuple[str, ...], ...]
    types: tuple[ProductType, ...]


def load(path: Path = VOCABULARY) -> list[Category]:
    """The categories in the order of their labels.

    Raises:
        WorkshopError: the file cannot be read, or has faults; the message lists all of them.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["category"]
        categories = sorted((_category(entry) for entry in entries), key=lambda category: category.label)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise WorkshopError(f"{settings.shown(path)} is no vocabulary: {reason}") from error
    if faults := problems(categories):
        raise WorkshopError(f"{len(faults)} fault(s) in {settings.shown(path)}:\n  " + "\n  ".join(faults))
    return categories


def _category(entry: dict[str, Any]) -> Category:
    types = (
        ProductType(name, entry["label"], tuple(each["with"]), tuple(each["instead"]), tuple(each["details"]))
        for name, each in entry["types"].items()
    )
    looks = tuple(tuple(entry["looks"][taste]) for taste in TASTES)
    return Category(entry["label"], entry["name"], entry["ogb"], tuple(entry["brands"]), looks, tuple(types))


def problems(categories: list[Category]) -> list[str]:
    """What is wrong with a vocabulary, one line a fault: labels, names that stand twice, rules that lead nowhere."""
    faults = []
    if [category.label for category in categories] != list(range(len(categories))):
        faults.append("the labels are not 0, 1, 2 … without gaps")
    names = [category.name for category in categories]
    names += [kind.name for category in categories for kind in category.types]
    faults += [f"{name!r} stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
    known = {kind.name for category in categories for kind in category.types}
    for category in categories:
        if not (category.brands and category.types and all(category.looks)):
            faults.append(f"{category.name}: brands, types, or the looks of a taste are empty")
        for kind in category.types:
            where = f"{category.name}, {kind.name}"
            if not kind.complements:
                faults.append(f"{where}: nothing goes with it")
            if len(set(kind.details)) < 2:
                faults.append(f"{where}: fewer than two details")
            for other in (*kind.complements, *kind.substitutes):
                if other not in known:
                    faults.append(f"{where}: {other!r} is no type of this vocabulary")
                elif other == kind.name:
                    faults.append(f"{where}: refers to itself")
    return faults
