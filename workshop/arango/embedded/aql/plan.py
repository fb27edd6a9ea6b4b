"""What one execution of a query carries: its context, its variables' places, and the registries of the compiler.

A query is compiled anew for every execution, with its bind variables as constants. Expressions become closures
`closure(frame) -> value`; statements become `pipeline(frame) -> iterator` that set variables in the frame, a flat list
with one slot for each variable, and yield once for every row.
"""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from workshop.arango.embedded.aql import nodes
from workshop.arango.embedded.aql.values import AqlWarning
from workshop.arango.embedded.errors import ArangoError

Frame = list[Any]
Expression = Callable[[Frame], Any]
Pipeline = Callable[[Frame], Iterator[None]]

EXPRESSIONS: dict[type, Callable[..., Expression]] = {}
"""How each expression node is compiled: `(node, scope) -> closure`."""
STATEMENTS: dict[type, Callable[..., tuple[Pipeline, int]]] = {}
"""How each statement is compiled: `(statement, rest, scope, upstream) -> (pipeline, statements of the rest consumed)`."""


def compiles(*kinds: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the compiler of node types."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for kind in kinds:
            (STATEMENTS if kind in STATEMENT_NODES else EXPRESSIONS)[kind] = function
        return function

    return register


MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
"""Bytes of memory that the machine has."""
MEMORY_SHARE = 0.6
"""How much of it the whole process may use before its queries are refused more: ArangoDB's own default."""
LOOK_EVERY = 0.05
"""Seconds between two looks at the memory in use.

Each look gives up Python's lock for a moment. A thread that does so more often than every 5 ms (`sys.getswitchinterval`) is
never asked to yield, and the threads that answer other requests come too late for it each time.
"""
STATEMENT_NODES = (
    nodes.For,
    nodes.Traversal,
    nodes.Paths,
    nodes.Filter,
    nodes.Let,
    nodes.Sort,
    nodes.Limit,
    nodes.Collect,
    nodes.Window,
    nodes.With,
    nodes.Return,
    nodes.Insert,
    nodes.Update,
    nodes.Remove,
    nodes.Upsert,
)


@dataclasses.dataclass
class Statistics:
    """What a cursor reports under `extra.stats`."""

    writes_executed: int = 0
    writes_ignored: int = 0
    scanned_full: int = 0
    scanned_index: int = 0
    filtered: int = 0
    full_count: int | None = None


class Context:
    """One execution: the database, bind variables, options, warnings and statistics. Functions may ask for it."""

    def __init__(
        self, database: Any, binds: dict[str, Any] | None = None, options: dict[str, Any] | None = None, user: str = "root"
    ):
        self.database = database
        self.binds = binds or {}
        self.used_binds: set[str] = set()
        self.options = options or {}
        self.user = user
        self.now = time.time()
        self.statistics = Statistics()
        self.warnings: list[dict[str, Any]] = []
        self.killed = False
        self._look = 0.0
        runtime = self.options.get("maxRuntime")
        self.deadline = time.monotonic() + runtime if isinstance(runtime, (int, float)) and runtime > 0 else None
        most = self.options.get("maxWarningCount")
        self.most_warnings = most if isinstance(most, int) else 10

    def warn(self, number: int, message: str) -> None:
        """Register a warning; an error where the client asked for `failOnWarning`."""
        if self.options.get("failOnWarning"):
            raise ArangoError(number, message)
        if len(self.warnings) < self.most_warnings:
            self.warnings.append({"code": number, "message": message})

    def check(self) -> None:
        """Stop a query that was killed or ran longer than `maxRuntime` allows (1500), or that fills the memory (32)."""
        now = time.monotonic()
        if self.killed or (self.deadline is not None and now > self.deadline):
            raise ArangoError(1500)
        if now < self._look:
            return
        self._look = now + LOOK_EVERY
        if _memory_used() > MEMORY * MEMORY_SHARE:
            raise ArangoError(32, "query would use more memory than allowed")

    def collection(self, name: str) -> Any:
        """A collection of the query's database; 1203 when there is none of this name."""
        return self.database.collection(name)


def _memory_used() -> int:
    """Bytes of memory that this process occupies; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class Plan:
    """Shared by all scopes of one query: the number of slots, and what the query does as a whole."""

    def __init__(self, context: Context, *, execute: bool = True):
        self.context = context
        self.execute = execute
        """False when the query is only parsed: collections and bind variables need not exist."""
        self.slots = 0
        self.written: set[str] = set()
        self.read: set[str] = set()
        self.random = False
        """Whether something was compiled that may answer differently when asked again."""
        self.steps: list[dict[str, Any]] = []

    def reads(self, name: str) -> None:
        """Note that a collection is read; 1579 when the query has changed it before."""
        if name in self.written:
            raise ArangoError(1579, f"access after data-modification by collection '{name}'")
        self.read.add(name)

    def writes(self, name: str) -> None:
        """Note that a collection is changed; 1579 when the query has changed it before."""
        if name in self.written:
            raise ArangoError(1579, f"access after data-modification by collection '{name}'")
        self.written.add(name)

    def forbid_after_change(self, what: str) -> None:
        """1579 when the query changes anything before `what`, which may read any collection."""
        if self.written:
            raise ArangoError(1579, f"access after data-modification by {what}")

    def describe(self, kind: str, **details: Any) -> None:
        """Note a step of the execution for explain, under the name that ArangoDB gives its kind."""
        self.steps.append({"type": kind, **details})


class Scope:
    """The variables that can be seen. A subquery has a child scope; COLLECT ends the variables of the level's loops."""

    def __init__(self, plan: Plan, parent: "Scope | None" = None):
        self.plan = plan
        self.parent = parent
        self.variables: dict[str, int] = {}
        self.base: dict[str, int] | None = None
        """The variables from before the level's first loop, which COLLECT does not end; None before that loop."""
        self.owned: set[int] = set()
        self.outer_use = False
        """Whether something compiled in this scope reads a variable of an enclosing one."""
        self.current: int | None = parent.current if parent else None
        """Slot of CURRENT, and of the element that accessors behind an expansion read."""
        self.element: int | None = parent.element if parent else None
        self.top_level = parent is None
        self.single_row = True
        """Whether what is compiled next runs once: no loop has been opened on this level."""

    @property
    def context(self) -> Context:
        """The execution's context."""
        return self.plan.context

    def slot(self) -> int:
        """A new slot without a name."""
        self.owned.add(self.plan.slots)
        self.plan.slots += 1
        return self.plan.slots - 1

    def declare(self, name: str) -> int:
        """A new variable's slot; 1511 when the name is taken."""
        if self.find(name) is not None and name not in ("OLD", "NEW"):
            raise ArangoError(1511, f"variable '{name}' is assigned multiple times")
        self.variables[name] = self.slot()
        return self.variables[name]

    def find(self, name: str) -> int | None:
        """The slot of a variable, or None."""
        if name in self.variables:
            return self.variables[name]
        return self.parent.find(name) if self.parent else None

    def note_use(self, slot: int) -> None:
        """Remember in which scopes a slot comes from outside."""
        if slot not in self.owned and self.parent is not None:
            self.outer_use = True
            self.parent.note_use(slot)

    def open_loop(self) -> None:
        """A loop begins: its variables, and those that follow, live until COLLECT."""
        if self.base is None:
            self.base = dict(self.variables)
        self.single_row = False

    def looped(self) -> dict[str, int]:
        """The level's variables since its first loop began; all of them when there is none."""
        return {name: slot for name, slot in self.variables.items() if name not in (self.base or ())}

    def end_loops(self) -> None:
        """COLLECT ends the loops and their variables."""
        self.variables = dict(self.variables if self.base is None else self.base)

    def child(self) -> "Scope":
        """The scope of a subquery."""
        return Scope(self.plan, self)


def once(frame: Frame) -> Iterator[None]:
    """The start of every pipeline: one row."""
    yield


def compile_expression(node: Any, scope: Scope) -> Expression:
    """Compile an expression. Nodes of no known type are a defect of this package."""
    return EXPRESSIONS[type(node)](node, scope)


def compile_steady(node: Any, scope: Scope) -> Expression | None:
    """Compile an expression that is the same for every row; None for one that may answer differently when asked again."""
    was_random, scope.plan.random = scope.plan.random, False
    closure = compile_expression(node, scope)
    random, scope.plan.random = scope.plan.random, was_random
    return None if random else closure


def constant(value: Any) -> Expression:
    """A closure that always gives the same value, and says so: see `is_constant`."""

    def closure(frame: Frame) -> Any:
        return value

    closure.constant = True  # type: ignore[attr-defined]
    return closure


def is_constant(closure: Expression) -> bool:
    """Whether a compiled expression depends on no row."""
    return hasattr(closure, "constant")


def fold(closure: Expression, *parts: Expression) -> Expression:
    """Evaluate at once what is built of constants alone; left as it is where that raises a warning or an error."""
    if all(is_constant(part) for part in parts):
        try:
            return constant(closure([]))
        except (AqlWarning, ArangoError, IndexError):
            pass
    return closure


def invoke(call: Callable[..., Any], arguments: list[Expression], warn: Callable[[int, str], None]) -> Expression:
    """A call with evaluated arguments; one and two arguments, the frequent cases, without building a list."""
    if len(arguments) == 1:
        (only,) = arguments

        def one(frame: Frame) -> Any:
            try:
                return call(only(frame))
            except AqlWarning as warning:
                warn(warning.number, warning.message)
                return None

        return one
    if len(arguments) == 2:
        first, second = arguments

        def two(frame: Frame) -> Any:
            try:
                return call(first(frame), second(frame))
            except AqlWarning as warning:
                warn(warning.number, warning.message)
                return None

        return two

    def many(frame: Frame) -> Any:
        try:
            return call(*[argument(frame) for argument in arguments])
        except AqlWarning as warning:
            warn(warning.number, warning.message)
            return None

    return many


def constant_value(node: Any, scope: Scope, what: str, number: int = 1501) -> Any:
    """The value of an expression that must be known before the query runs (LIMIT, depths, OPTIONS)."""
    closure = compile_expression(node, scope)
    if not is_constant(closure):
        raise ArangoError(number, f"{what} have to be known at query compile time")
    return closure([])


def options(node: Any, scope: Scope) -> dict[str, Any]:
    """The constant object behind OPTIONS, empty when there is none."""
    if node is None:
        return {}
    value = constant_value(node, scope, "'OPTIONS'", 1575)
    if not isinstance(value, dict):
        raise ArangoError(1501, "'OPTIONS' have to be an object")
    return value
