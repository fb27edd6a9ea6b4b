"""INSERT, UPDATE, REPLACE, REMOVE and UPSERT, with OLD and NEW."""

from collections.abc import Callable, Iterator
from typing import Any

from workshop.arango.embedded.aql import nodes
from workshop.arango.embedded.aql.expressions import collection_of
from workshop.arango.embedded.aql.operators import equals, truth
from workshop.arango.embedded.aql.plan import (
    Expression,
    Frame,
    Pipeline,
    Scope,
    compile_expression,
    compiles,
    options,
)
from workshop.arango.embedded.aql.values import reach
from workshop.arango.embedded.errors import ArangoError

OPTIONS = {
    "keepNull": "keep_null",
    "mergeObjects": "merge_objects",
    "ignoreRevs": "ignore_revs",
    "overwriteMode": "overwrite_mode",
}
"""Options of AQL that the storage takes, under its names."""
OVERWRITE_MODES = ("conflict", "ignore", "replace", "update")
FATAL = (32, 1500)
"""Errors that `ignoreErrors` does not ignore: they are not about one document."""


class Target:
    """The collection that a statement changes, its options, and the places of OLD and NEW.

    It is made when the expressions that choose and make documents are compiled: these may still read the collection.
    """

    def __init__(self, source: Any, given: Any, scope: Scope, *, accepts: tuple[str, ...], new: bool = True):
        self.plan = scope.plan
        self.name, self.collection = collection_of(source, scope)
        given = options(given, scope)
        self.ignore_errors = bool(given.get("ignoreErrors"))
        self.options: dict[str, Any] = {OPTIONS[key]: bool(given[key]) for key in accepts if key in given}
        if "overwrite_mode" in self.options or (given.get("overwrite") and "overwriteMode" in accepts):
            mode = given.get("overwriteMode", "replace")
            self.options["overwrite_mode"] = mode if mode in OVERWRITE_MODES else None
        self.statistics = scope.context.statistics
        self.old = scope.declare("OLD")
        self.new = scope.declare("NEW") if new else scope.slot()

    def pipeline(self, upstream: Pipeline, change: Callable[[Frame], Any]) -> Pipeline:
        """Change one document for each row. `ignoreErrors` leaves out the rows whose change failed."""
        self.plan.writes(self.name)

        def run(frame: Frame) -> Iterator[None]:
            for _ in self._rows(upstream, frame):
                try:
                    done = change(frame)
                except ArangoError as error:
                    if not self.ignore_errors or error.number in FATAL:
                        raise
                    self.statistics.writes_ignored += 1
                    continue
                self.statistics.writes_executed += done.action != "ignore"
                frame[self.old], frame[self.new] = done.old, done.new
                yield

        return run

    def _rows(self, upstream: Pipeline, frame: Frame) -> Iterator[None]:
        """The rows to change documents for; where the query reads the collection too, all are there before a change."""
        if self.name not in self.plan.read:
            yield from upstream(frame)
            return
        for row in [frame.copy() for _ in upstream(frame)]:
            frame[:] = row
            yield


@compiles(nodes.Insert)
def _insert(statement: nodes.Insert, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    document = compile_expression(statement.document, scope)
    target = Target(statement.collection, statement.options, scope, accepts=("overwriteMode", "keepNull", "mergeObjects"))
    return target.pipeline(upstream, lambda frame: target.collection.insert(document(frame), **target.options)), 0


@compiles(nodes.Update)
def _update(statement: nodes.Update, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    selector = compile_expression(statement.selector, scope)
    patch = compile_expression(statement.patch, scope) if statement.patch is not None else selector
    target = Target(statement.collection, statement.options, scope, accepts=_accepted(statement.replace))
    return target.pipeline(upstream, lambda frame: _write(target, statement.replace, selector(frame), patch(frame))), 0


def _accepted(replace: bool) -> tuple[str, ...]:
    return ("ignoreRevs",) if replace else ("keepNull", "mergeObjects", "ignoreRevs")


def _write(target: Target, replace: bool, selector: Any, patch: Any) -> Any:
    write = target.collection.replace if replace else target.collection.update
    return write(_selected(selector), patch, **target.options)


def _selected(selector: Any) -> Any:
    """A key, or a document with its `_key`."""
    if isinstance(selector, str):
        return selector
    if not isinstance(selector, dict) or not isinstance(selector.get("_key"), str):
        raise ArangoError(1226)
    return selector


@compiles(nodes.Remove)
def _remove(statement: nodes.Remove, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    selector = compile_expression(statement.selector, scope)
    target = Target(statement.collection, statement.options, scope, accepts=("ignoreRevs",), new=False)
    return target.pipeline(upstream, lambda frame: target.collection.remove(_selected(selector(frame)), **target.options)), 0


@compiles(nodes.Upsert)
def _upsert(statement: nodes.Upsert, rest: list[Any], scope: Scope, upstream: Pipeline) -> tuple[Pipeline, int]:
    find = _example(statement.example, scope)
    document = compile_expression(statement.document, scope)
    target = Target(statement.collection, statement.options, scope, accepts=_accepted(statement.replace))
    patch = compile_expression(statement.patch, scope)  # behind the target, since it may use OLD
    insert_options = {key: value for key, value in target.options.items() if key in ("keep_null",)}

    def change(frame: Frame) -> Any:
        existing = frame[target.old] = find(frame, target.collection)
        if existing is None:
            return target.collection.insert(document(frame), **insert_options)
        return _write(target, statement.replace, existing["_key"], patch(frame))

    return target.pipeline(upstream, change), 0


def _example(example: Any, scope: Scope) -> Callable[[Frame, Any], dict[str, Any] | None]:
    """How the document is found that UPSERT changes: the first that equals the example, or that satisfies its FILTER."""
    if isinstance(example, nodes.Filter):
        outer, scope.current = scope.current, scope.slot()
        slot, condition = scope.current, compile_expression(example.condition, scope)
        scope.current = outer

        def satisfying(frame: Frame, collection: Any) -> dict[str, Any] | None:
            for frame[slot] in collection.documents():
                if truth(condition(frame)):
                    return frame[slot]
            return None

        return satisfying
    wanted: Expression = compile_expression(example, scope)

    def matching(frame: Frame, collection: Any) -> dict[str, Any] | None:
        value = wanted(frame)
        if not isinstance(value, dict):
            raise ArangoError(1501, "expecting object literal for upsert example")
        parts = list(_flatten(value))
        rows = None
        for path, part in parts:
            rows = collection.lookup(path, [part])
            if rows is not None:
                break
        for candidate in collection.documents(rows):
            if all(equals(reach(candidate, path), part) for path, part in parts):
                return candidate
        return None

    return matching


def _flatten(value: dict[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The attributes of an example with their paths; nested objects are compared attribute by attribute."""
    for name, part in value.items():
        if isinstance(part, dict) and part:
            yield from _flatten(part, (*prefix, name))
        else:
            yield (*prefix, name), part
