"""Parsed documents that are kept in memory, so that repeated reads of small collections do not parse them again."""

import threading
import weakref
from typing import Any

FACTOR = 4
"""Bytes in memory for one byte of JSON, roughly."""


class Budget:
    """How much all caches of a store may hold together. What was used longest ago goes first."""

    def __init__(self, limit: int):
        self.limit = limit
        self.used = 0
        self.caches: weakref.WeakSet[ParsedDocuments] = weakref.WeakSet()
        self.lock = threading.RLock()
        self._uses = 0

    def use(self, cache: "ParsedDocuments") -> None:
        """Note that a cache is in use now."""
        self._uses += 1
        cache.last_use = self._uses

    def make_room(self, size: int, cache: "ParsedDocuments") -> bool:
        """Empty other caches until `size` bytes fit; False when they do not."""
        if self.used + size > self.limit:
            for other in sorted(self.caches - {cache}, key=lambda each: each.last_use):
                other.clear()
                if self.used + size <= self.limit:
                    break
        return self.used + size <= self.limit


class ParsedDocuments:
    """The cached documents of one collection, by row. Readers may use it side by side; only writers drop rows.

    `everything` is (rows, documents) when the whole collection is cached, oldest first.
    """

    def __init__(self, budget: Budget):
        self.budget = budget
        self.documents: dict[int, dict[str, Any]] = {}
        self.by_key: dict[str, int] = {}
        self.everything: tuple[list[int], list[dict[str, Any]]] | None = None
        self.last_use = 0
        self._sizes: dict[int, int] = {}
        budget.caches.add(self)

    def add(self, row: int, document: dict[str, Any], length: int) -> None:
        """Keep a document whose JSON has `length` bytes, if there is room."""
        size = length * FACTOR
        with self.budget.lock:
            if row in self._sizes or not self.budget.make_room(size, self):
                return
            self.documents[row] = document
            self.by_key[document["_key"]] = row
            self._sizes[row] = size
            self.budget.used += size

    def add_read(self, row: int, document: dict[str, Any], length: int) -> None:
        """Keep a document that was asked for by itself: rather than have no room, start over."""
        with self.budget.lock:
            self.budget.use(self)
            if not self.budget.make_room(length * FACTOR, self):
                self.clear()
            self.add(row, document, length)

    def drop(self, row: int) -> None:
        """Forget a row that is written."""
        self.everything = None
        document = self.documents.pop(row, None)
        if document is not None:
            self.by_key.pop(document["_key"], None)
            self.budget.used -= self._sizes.pop(row, 0)

    def clear(self) -> None:
        """Forget all rows."""
        with self.budget.lock:
            self.budget.used -= sum(self._sizes.values())
            self.documents, self.by_key, self.everything, self._sizes = {}, {}, None, {}
