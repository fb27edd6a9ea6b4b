"""Restore an arangodump folder into ArangoDB, embedded or not, through python-arango alone."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from arango.collection import StandardCollection
from arango.database import StandardDatabase
from arango.exceptions import ArangoClientError, ArangoServerError
from requests.exceptions import RequestException
from rich.console import Console

from workshop.arango import client, server
from workshop.arango.dump.format import EDGES, GRAPHS, BrokenFile, Contents, Dump, Part, read
from workshop.errors import WorkshopError
from workshop.progress import progress

BATCH_BYTES, BATCH_DOCUMENTS = 4_000_000, 5_000
KEYS_PER_ANSWER = 20_000
ANSWERS_ONLY = {"id", "objectId", "tempObjectId", "isNewlyCreated", "selectivityEstimate", "figures", "code", "error"}
"""Attributes of an index that a server tells about it and that do not belong in the order to make one."""


@dataclasses.dataclass
class Outcome:
    """What became of one collection: `restored`, `already there` or `failed` (then `problem` says why)."""

    name: str
    kind: str
    state: str = "restored"
    count: int = 0
    seconds: float = 0.0
    problem: str = ""


@dataclasses.dataclass
class Report:
    """What became of each collection of a dump, in the order in which they were restored, and notes for the reader."""

    outcomes: list[Outcome]
    notes: list[str]

    @property
    def failed(self) -> list[Outcome]:
        """The collections that could not be restored."""
        return [outcome for outcome in self.outcomes if outcome.state == "failed"]


def restore(
    folder: Path | str,
    database: StandardDatabase,
    *,
    force: bool = False,
    progress: Callable[[str, int, int | None], None] = lambda name, done, total: None,
    finished: Callable[[Outcome], None] = lambda outcome: None,
) -> Report:
    """Restore every collection of a dump, document collections first, and the named graphs after all of them.

    A collection's files are read to their end and checked before anything is changed for it; one that cannot be used is
    reported as failed and the others are restored all the same. Documents of the same key are replaced, so that an
    interrupted restore is continued by running it again. A collection that holds all of a dump's keys is left alone.

    Args:
        folder: what arangodump wrote, or `dump_format.write`.
        database: where the collections go.
        force: restore collections too that are already there.
        progress: called with a collection's name, the lines checked so far and None, then with the documents stored so
            far and their number in all.
        finished: called with each outcome.

    Raises:
        WorkshopError: the folder holds no dump that can be read.
        RequestException, ConnectionError: the server is gone.
    """
    dump = read(folder)
    notes = list(dump.notes)
    existing = {collection["name"]: collection["type"] for collection in database.collections()}
    outcomes = []
    for part in dump.parts:
        outcome, began = Outcome(part.name, part.kind), time.monotonic()
        try:
            if part.name == GRAPHS:
                _restore_graphs(part, database, force, outcome)
            else:
                _restore_part(part, database, existing, force, progress, outcome, notes)
        except (BrokenFile, ArangoServerError) as error:
            outcome.state, outcome.problem = "failed", _words(error)
        outcome.seconds = time.monotonic() - began
        outcomes.append(outcome)
        finished(outcome)
    return Report(outcomes, notes)


def _words(error: Exception) -> str:
    return str(getattr(error, "error_message", None) or error)


def _restore_part(
    part: Part,
    database: StandardDatabase,
    existing: dict[str, str],
    force: bool,
    progress: Callable[[str, int, int | None], None],
    outcome: Outcome,
    notes: list[str],
) -> None:
    progress(part.name, 0, None)
    contents = part.check(lambda lines: progress(part.name, lines, None))
    outcome.count = contents.count
    there = existing.get(part.name)
    if there is not None and (there == "edge") != (part.type == EDGES):
        kinds = {"edge": "edges", "document": "documents"}
        raise BrokenFile(
            f"the database has a collection {part.name} of {kinds[there]}, the dump one of {part.kind}; "
            "restore into another database (--database), or drop that collection"
        )
    if there is not None and not force and _holds(database, part.name, contents):
        outcome.state = "already there"
        collection = database.collection(part.name)
    else:
        collection = _create(part, database, notes) if there is None else database.collection(part.name)
        _fill(part, contents, collection, progress)
        _configure(part, collection, notes)
    _make_indexes(part, collection, notes)


def _restore_graphs(part: Part, database: StandardDatabase, force: bool, outcome: Outcome) -> None:
    """Make the named graphs of a dump; what they were made of at the dump's server, shards and such, is left to this one."""
    wanted = {key: _definitions(key, graph) for key, graph, _ in part.operations() if graph is not None}
    there = {graph["name"] for graph in database.graphs()}
    outcome.count = len(wanted)
    if wanted.keys() <= there and not force:
        outcome.state = "already there"
        return
    for name, (definitions, orphans) in wanted.items():
        if name in there:
            if not force:
                continue
            database.delete_graph(name, drop_collections=False)
        database.create_graph(name, definitions, orphans)


def _definitions(name: str, graph: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Edge definitions of a named graph as python-arango takes them, and the collections of vertices without edges."""
    try:
        return [
            {
                "edge_collection": definition["collection"],
                "from_vertex_collections": definition["from"],
                "to_vertex_collections": definition["to"],
            }
            for definition in graph["edgeDefinitions"]
        ], graph.get("orphanCollections") or []
    except (KeyError, TypeError) as error:
        raise BrokenFile(f"named graph {name}: its edge definitions are not lists with collection, from and to") from error


def _holds(database: StandardDatabase, name: str, contents: Contents) -> bool:
    """Whether a collection has all the keys of a dump: what is true of a restore that went to its end, and of no other."""
    if database.collection(name).count() < contents.count:
        return False
    cursor = database.aql.execute(
        "FOR document IN @@name RETURN document._key", bind_vars={"@name": name}, batch_size=KEYS_PER_ANSWER
    )
    there = np.fromiter((hash(key) for key in cursor), np.int64)
    return bool(np.isin(contents.keys, there).all())


def _create(part: Part, database: StandardDatabase, notes: list[str]) -> StandardCollection:
    options = part.parameters.get("keyOptions") or {}
    if options.get("allowUserKeys") is False:
        notes.append(f"collection {part.name}: allowUserKeys is on, since the dump's documents bring their keys")
    return database.create_collection(
        part.name,
        edge=part.type == EDGES,
        sync=bool(part.parameters.get("waitForSync")),
        key_generator=options.get("type") or "traditional",
        key_increment=options.get("increment"),
        key_offset=options.get("offset"),
    )


def _batches(part: Part, removed: frozenset[str]) -> Iterator[list[dict[str, Any]]]:
    batch, size = [], 0
    for key, document, length in part.operations():
        if document is None or key in removed:
            continue
        document.pop("_id", None)
        document.pop("_rev", None)
        if batch and (size + length > BATCH_BYTES or len(batch) == BATCH_DOCUMENTS):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += length
    if batch:
        yield batch


def _fill(
    part: Part, contents: Contents, collection: StandardCollection, progress: Callable[[str, int, int | None], None]
) -> None:
    done = 0
    for batch in _batches(part, contents.removed):
        collection.import_bulk(batch, on_duplicate="replace", halt_on_error=True)
        done = min(done + len(batch), contents.count)
        progress(part.name, done, contents.count)
    removed = sorted(contents.removed)
    for start in range(0, len(removed), BATCH_DOCUMENTS):
        collection.delete_many([{"_key": key} for key in removed[start : start + BATCH_DOCUMENTS]], silent=True)


def _configure(part: Part, collection: StandardCollection, notes: list[str]) -> None:
    """Schema and computed values, set after the documents so that these come in as they were dumped."""
    wanted = {"schema": part.parameters.get("schema"), "computed_values": part.parameters.get("computedValues")}
    wanted = {name: value for name, value in wanted.items() if value}
    if not wanted:
        return
    try:
        collection.configure(**wanted)
    except ArangoServerError as error:
        notes.append(f"collection {part.name}: the server refuses its {' and '.join(wanted)}: {_words(error)}")


def _make_indexes(part: Part, collection: StandardCollection, notes: list[str]) -> None:
    for index in part.indexes:
        if index.get("type") in ("primary", "edge"):
            continue
        order = {name: value for name, value in index.items() if name not in ANSWERS_ONLY}
        if order.get("type") in ("geo1", "geo2"):
            order["type"] = "geo"
        try:
            collection.add_index(order)
        except ArangoServerError as error:
            fields = ", ".join(str(field) for field in index.get("fields", []))
            notes.append(f"collection {part.name}: no {index.get('type')} index on {fields}: {_words(error)}")


def restore_command(folder: Path | str, database_name: str | None, force: bool, console: Console) -> None:
    """`workshop restore`: one line a collection, notes, and where it all went.

    Raises:
        WorkshopError: no dump, no server, or collections that could not be restored; the message names them.
    """
    dump = read(folder)
    database = client.connect(database_name)
    try:
        report = _restore_shown(dump, database, force, console)
    except (RequestException, ArangoClientError, ArangoServerError, ConnectionError) as error:
        raise WorkshopError(
            f"ArangoDB at {server.url()} stopped answering ({_words(error)}); "
            "once it is back, the same command continues the restore"
        ) from error
    for note in report.notes:
        console.print(f"  note: {note}", markup=False)
    good = [outcome for outcome in report.outcomes if outcome.state != "failed"]
    total = sum(outcome.count for outcome in good)
    console.print(
        f"database {database.name} at {server.url()}: {len(good)} collections, {total:,} documents and edges", markup=False
    )
    if report.failed:
        reasons = "\n".join(f"  {outcome.name}: {outcome.problem}" for outcome in report.failed)
        raise WorkshopError(f"{len(report.failed)} of {len(report.outcomes)} collections could not be restored:\n{reasons}")


def _restore_shown(dump: Dump, database: StandardDatabase, force: bool, console: Console) -> Report:
    width = max((len(part.name) for part in dump.parts), default=0)

    def tell(outcome: Outcome) -> None:
        took = f"{outcome.seconds:.1f} s" if outcome.state == "restored" else outcome.state
        count = "" if outcome.state == "failed" else f"{outcome.count:,}"
        console.print(f"{outcome.name:<{width}}  {outcome.kind:<9}  {count:>9}  {took}", markup=False)

    began = time.monotonic()
    with progress(console, "restoring") as waiting:

        def show(name: str, done: int, total: int | None) -> None:
            step = "checking" if total is None else "storing"
            waiting(time.monotonic() - began, f"{name}, {step}, {done:,}{f' of {total:,}' if total else ''}")

        return restore(dump.folder, database, force=force, progress=show, finished=tell)
