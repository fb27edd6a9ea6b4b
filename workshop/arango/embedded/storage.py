"""The server's data: one SQLite file with every database, changed in transactions by one writer at a time."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from workshop.arango.embedded import keys, schema
from workshop.arango.embedded.cache import Budget
from workshop.arango.embedded.collection import Collection
from workshop.arango.embedded.database import SYSTEM, Database
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.locks import ReadersWriterLock
from workshop.arango.embedded.users import Users

CACHE = 64 << 20
"""Bytes of parsed documents that are kept in memory."""


class _Frame:
    """What a transaction, or a savepoint within it, did so far as far as memory must know when it is undone."""

    def __init__(self):
        self.touched: dict[Collection, tuple[int, set[int] | None]] = {}
        """For each collection written: its count before, and the rows written; None for all of them."""
        self.catalog = False
        """Whether databases, collections, indexes or users were created, changed or dropped."""


class Storage:
    """The data of a server in one folder. Everything read or written is read or written within reading() or writing().

    One connection serves all threads: the lock keeps readers and the writer apart, and readers fetch what they read at
    once, so that no statement is left open when a writer comes.
    """

    def __init__(self, folder: Path | str, *, cache: int = CACHE):
        self.folder = Path(folder).absolute()
        self._lock_file = schema.lock_folder(self.folder)
        try:
            self.connection = schema.connect(self.folder / "arango.sqlite")
        except BaseException:
            os.close(self._lock_file)
            raise
        self.execute = self.connection.execute
        self.budget = Budget(cache)
        self.frames: list[_Frame] = []
        self.dirty_keys: set[Collection] = set()
        self._lock = ReadersWriterLock()
        self._local = threading.local()
        self._databases: dict[str, Database] = {}
        meta = dict(self.execute("SELECT name, value FROM meta"))
        self.server_id: str = meta["server"]
        self.counter = keys.Counter(int(meta.get("counter", 100)))
        self.clock = keys.Clock(int(meta.get("clock", 0)))
        self._saved: tuple[int, int] | None = (self.counter.last, self.clock.last)
        self.users = Users(self)
        try:
            self._load()
            if SYSTEM not in self._databases:
                with self.writing():
                    self.create_database(SYSTEM)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Storage":
        """Use the store in a `with` block, which closes it."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Wait for readers and the writer, and close the file. No thread may use the store any more."""
        if self._lock_file < 0:
            return
        self._lock.acquire_write()
        try:
            self.connection.close()
            os.close(self._lock_file)
            self._lock_file = -1
        finally:
            self._lock.release_write()

    # Locks and transactions

    @contextlib.contextmanager
    def reading(self, timeout: float | None = None) -> Iterator[None]:
        """Nothing is written meanwhile. May be nested, in writing() too. ArangoError 18 after `timeout` seconds."""
        local = self._local
        if getattr(local, "depth", 0):
            local.depth += 1
        else:
            if not self._lock.acquire_read(timeout):
                raise ArangoError(18)
            local.depth, local.writing = 1, False
        try:
            yield
        finally:
            local.depth -= 1
            if not local.depth:
                self._lock.release_read()

    @contextlib.contextmanager
    def writing(self, timeout: float | None = None) -> Iterator[None]:
        """One transaction: permanent when the block is left, undone when it raises. ArangoError 18 after `timeout` seconds.

        Within another writing() it is a part that may be undone by itself. It cannot begin within reading().
        """
        local = self._local
        if getattr(local, "depth", 0):
            if not local.writing:
                raise RuntimeError("writing() within reading(): another reader may have to end before")
            local.depth += 1
            try:
                with self._transaction():
                    yield
            finally:
                local.depth -= 1
            return
        if not self._lock.acquire_write(timeout):
            raise ArangoError(18)
        local.depth, local.writing = 1, True
        try:
            with self._transaction():
                yield
        finally:
            local.depth = 0
            self._lock.release_write()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._begin()
        try:
            yield
        except sqlite3.OperationalError as error:
            self._end(False)
            raise ArangoError(1104 if "full" in str(error) else 1305, str(error)) from error
        except BaseException:
            self._end(False)
            raise
        self._end(True)

    def _begin(self) -> None:
        self.execute(f"SAVEPOINT part_{len(self.frames)}" if self.frames else "BEGIN IMMEDIATE")
        self.frames.append(_Frame())

    def _end(self, commit: bool) -> None:
        depth = len(self.frames) - 1
        if commit:
            try:
                if depth:
                    self.execute(f"RELEASE part_{depth}")
                else:
                    self._save_counters()
                    self.execute("COMMIT")
            except sqlite3.Error as error:
                self._end(False)
                raise ArangoError(1104 if "full" in str(error) else 1305, str(error)) from error
            frame = self.frames.pop()
            if depth:
                self._merge(frame, self.frames[-1])
            return
        frame = self.frames.pop()
        if self.connection.in_transaction:  # SQLite itself may have undone everything
            if depth:
                self.execute(f"ROLLBACK TO part_{depth}")
                self.execute(f"RELEASE part_{depth}")
            else:
                self.execute("ROLLBACK")
        self._saved = None
        for collection, (count, rows) in frame.touched.items():
            collection.undo(count, rows)
        if frame.catalog:
            self._load()
            self.users.forget()

    @staticmethod
    def _merge(frame: _Frame, outer: _Frame) -> None:
        outer.catalog |= frame.catalog
        for collection, (count, rows) in frame.touched.items():
            before = outer.touched.get(collection)
            if before is None:
                outer.touched[collection] = (count, rows)
            elif rows is None:
                outer.touched[collection] = (before[0], None)
            elif before[1] is not None:
                before[1].update(rows)

    def _save_counters(self) -> None:
        """Numbers and revisions go on after a restart where they stopped."""
        now = (self.counter.last, self.clock.last)
        if now != self._saved:
            self.execute("INSERT OR REPLACE INTO meta VALUES ('counter', ?), ('clock', ?)", (str(now[0]), str(now[1])))
            self._saved = now
        while self.dirty_keys:
            self.dirty_keys.pop().save_keys()

    def must_write(self) -> _Frame:
        """The frame that a write belongs to; RuntimeError outside of writing()."""
        if not self.frames:
            raise RuntimeError("a write outside of writing()")
        return self.frames[-1]

    def change_catalog(self) -> None:
        """Note that databases, collections, indexes or users change: what is in memory is read again when it is undone."""
        self.must_write().catalog = True

    # Databases

    def new_id(self) -> str:
        """A digit string that no collection, index, transaction or cursor had before."""
        return str(self.counter.tick())

    def databases(self) -> list[str]:
        """The names of all databases, sorted."""
        return sorted(self._databases)

    def database(self, name: str) -> Database:
        """The database of that name. ArangoError 1228."""
        database = self._databases.get(name) if isinstance(name, str) else None
        if database is None:
            raise ArangoError(1228)
        return database

    def create_database(self, name: str, users: Iterable[dict[str, Any]] = (), **options: Any) -> Database:
        """Create a database with its system collections. ArangoError 1229, 1207.

        Each of `users`, as {"username", "passwd", "active", "extra"}, is created if need be and may write in the database.
        """
        if name != SYSTEM and not keys.is_database_name(name):
            raise ArangoError(1229)
        if name in self._databases:
            raise ArangoError(1207)
        self.change_catalog()
        identifier = 1 if name == SYSTEM else self.counter.tick()
        properties = {key: value for key, value in options.items() if value is not None}
        row = (identifier, name, orjson.dumps(properties).decode())
        self.execute("INSERT INTO databases VALUES (?, ?, ?)", row)
        database = self._databases[name] = Database(self, *row)
        database.create_system_collections()
        for user in users or ():
            self.users.welcome(user, name)
        return database

    def drop_database(self, name: str) -> None:
        """Drop a database with everything in it. ArangoError 1228, or 1230 for that of the system."""
        database = self.database(name)
        if name == SYSTEM:
            raise ArangoError(1230)
        self.change_catalog()
        for collection in database.collections():
            database.discard(collection)
        self.execute("DELETE FROM databases WHERE id = ?", (int(database.id),))
        self.execute("DELETE FROM grants WHERE database = ?", (name,))
        self.users.forget()
        del self._databases[name]

    def _load(self) -> None:
        """Read which databases, collections and indexes there are; what is known already stays the same object."""
        known = {database.id: database for database in self._databases.values()}
        self._databases = {}
        for identifier, name, properties in self.execute("SELECT id, name, properties FROM databases").fetchall():
            database = known.get(str(identifier)) or Database(self, identifier, name, properties)
            self._databases[name] = database
            database.load()
