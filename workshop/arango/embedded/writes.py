"""What a write does: the rules of insert, update, replace and remove.

A write that fails has changed nothing: everything is checked before the first change of the file.
"""

import dataclasses
import math
import sqlite3
from typing import TYPE_CHECKING, Any

import orjson

from workshop.arango.embedded import keys
from workshop.arango.embedded.errors import ArangoError

if TYPE_CHECKING:
    from workshop.arango.embedded.collection import Collection

OVERWRITE_MODES = (None, "conflict", "ignore", "replace", "update")

_MISSING = object()
_OWN = frozenset(("_key", "_id", "_rev"))
_dumps = orjson.dumps


@dataclasses.dataclass(slots=True)
class Change:
    """One write. `action` is "insert", "update", "replace", "remove", or "ignore" for one that was not made.

    `old` and `new` are the whole documents before and after; both are None for "ignore".
    """

    key: str
    rev: str
    old_rev: str | None
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    action: str


def insert(
    collection: "Collection",
    document: Any,
    *,
    overwrite_mode: str | None = None,
    keep_null: bool = True,
    merge_objects: bool = True,
    ignore_revs: bool = True,
    version_attribute: str | None = None,
    keep_rev: bool = False,
) -> Change:
    """Insert a document; what its key already has is overwritten as `overwrite_mode` says. See `Collection.insert`."""
    collection.enter()
    if type(document) is not dict:
        raise ArangoError(1227)
    if overwrite_mode not in OVERWRITE_MODES:
        raise ArangoError(10, f"invalid overwriteMode '{overwrite_mode}'")
    given = document.get("_key", _MISSING)
    if given is _MISSING:
        key = collection.generator.generate()
    else:
        key = collection.generator.accept(given, restoring=keep_rev)
        if overwrite_mode not in (None, "conflict"):
            found = collection.find(key)
            if found is not None:
                if overwrite_mode == "ignore":
                    return Change(key, found[1]["_rev"], None, None, None, "ignore")
                replace = overwrite_mode == "replace"
                options = (replace, keep_null, merge_objects, ignore_revs, version_attribute)
                return _modify(collection, *found, document, *options)
    store = collection.store
    store.dirty_keys.add(collection)
    edge: tuple[str, ...] = ()
    rev = document.get("_rev") if keep_rev else None
    if not keys.decode_revision(rev):
        rev = store.clock.tick()
    if collection.is_edge:
        edge = source, target = _ends(document)
        new = {"_key": key, "_id": collection.prefix + key, "_from": source, "_to": target, "_rev": rev}
    else:
        new = {"_key": key, "_id": collection.prefix + key, "_rev": rev}
    new |= document if keep_null else without_nulls(document)
    new["_key"], new["_id"], new["_rev"] = key, collection.prefix + key, rev
    body, new = encode(new)
    indexed = _indexed(collection, new) if collection.stored_indexes else ()
    if collection.has_unique:
        if given is not _MISSING and collection.row(key) is not None:
            raise _key_exists(key)
        for index, entries in indexed:
            if index.unique:
                index.check(collection, entries)
    row = collection.new_row()
    try:
        store.execute(collection.sql_insert, (row, key, body, *edge))
    except sqlite3.IntegrityError:
        raise _key_exists(key) from None
    for index, entries in indexed:
        for entry in entries:
            store.execute(index.sql_insert, (entry, row))
    collection.written(row, 1)
    return Change(key, rev, None, None, new, "insert")


def update(
    collection: "Collection",
    selector: Any,
    patch: Any,
    *,
    replace: bool = False,
    keep_null: bool = True,
    merge_objects: bool = True,
    ignore_revs: bool = True,
    version_attribute: str | None = None,
) -> Change:
    """Change or replace a document. See `Collection.update` and `Collection.replace`."""
    collection.enter()
    if type(patch) is not dict:
        raise ArangoError(1227)
    row, old, rev = _selected(collection, selector)
    if not ignore_revs:
        _check_revision(rev, old)
    return _modify(collection, row, old, patch, replace, keep_null, merge_objects, True, version_attribute)


def remove(collection: "Collection", selector: Any, *, ignore_revs: bool = True) -> Change:
    """Remove a document. See `Collection.remove`."""
    collection.enter()
    row, old, rev = _selected(collection, selector)
    if not ignore_revs:
        _check_revision(rev, old)
    execute = collection.store.execute
    indexed = _indexed(collection, old) if collection.stored_indexes else ()
    execute(collection.sql_delete, (row,))
    for index, entries in indexed:
        for entry in entries:
            execute(index.sql_delete, (entry, row))
    collection.written(row, -1)
    return Change(old["_key"], old["_rev"], old["_rev"], old, None, "remove")


def _modify(
    collection: "Collection",
    row: int,
    old: dict[str, Any],
    patch: dict[str, Any],
    replace: bool,
    keep_null: bool,
    merge_objects: bool,
    ignore_revs: bool,
    version_attribute: str | None,
) -> Change:
    action = "replace" if replace else "update"
    if not ignore_revs:
        _check_revision(patch.get("_rev"), old)
    if (not replace and not patch.keys() - {"_key"}) or (version_attribute and _is_older(patch, old, version_attribute)):
        return Change(old["_key"], old["_rev"], old["_rev"], old, old, action)
    key, rev = old["_key"], collection.store.clock.tick()
    if replace:
        new = {"_key": key, "_id": old["_id"]}
        if collection.is_edge:
            new["_from"], new["_to"] = _ends(patch)
        new["_rev"] = rev
        new |= patch
        new["_key"], new["_id"], new["_rev"] = key, old["_id"], rev
    else:
        if collection.is_edge:
            _ends({"_from": old["_from"], "_to": old["_to"], **patch})
        new = _merged(old, patch, keep_null, merge_objects, _OWN)
        new["_rev"] = rev
    body, new = encode(new)
    changed = []
    for index in collection.stored_indexes:
        before, after = index.entries(old), index.entries(new)
        if index.unique:
            index.check(collection, after - before, row)
        changed.append((index, before - after, after - before))
    execute = collection.store.execute
    execute(collection.sql_update, (body, new["_from"], new["_to"], row) if collection.is_edge else (body, row))
    for index, gone, came in changed:
        for entry in gone:
            execute(index.sql_delete, (entry, row))
        for entry in came:
            execute(index.sql_insert, (entry, row))
    collection.written(row, 0)
    return Change(key, rev, old["_rev"], old, new, action)


def _selected(collection: "Collection", selector: Any) -> tuple[int, dict[str, Any], Any]:
    """The row and the document that are meant, and the revision that they should have."""
    key, rev = selector, None
    if type(selector) is dict:
        if "_key" not in selector:
            raise ArangoError(1205)
        key, rev = selector["_key"], selector.get("_rev")
    if not isinstance(key, str) or not key:
        raise ArangoError(1221)
    found = collection.find(key)
    if found is None:
        raise ArangoError(1202)
    return *found, rev


def _check_revision(rev: Any, old: dict[str, Any]) -> None:
    if isinstance(rev, str) and rev and rev != old["_rev"]:
        raise ArangoError(1200, "conflict, _rev values do not match", http=412)


def _is_older(patch: dict[str, Any], old: dict[str, Any], attribute: str) -> bool:
    """Whether the patch comes with a version that is not newer than the document's."""
    given, known = patch.get(attribute), old.get(attribute)
    return type(given) in (int, float) and type(known) in (int, float) and given <= known


def _ends(edge: dict[str, Any]) -> tuple[str, str]:
    source, target = edge.get("_from"), edge.get("_to")
    if not keys.is_document_id(source) or not keys.is_document_id(target):
        raise ArangoError(1233)
    return source, target


def _indexed(collection: "Collection", document: dict[str, Any]) -> list[tuple[Any, set[bytes]]]:
    return [(index, index.entries(document)) for index in collection.stored_indexes]


def _key_exists(key: str) -> ArangoError:
    return ArangoError(
        1210, f"unique constraint violated - in index primary of type primary over '_key'; conflicting key: {key}"
    )


def _merged(
    old: dict[str, Any], patch: dict[str, Any], keep_null: bool, merge_objects: bool, skip: frozenset[str] = frozenset()
) -> dict[str, Any]:
    new = dict(old)
    for name, value in patch.items():
        if name in skip:
            continue
        if value is None and not keep_null:
            new.pop(name, None)
        elif type(value) is dict:
            before = old.get(name)
            if merge_objects and type(before) is dict:
                new[name] = _merged(before, value, keep_null, True)
            else:
                new[name] = value if keep_null else without_nulls(value)
        else:
            new[name] = value
    return new


def without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """The document without attributes that are null, also in objects within it."""
    return {
        name: without_nulls(value) if type(value) is dict else value for name, value in document.items() if value is not None
    }


def encode(document: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The JSON of a document, and the document as it will be read back. ArangoError 10."""
    try:
        return _dumps(document), document
    except TypeError:
        pass
    try:
        document = _storable(document)
        return _dumps(document), document
    except (TypeError, RecursionError) as error:
        raise ArangoError(10, f"the document cannot be stored: {error}") from error


def _storable(value: Any) -> Any:
    """Integers beyond 64 bits as floats, and half characters of UTF-16 replaced: what JSON parsers here do not give."""
    kind = type(value)
    if kind is int and not -(2**63) <= value < 2**64:
        try:
            return float(value)
        except OverflowError:
            return None
    if kind is float and not math.isfinite(value):
        return None
    if kind is str:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if kind is list:
        return [_storable(each) for each in value]
    if kind is dict:
        return {_storable(name): _storable(each) for name, each in value.items()}
    return value
