"""Small arangodump folders for the tests of `workshop restore`."""

import gzip
import json
from pathlib import Path

from workshop.arango.dump.format import hashed


def structure(folder: Path, name: str, *, type: int = 2, indexes=(), stem: str | None = None, **parameters) -> None:
    """NAME_md5.structure.json, or `stem`.structure.json."""
    content = {"indexes": list(indexes), "parameters": {"name": name, "type": type, **parameters}}
    (folder / f"{stem or hashed(name)}.structure.json").write_text(json.dumps(content))


def data(folder: Path, file: str, lines) -> Path:
    """A data file; lines are objects, or bytes as they are. Compressed where the name says so."""
    raw = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    path = folder / file
    path.write_bytes(gzip.compress(raw) if file.endswith(".gz") else raw)
    return path


def dump(folder: Path, *, envelope: bool = False, encryption: str | None = "none") -> Path:
    """A dump's folder without collections."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dump.json").write_text(json.dumps({"database": "zoo", "useEnvelope": envelope}))
    if encryption is not None:
        (folder / "ENCRYPTION").write_text(encryption)
    return folder


def put(document: dict) -> dict:
    """A document in an envelope."""
    return {"type": 2300, "data": document}


def animals(count: int, start: int = 0) -> list[dict]:
    """Documents a0, a1 … with a number in them."""
    return [{"_key": f"a{n}", "_id": f"animals/a{n}", "_rev": "_x", "n": n} for n in range(start, start + count)]
