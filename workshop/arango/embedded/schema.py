"""The tables of the SQLite file, and opening it."""

import contextlib
import fcntl
import os
import secrets
import sqlite3
from pathlib import Path

from workshop.errors import WorkshopError

VERSION = 1
"""Goes up with every change of the tables that an older program cannot read."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE databases (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, properties TEXT NOT NULL);
CREATE TABLE collections (
    id INTEGER PRIMARY KEY, database INTEGER NOT NULL, name TEXT NOT NULL, type INTEGER NOT NULL,
    properties TEXT NOT NULL, keys TEXT NOT NULL, UNIQUE (database, name)
);
CREATE TABLE indexes (id INTEGER PRIMARY KEY, collection INTEGER NOT NULL, definition TEXT NOT NULL);
CREATE TABLE users (name TEXT PRIMARY KEY, active INTEGER NOT NULL, extra TEXT NOT NULL, password TEXT NOT NULL);
CREATE TABLE grants (
    user TEXT NOT NULL, database TEXT NOT NULL, collection TEXT NOT NULL, level TEXT NOT NULL,
    PRIMARY KEY (user, database, collection)
);
"""


def lock_folder(folder: Path) -> int:
    """Create the folder if need be and lock it for this process; gives the lock's file descriptor. WorkshopError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise WorkshopError(f"The data folder {folder} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise WorkshopError(
            f"The data folder {folder} is in use by another server. Stop that one, or give this one a folder of its own."
        ) from error
    return descriptor


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, with its tables made where it is new. WorkshopError: no such file, or of a newer version."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=1024)
    except (OSError, sqlite3.Error) as error:
        raise WorkshopError(f"{path} cannot be opened: {error}.") from error
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise WorkshopError(f"{path} was written by a newer version of this program; use that one, or another folder.")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power failure
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA temp_store = MEMORY")
        if version == 0:
            create_tables(connection)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise WorkshopError(f"{path} cannot be read: {error}. It is no data file, or it is damaged.") from error
        raise
    return connection


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _TABLES.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('server', ?)", (secrets.token_hex(6).upper(),))
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
