"""Queries from text to results: what the HTTP layer calls."""

import contextlib
import dataclasses
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

from workshop.arango.embedded.aql import calls, changes, collect, elements, nodes, traversal  # noqa: F401  (they register)
from workshop.arango.embedded.aql.parser import parse as parse_text
from workshop.arango.embedded.aql.plan import Context, Plan, Scope
from workshop.arango.embedded.aql.statements import compile_query
from workshop.arango.embedded.errors import ArangoError

_identifiers = itertools.count(1)
_running: dict[str, "Execution"] = {}
_lock = threading.Lock()


class Execution:
    """A parsed query with its bind variables, to be run once."""

    def __init__(self, text: str, binds: dict[str, Any], options: dict[str, Any], user: str):
        self.text = text
        self.identifier = str(next(_identifiers))
        with _phase("parsing"):
            self.query = parse_text(text)
        self.binds, self.options, self.user = binds, options, user
        self.writes = any(isinstance(part, nodes.CHANGES) for part in nodes.walk(self.query))
        """Whether the query changes data, so that it needs the store's writing()."""
        self.began = time.monotonic()
        self.started = time.time()
        self.context: Context | None = None
        self._took = 0.0

    def results(self, database: Any) -> Iterator[Any]:
        """Compile and run, yielding the values that the query returns.

        The caller holds the store's lock. Raises ArangoError: what the query does wrong, 1500 when it was killed.
        """
        self.context = context = Context(database, self.binds, self.options, self.user)
        with _lock:
            _running[self.identifier] = self
        try:
            with _phase("parsing"):
                plan = Plan(context)
                pipeline, value = compile_query(self.query, Scope(plan))
                _check_binds(context)
            with _phase("executing"):
                frame = [None] * plan.slots
                returned = 0
                for _ in pipeline(frame):
                    if value is not None:
                        returned += 1
                        yield value(frame)
                if self.options.get("fullCount") and context.statistics.full_count is None:
                    context.statistics.full_count = returned
        finally:
            self._took = time.monotonic() - self.began
            with _lock:
                _running.pop(self.identifier, None)

    def extra(self) -> dict[str, Any]:
        """Warnings and statistics, as a cursor reports them under `extra`."""
        assert self.context is not None
        statistics = self.context.statistics
        stats = {
            "writesExecuted": statistics.writes_executed,
            "writesIgnored": statistics.writes_ignored,
            "documentLookups": 0,
            "seeks": 0,
            "scannedFull": statistics.scanned_full,
            "scannedIndex": statistics.scanned_index,
            "cursorsCreated": 0,
            "cursorsRearmed": 0,
            "cacheHits": 0,
            "cacheMisses": 0,
            "filtered": statistics.filtered,
            "httpRequests": 0,
            "executionTime": self._took,
            "peakMemoryUsage": 0,
            "intermediateCommits": 0,
        }
        if statistics.full_count is not None:
            stats["fullCount"] = statistics.full_count
        return {"warnings": self.context.warnings, "stats": stats}

    def describe(self) -> dict[str, Any]:
        """The query as the list of running queries shows it."""
        return {
            "id": self.identifier,
            "database": self.context.database.name if self.context else "",
            "user": self.user,
            "query": self.text[:4096],
            "bindVars": self.binds,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "runTime": time.monotonic() - self.began,
            "peakMemoryUsage": 0,
            "state": "killed" if self.context and self.context.killed else "executing",
            "stream": False,
            "modificationQuery": self.writes,
        }


@contextlib.contextmanager
def _phase(name: str) -> Iterator[None]:
    """Errors within say that they come from AQL and when, as ArangoDB's do; what Python cannot bear becomes one."""
    try:
        yield
    except ArangoError as error:
        raise ArangoError(error.number, f"AQL: {error.message} (while {name})", http=error.http) from error
    except RecursionError as error:
        raise ArangoError(1524, f"AQL: too much nesting or too many objects (while {name})") from error
    except MemoryError as error:
        raise ArangoError(32, f"AQL: query would use more memory than allowed (while {name})") from error


def prepare(
    text: str, binds: dict[str, Any] | None = None, options: dict[str, Any] | None = None, user: str = "root"
) -> Execution:
    """Parse a query for one execution. Raises ArangoError 1501 and the like."""
    return Execution(text, binds or {}, options or {}, user)


def run(text: str, database: Any, binds: dict[str, Any] | None = None, options: dict[str, Any] | None = None) -> list[Any]:
    """All results of a query; for callers that hold the store's lock."""
    return list(prepare(text, binds, options).results(database))


def running() -> list[dict[str, Any]]:
    """The queries that run at this moment."""
    with _lock:
        return [execution.describe() for execution in _running.values()]


def kill(identifier: str) -> None:
    """Ask a running query to stop; 1591 when there is none of this id."""
    with _lock:
        execution = _running.get(identifier)
    if execution is None or execution.context is None:
        raise ArangoError(1591)
    execution.context.killed = True


def _check_binds(context: Context) -> None:
    unused = sorted(set(context.binds) - context.used_binds)
    if unused:
        raise ArangoError(1552, f"bind parameter '{unused[0]}' was not declared in the query")


def parse(text: str) -> dict[str, Any]:
    """What `/_api/query` answers: the collections and bind variables that a query names, and its syntax tree."""
    with _phase("parsing"):
        query = parse_text(text)
        context = Context(None)
        plan = Plan(context, execute=False)
        compile_query(query, Scope(plan))
        return {
            "parsed": True,
            "collections": sorted(name for name in plan.read | plan.written if not name.startswith("@")),
            "bindVars": sorted(context.used_binds),
            "ast": [_tree(query)],
        }


def _tree(node: Any) -> Any:
    if isinstance(node, (list, tuple)):
        return [_tree(part) for part in node]
    if not dataclasses.is_dataclass(node):
        return node
    parts = {field.name: _tree(getattr(node, field.name)) for field in dataclasses.fields(node)}
    return {"type": type(node).__name__.lower(), **parts}


def explain(text: str, binds: dict[str, Any] | None, options: dict[str, Any] | None, database: Any) -> dict[str, Any]:
    """What `/_api/explain` answers: the steps of a query's execution, which name the index where one is used."""
    execution = prepare(text, binds, options)
    context = Context(database, binds, options)
    plan = Plan(context)
    scope = Scope(plan)
    with _phase("parsing"):
        compile_query(execution.query, scope)
        _check_binds(context)
    steps = [{"type": "SingletonNode"}, *plan.steps]
    nodes_ = [
        {**step, "id": number, "dependencies": [number - 1] if number > 1 else []} for number, step in enumerate(steps, 1)
    ]
    described = {
        "nodes": nodes_,
        "rules": ["use-vector-index"] if any(step["type"] == "EnumerateNearVectorNode" for step in steps) else [],
        "collections": [
            *({"name": name, "type": "read"} for name in sorted(plan.read - plan.written)),
            *({"name": name, "type": "write"} for name in sorted(plan.written)),
        ],
        "variables": [{"id": slot, "name": name} for name, slot in scope.variables.items()],
        "estimatedCost": len(nodes_),
        "estimatedNrItems": 0,
        "isModificationQuery": execution.writes,
    }
    answer = {"warnings": context.warnings, "stats": {"rulesExecuted": 0, "rulesSkipped": 0, "plansCreated": 1}}
    if (options or {}).get("allPlans"):
        return {"plans": [described], **answer}
    return {"plan": described, "cacheable": not (execution.writes or plan.random), **answer}
