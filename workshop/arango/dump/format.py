"""arangodump's folders: which collections lie in one, their lines checked and read, and writing such a folder."""

import dataclasses
import gzip
import hashlib
import json
import re
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from workshop.errors import WorkshopError

STRUCTURE, DATA, VIEW = ".structure.json", ".data.json", ".view.json"
DOCUMENTS, EDGES = 2, 3
"""ArangoDB's numbers for the two types of collection."""
GRAPHS = "_graphs"
"""The system collection of named graphs; arangodump writes it with --include-system-collections."""
PUT, PUT_EDGE, REMOVE = 2300, 2301, 2302
"""What an envelope says about the document in it; 2301 is found in dumps of ArangoDB 2."""
LINES_PER_REPORT = 5_000
KEY = re.compile(r"[a-zA-Z0-9_\-:.@()+,=;$!*'%]{1,254}")
END = re.compile(r"[^/]+/[^/]+")


class BrokenFile(WorkshopError):
    """A file of a dump that cannot be read as what it should be; the message names file and line."""


@dataclasses.dataclass(frozen=True)
class Contents:
    """What the data files of a collection come to once every line has been applied.

    `count` is the number of documents, `keys` the sorted hashes of their keys (those of `hash()`, valid in this process
    only, int64), `removed` the keys whose last line removes them.
    """

    count: int
    keys: np.ndarray
    removed: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Part:
    """One collection of a dump: its name, its type (2 documents, 3 edges), and the files that hold it."""

    name: str
    type: int
    parameters: dict[str, Any]
    indexes: list[dict[str, Any]]
    files: tuple[Path, ...]
    envelope: bool = False
    problem: str = ""

    @property
    def kind(self) -> str:
        """`documents`, `edges` or, of the named graphs, `graphs`."""
        if self.name == GRAPHS:
            return "graphs"
        return "edges" if self.type == EDGES else "documents"

    def operations(self) -> Iterator[tuple[str, dict[str, Any] | None, int]]:
        """Every line in order, checked: its key, its document (None where the line removes it), its size in bytes.

        Raises:
            BrokenFile: a line or a file is not what it should be.
        """
        if self.problem:
            raise BrokenFile(self.problem)
        for path in self.files:
            enveloped: bool | None = None
            for number, line in _lines(path):
                content = _parse(path, number, line)
                if enveloped is None:
                    enveloped = _is_envelope(content, self.envelope)
                key, document = _open(content) if enveloped else (content.get("_key"), content)
                fault = _fault(key, document, self.type)
                if fault:
                    raise BrokenFile(f"{path.name}, line {number}: {fault}")
                yield key, document, len(line)

    def check(self, progress: Callable[[int], None] = lambda lines: None) -> Contents:
        """Read the whole of it without keeping documents; `progress` takes the number of lines read so far.

        Raises:
            BrokenFile: a line or a file is not what it should be.
        """
        hashes, removed = array("q"), set[str]()
        for lines, (key, document, _) in enumerate(self.operations(), 1):
            if document is None:
                removed.add(key)
            else:
                removed.discard(key)
                hashes.append(hash(key))
            if lines % LINES_PER_REPORT == 0:
                progress(lines)
        keys = np.unique(np.frombuffer(hashes, np.int64)) if hashes else np.empty(0, np.int64)
        if removed:
            keys = keys[~np.isin(keys, np.fromiter(map(hash, removed), np.int64, len(removed)))]
        return Contents(len(keys), keys, frozenset(removed))


@dataclasses.dataclass(frozen=True)
class Dump:
    """A folder of arangodump's: the database it was made of, its collections, and notes on what is left out."""

    folder: Path
    database: str
    parts: list[Part]
    notes: list[str]


def read(folder: Path | str) -> Dump:
    """The collections in an arangodump folder, in the order of a restore: documents, edges, named graphs, each by name.

    Nothing but the descriptions is read. A description that cannot be used becomes a part with a `problem`.

    Raises:
        WorkshopError: the folder is not there, holds no dump, or the dump is encrypted.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise WorkshopError(f"{folder} is not a folder; name the folder that arangodump wrote")
    encryption = folder / "ENCRYPTION"
    if encryption.exists() and (method := encryption.read_text(errors="replace").strip()) not in ("none", ""):
        raise WorkshopError(f"{folder} is encrypted ({method}); make a dump without --encryption.keyfile")
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    structures = [name for name in names if name.endswith(STRUCTURE)]
    if "dump.json" not in names and not structures:
        inner = sorted(path.parent.name for path in folder.glob("*/dump.json"))
        hint = f"; it holds a dump for each database, name one of {', '.join(inner)}" if inner else ""
        raise WorkshopError(f"{folder} holds no arangodump: neither dump.json nor *{STRUCTURE}{hint}")
    meta = _description(folder / "dump.json") if "dump.json" in names else {}
    notes = [f"view {name.removesuffix(VIEW)} is skipped: views are not restored" for name in names if name.endswith(VIEW)]
    parts: dict[str, Part] = {}
    used: set[str] = set()
    for structure in structures:
        part = _part(folder, structure, names, bool(meta.get("useEnvelope")), notes)
        used.update(path.name for path in part.files)
        if part.name in parts:
            notes.append(f"{structure} is skipped: collection {part.name} is described by another file too")
        elif part.name.startswith("_") and part.name != GRAPHS:
            notes.append(f"collection {part.name} is skipped: system collections are not restored")
        else:
            parts[part.name] = part
    for name in names:
        if re.search(r"\.data\.(json|vpack)(\.gz)?$", name) and name not in used and not _described(name, structures):
            notes.append(f"{name} is skipped: no *{STRUCTURE} describes it")
    order = sorted(parts.values(), key=lambda part: (part.name == GRAPHS, part.type, part.name))
    return Dump(folder, str(meta.get("database", "")), order, notes)


def write(folder: Path, database: str, collections: Mapping[str, tuple[int, Iterable[dict[str, Any]]]]) -> None:
    """Write a dump as arangodump 3.12 does: one line a document, gzip; the same input always gives the same bytes.

    What an earlier call wrote there is replaced; files of other names in the folder stay.

    Args:
        folder: made where it is missing.
        database: the name that dump.json carries.
        collections: name -> type and documents, each with `_key` (edges with `_from` and `_to`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name.endswith((STRUCTURE, DATA, DATA + ".gz")):
            path.unlink()
    tick = 1_000
    revision = 0
    for name, (kind, documents) in collections.items():
        tick += 1
        stem = folder / hashed(name)
        ids = {"cid": str(tick), "id": str(tick), "planId": str(tick), "name": name, "type": kind}
        parameters = {**PARAMETERS, **ids, "isSystem": name.startswith("_")}
        structure = {"indexes": [], "parameters": dict(sorted(parameters.items()))}
        Path(f"{stem}{STRUCTURE}").write_bytes(orjson.dumps(structure))
        with (
            open(f"{stem}{DATA}.gz", "wb") as raw,
            gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as file,
        ):
            for document in documents:
                revision += 1
                first = {"_key": document["_key"], "_id": f"{name}/{document['_key']}"}
                ends = {end: document[end] for end in ("_from", "_to") if end in document}
                file.write(orjson.dumps({**first, **ends, "_rev": _revision(revision), **document}) + b"\n")
    properties = {"id": str(tick + 1), "name": database, "isSystem": False}
    meta = {"database": database, "lastTickAtDumpStart": str(tick + 2), "useEnvelope": False, "useVPack": False}
    (folder / "dump.json").write_bytes(orjson.dumps({**meta, "properties": properties}))
    (folder / "ENCRYPTION").write_text("none")


PARAMETERS: dict[str, Any] = {
    "allowUserKeys": True,
    "cacheEnabled": False,
    "computedValues": None,
    "deleted": False,
    "internalValidatorType": 0,
    "isDisjoint": False,
    "isSmart": False,
    "isSmartChild": False,
    "isSystem": False,
    "keyOptions": {"allowUserKeys": True, "type": "traditional", "lastValue": 0},
    "minReplicationFactor": 1,
    "numberOfShards": 1,
    "replicationFactor": 1,
    "schema": None,
    "shardKeys": ["_key"],
    "shards": {},
    "status": 3,
    "syncByRevision": True,
    "usesRevisionsAsDocumentIds": True,
    "version": 9,
    "waitForSync": False,
    "writeConcern": 1,
}


def hashed(name: str) -> str:
    """What the names of a collection's files begin with: `NAME_<MD5 of the name>`."""
    return f"{name}_{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"


def _revision(number: int) -> str:
    """A revision in ArangoDB's form, 44 bits of milliseconds and 20 of a counter; always of the same millisecond."""
    digits = "-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    value, text = (1_767_225_600_000 << 20) + number, ""
    while value:
        value, digit = divmod(value, 64)
        text = digits[digit] + text
    return text


def _described(name: str, structures: list[str]) -> bool:
    return re.sub(r"(\.\d+)?\.data\.(json|vpack)(\.gz)?$", "", name) + STRUCTURE in structures


def _description(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BrokenFile(f"{path.name} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise BrokenFile(f"{path.name} is not a JSON object")
    return content


def _part(folder: Path, structure: str, names: list[str], envelope: bool, notes: list[str]) -> Part:
    stem = structure.removesuffix(STRUCTURE)
    problem, parameters, indexes = "", {}, []
    name = re.sub(r"_[0-9a-f]{32}$", "", stem)
    try:
        content = _description(folder / structure)
        parameters, indexes = content.get("parameters"), content.get("indexes") or []
        if not isinstance(parameters, dict) or not isinstance(parameters.get("name"), str) or not parameters["name"]:
            raise BrokenFile(f'{structure} has no "parameters" with a "name"')
        name = parameters["name"]
        if parameters.get("type", DOCUMENTS) not in (DOCUMENTS, EDGES):
            raise BrokenFile(f"{structure}: type {parameters['type']} is neither 2 (documents) nor 3 (edges)")
        if not isinstance(indexes, list) or not all(isinstance(index, dict) for index in indexes):
            raise BrokenFile(f'{structure}: "indexes" is not a list of objects')
    except BrokenFile as error:
        problem, parameters, indexes = str(error), {}, []
    files: list[Path] = []
    for prefix in dict.fromkeys((hashed(name), stem, name)):
        found = [entry for entry in names if re.fullmatch(re.escape(prefix) + r"(\.\d+)?\.data\.(json|vpack)(\.gz)?", entry)]
        if any(".data.vpack" in entry for entry in found):
            problem = problem or f"{found[0]} is in VelocyPack; make a dump without --dump-vpack"
        # A plain file goes before its compressed twin, which a dump with other options left behind.
        twins = [entry for entry in found if entry.removesuffix(".gz") != entry and entry.removesuffix(".gz") in found]
        notes += [f"{entry} is skipped: the same file is there uncompressed" for entry in twins]
        files = [folder / entry for entry in sorted(found, key=_sequence) if entry not in twins]
        if files:
            break
    if not files and not problem and not name.startswith("_"):
        notes.append(f"collection {name} has no data file: it is taken as empty")
    return Part(name, parameters.get("type", DOCUMENTS), parameters, indexes, tuple(files), envelope, problem)


def _sequence(name: str) -> tuple[int, str]:
    number = re.search(r"\.(\d+)\.data\.", name)
    return (int(number[1]) if number else -1, name)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers (from 1)."""
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):  # noqa: B007 - the last number is wanted after an error
                if line := line.strip():
                    yield number, line
    except EOFError as error:
        raise BrokenFile(f"{path.name} is truncated: the compressed data end after line {number}") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BrokenFile(f"{path.name} is damaged after line {number}: {error}") from error
    except OSError as error:
        raise BrokenFile(f"{path.name} cannot be read after line {number}: {error}") from error


def _parse(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            line.decode()
        except UnicodeDecodeError as bad:
            raise BrokenFile(f"{path.name}, line {number}: not UTF-8 at byte {bad.start + 1} of the line") from bad
        raise BrokenFile(f"{path.name}, line {number}: not JSON ({error})") from error
    if not isinstance(content, dict):
        raise BrokenFile(f"{path.name}, line {number}: not a JSON object")
    return content


def _is_envelope(content: dict[str, Any], hint: bool) -> bool:
    """Whether a file's first line is an envelope; a document always has a `_key`, an envelope never."""
    if "_key" in content:
        return False
    return content.get("type") in (PUT, PUT_EDGE, REMOVE) or (hint and "type" in content)


def _open(content: dict[str, Any]) -> tuple[Any, Any]:
    """Key and document of an envelope; the document is None where it removes one, and a fault is left to the check."""
    data, kind = content.get("data"), content.get("type")
    key = data.get("_key") if isinstance(data, dict) else content.get("key")
    if kind == REMOVE:
        return key, None
    return key, data if kind in (PUT, PUT_EDGE) and isinstance(data, dict) else {"type": kind}


def _fault(key: Any, document: dict[str, Any] | None, kind: int) -> str:
    if not isinstance(key, str):
        return "no _key that is a string"
    if not KEY.fullmatch(key):
        return f"{key!r} cannot be a _key"
    if document is None:
        return ""
    if document.get("_key") != key:
        return f"an envelope of type {document.get('type')} without a document"
    if kind == EDGES:
        for end in ("_from", "_to"):
            value = document.get(end)
            if not isinstance(value, str) or not END.fullmatch(value):
                return f"an edge without a {end} of the form collection/key"
    return ""
