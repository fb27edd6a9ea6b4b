"""ArangoDB as the store of vectors and documents: through python-arango over HTTP, and NumPy and faiss in process beside it.

The server is an embedded one with a data folder of its own, or the one that ARANGO_URL names, in a database that is
dropped again. Variants are measured in turns whose order rotates, each turn's first call is not counted.
"""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from arango.collection import StandardCollection
from arango.database import StandardDatabase

from workshop import bench
from workshop.arango import client, server
from workshop.arango.temporary import TemporaryServer
from workshop.bench import vectors

SERVICES = ()
MODELS = ()
PACKAGES = ("python-arango", "faiss-cpu", "numpy", "starlette", "uvicorn", "orjson")
DATABASE = "benchmark_store"
DIMENSION = 384
WANTED = 10
"""Documents that a query for the nearest ones asks for."""
ITERATIONS = 25
"""Rounds of k-means that an index is trained with, ArangoDB's default."""
PARTS = 10
"""The attribute `part` has this many values in turn; a FILTER on one keeps a tenth."""
IMPORT_BATCH = 10_000
VECTOR_BATCH = 2_000
"""Documents that a request imports: small ones, and those with a vector."""
NEAREST = "FOR d IN @@c {filter} SORT COSINE_SIMILARITY(d.emb, @q) DESC LIMIT 10 RETURN {what}"
FILTER = "FILTER d.part == 3"
APPROXIMATE = "FOR d IN @@c SORT APPROX_NEAR_COSINE(d.emb, @q, {nProbe: @probes}) DESC LIMIT 10 RETURN d._key"
HAND_WRITTEN = """
LET q = (FOR m IN @@c FILTER m._id == @id FOR j IN RANGE(0, 383) RETURN TO_NUMBER(NTH(m.emb, j)))
LET qn = SQRT(SUM(FOR i IN RANGE(0, 383) RETURN POW(NTH(q, i), 2)))
FOR v IN @@c
    FILTER HAS(v, "emb")
    LET vn = SQRT(SUM(FOR k IN RANGE(0, 383) RETURN POW(TO_NUMBER(NTH(v.emb, k)), 2)))
    LET dot = SUM(FOR i IN RANGE(0, 383) RETURN NTH(q, i) * TO_NUMBER(NTH(v.emb, i)))
    SORT dot / (qn * vn) DESC
    LIMIT 10
    RETURN v._key
"""
"""The cosine as the old workshop wrote it in AQL."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    calls: int
    """Calls of each variant in each round."""
    sizes: tuple[int, ...]
    """Documents with a vector; the greatest number is also that of the approximate search."""
    probes: tuple[int, ...]
    recall_queries: int
    builds: int
    """How often each vector index is built."""
    hand_written: int
    hand_written_rounds: int
    imported: int
    """Small documents that are imported in a round."""
    singles: int
    """Documents that are inserted, and read, one by one in a round."""
    write_rounds: int


FULL = Plan(5, 10, (1_000, 10_000, 100_000), (1, 4, 16, 64, 128), 200, 2, 1_000, 3, 100_000, 500, 3)
QUICK = Plan(2, 5, (1_000, 4_000), (1, 4, 16), 20, 1, 100, 1, 10_000, 50, 1)


@dataclasses.dataclass(frozen=True)
class Place:
    """The database to measure in, and the server where it is one of our own."""

    database: StandardDatabase
    own: TemporaryServer | None


def measure(*, quick: bool, tell: Callable[[str], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure on a server; return the settings and the results, as JSON values."""
    plan = QUICK if quick else FULL
    with place(tell) as found:
        described = {
            **dataclasses.asdict(plan),
            "dimension": DIMENSION,
            "lists": round(plan.sizes[-1] ** 0.5),
            "faiss_search_threads": 1,
            "server": "embedded" if found.own else "external",
            "server_version": found.database.version(),
        }
        results: dict[str, Any] = {"writes": writes(plan, found.database, tell)}
        data = vectors.clustered(plan.sizes[-1] + plan.recall_queries, DIMENSION)
        stored, queries = data[: plan.sizes[-1]], data[plan.sizes[-1] :]
        results["hand_written"] = hand_written(plan, found.database, stored, tell)
        results["vector_import"], results["exact"] = exact(plan, found.database, stored, queries, tell)
        results["approximate"] = []
        for kind in ("clustered", "isotropic"):
            if kind == "isotropic":
                data = vectors.isotropic(plan.sizes[-1] + plan.recall_queries, DIMENSION)
                stored, queries = data[: plan.sizes[-1]], data[plan.sizes[-1] :]
            results["approximate"].append(approximate(plan, found.database, kind, stored, queries, tell))
        if found.own:
            results["memory"] = memory(plan, found.own, queries, tell)
    return described, results


@contextlib.contextmanager
def place(tell: Callable[[str], None]) -> Iterator[Place]:
    """An empty database: of an embedded server in a temporary folder, or of the server that ARANGO_URL names."""
    if server.external():
        system, name = client.connect("_system"), f"{DATABASE}_{np.random.default_rng().integers(1 << 40):x}"
        system.create_database(name)
        try:
            yield Place(client.connect(name), None)
        finally:
            system.delete_database(name)
        return
    tell("starting an embedded ArangoDB")
    with tempfile.TemporaryDirectory(prefix="store-") as folder, TemporaryServer(Path(folder)) as own:
        own.connect().create_database(DATABASE)
        yield Place(own.connect(DATABASE), own)


def in_turns(variants: dict[str, Callable[[int], Any]], rounds: int, calls: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each variant: median, least and greatest of the medians of its turns.

    A variant is called with a number that grows, so that it can take another query each time.
    """
    taken: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        for name in bench.rotated(list(variants), number):
            call, first = variants[name], number * (calls + 1)
            call(first)
            times = [bench.seconds(lambda n=n: call(n)) for n in range(first + 1, first + calls + 1)]  # noqa: B023
            taken[name].append(float(np.median(times)) * 1e3)
    return {name: bench.summary(times) for name, times in taken.items()}


@contextlib.contextmanager
def one_faiss_thread() -> Iterator[None]:
    """Let faiss search with one thread: for a single query more of them gain little, and wait for each other."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


# Documents


def writes(plan: Plan, database: StandardDatabase, tell: Callable[[str], None]) -> dict[str, Any]:
    """Small documents each second: imported in batches, inserted one by one, read by key."""
    documents = [
        {"_key": str(n), "name": f"article {n}", "group": n % 100, "price": n / 8, "tags": ["a", "b"]}
        for n in range(plan.imported)
    ]
    rates: dict[str, list[float]] = {"import": [], "insert": [], "get": []}
    for number in range(plan.write_rounds):
        tell(f"small documents: round {number + 1} of {plan.write_rounds}")
        collection = database.create_collection(f"small_{number}")
        singles = database.create_collection(f"singles_{number}", sync=True)
        keys = [str(n * 7919 % plan.imported) for n in range(plan.singles)]
        actions = {
            "import": (plan.imported, lambda: collection.import_bulk(documents, batch_size=IMPORT_BATCH)),  # noqa: B023
            "insert": (plan.singles, lambda: [singles.insert(document) for document in documents[: plan.singles]]),  # noqa: B023
            "get": (plan.singles, lambda: [collection.get(key) for key in keys]),  # noqa: B023
        }
        for name, (count, action) in actions.items():
            rates[name].append(count / bench.seconds(action))
        if collection.count() != plan.imported or singles.count() != plan.singles:
            raise RuntimeError("the server does not hold what was written")
        database.delete_collection(collection.name)
        database.delete_collection(singles.name)
    return {f"{name}_per_s": bench.summary(values) for name, values in rates.items()}


def add_vectors(database: StandardDatabase, name: str, rows: np.ndarray) -> float:
    """Import documents with a vector each into a new collection; return the seconds it took."""
    collection = database.create_collection(name)
    return bench.seconds(lambda: _import_vectors(collection, rows))


def _import_vectors(collection: StandardCollection, rows: np.ndarray) -> None:
    for begin in range(0, len(rows), VECTOR_BATCH):
        batch = rows[begin : begin + VECTOR_BATCH].tolist()
        collection.import_bulk([{"_key": str(n), "part": n % PARTS, "emb": vector} for n, vector in enumerate(batch, begin)])


def hand_written(plan: Plan, database: StandardDatabase, rows: np.ndarray, tell: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of the cosine that is spelled out in AQL."""
    tell(f"cosine written by hand, {plan.hand_written} documents")
    name = "hand_written"
    add_vectors(database, name, rows[: plan.hand_written])
    bind = {"@c": name, "id": f"{name}/0"}
    expected = database.aql.execute(
        NEAREST.format(filter="", what="d._key"), bind_vars={"@c": name, "q": rows[0].tolist()}
    ).batch()
    times = []
    for _ in range(plan.hand_written_rounds):
        answers: list[Any] = []
        times.append(bench.seconds(lambda: answers.extend(database.aql.execute(HAND_WRITTEN, bind_vars=bind))))  # noqa: B023
        if list(answers) != list(expected):
            raise RuntimeError("the cosine written by hand ranks otherwise than COSINE_SIMILARITY")
    database.delete_collection(name)
    return {"documents": plan.hand_written, "seconds": bench.summary(times)}


# Vectors


def exact(
    plan: Plan, database: StandardDatabase, rows: np.ndarray, queries: np.ndarray, tell: Callable[[str], None]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How the exact ranking grows: seconds to import the vectors, and milliseconds of each query by number of documents."""
    imported, found = {}, []
    given = queries.tolist()
    for size in plan.sizes:
        name = f"vectors_{size}"
        tell(f"importing {size} vectors")
        imported[str(size)] = add_vectors(database, name, rows[:size])
        tell(f"exact ranking, {size} documents")
        table, flat = rows[:size], faiss.IndexFlatIP(DIMENSION)
        flat.add(table)
        part = np.arange(size) % PARTS == 3
        bind = {"@c": name}
        variants: dict[str, Callable[[int], Any]] = {
            "round_trip": lambda n: list(database.aql.execute("RETURN LENGTH(@q)", bind_vars={"q": given[n % len(given)]}))
        }
        for variant, filtered, what in (
            ("key", "", "d._key"),
            ("document", "", "d"),
            ("filtered_key", FILTER, "d._key"),
            ("filtered_document", FILTER, "d"),
        ):
            query = NEAREST.format(filter=filtered, what=what)
            variants[f"server_{variant}"] = lambda n, query=query, bind=bind: list(
                database.aql.execute(query, bind_vars={**bind, "q": given[n % len(given)]})
            )
        variants["numpy"] = lambda n, table=table: vectors.nearest(table, queries[n % len(queries)], WANTED)
        variants["numpy_filtered"] = lambda n, table=table, part=part: vectors.nearest(
            table, queries[n % len(queries)], WANTED, part
        )
        variants["faiss_flat"] = lambda n, flat=flat: flat.search(queries[n % len(queries)][None], WANTED)
        for filtered, mask in (("server_key", None), ("server_filtered_key", part)):
            if [int(key) for key in variants[filtered](0)] != vectors.nearest(table, queries[0], WANTED, mask).tolist():
                raise RuntimeError("the server's nearest documents are others than NumPy's")
        with one_faiss_thread():
            found.append({"documents": size, "ms": in_turns(variants, plan.rounds, plan.calls)})
    return imported, found


def approximate(
    plan: Plan, database: StandardDatabase, kind: str, rows: np.ndarray, queries: np.ndarray, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Vector index: seconds to build it, milliseconds and recall by number of probed lists, the same with faiss alone."""
    size, lists = len(rows), round(len(rows) ** 0.5)
    name = f"vectors_{size}" if kind == "clustered" else f"{kind}_{size}"
    if not database.has_collection(name):
        tell(f"importing {size} {kind} vectors")
        add_vectors(database, name, rows)
    collection, given = database.collection(name), queries.tolist()
    definition = {
        "type": "vector", "fields": ["emb"], "name": "near",
        "params": {"metric": "cosine", "dimension": DIMENSION, "nLists": lists, "trainingIterations": ITERATIONS},
    }  # fmt: skip
    builds: dict[str, list[float]] = {"server": [], "faiss": []}
    for number in range(plan.builds):
        tell(f"building the index of {size} {kind} vectors, {number + 1} of {plan.builds}")
        if number:
            collection.delete_index("near")
        builds["server"].append(bench.seconds(lambda: collection.add_index(definition)))
        ivf = faiss.IndexIVFFlat(faiss.IndexFlatIP(DIMENSION), DIMENSION, lists, faiss.METRIC_INNER_PRODUCT)
        ivf.cp.niter = ITERATIONS
        builds["faiss"].append(bench.seconds(lambda: (ivf.train(rows), ivf.add(rows))))  # noqa: B023
    truth = [set(vectors.nearest(rows, query, WANTED).tolist()) for query in queries]

    def ask(n: int, probes: int) -> list[int]:
        bind = {"@c": name, "q": given[n % len(given)], "probes": probes}
        return [int(key) for key in database.aql.execute(APPROXIMATE, bind_vars=bind)]

    def search(n: int, probes: int) -> list[int]:
        parameters = faiss.SearchParametersIVF(nprobe=probes)
        return ivf.search(queries[n % len(queries)][None], WANTED, params=parameters)[1][0].tolist()

    tell(f"approximate search, {size} {kind} vectors")
    variants = {
        (side, probes): lambda n, call=call, probes=probes: call(n, probes)
        for probes in plan.probes
        for side, call in (("server", ask), ("faiss", search))
    }
    with one_faiss_thread():
        times = in_turns(variants, plan.rounds, plan.calls)
    found = []
    for probes in plan.probes:
        row: dict[str, Any] = {"probes": probes}
        for side in ("server", "faiss"):
            hits = [len(truth[n] & set(variants[side, probes](n))) for n in range(len(queries))]
            row[side] = {"ms": times[side, probes], "recall_at_10": sum(hits) / (WANTED * len(queries))}
        found.append(row)
    return {
        "data": kind,
        "documents": size,
        "lists": lists,
        "build_seconds": {side: bench.summary(values) for side, values in builds.items()},
        "searches": found,
    }


# Memory


def memory(plan: Plan, own: TemporaryServer, queries: np.ndarray, tell: Callable[[str], None]) -> dict[str, Any]:
    """What the server holds in memory after a restart, with the greatest collection served, and its files on disk."""
    tell("memory: the server starts again")
    peak_so_far = own.memory()["peak_bytes"]
    own.stop()
    started = own.start()
    steps = {"started": own.memory()}
    database, given = own.connect(DATABASE), queries.tolist()
    bind = {"@c": f"vectors_{plan.sizes[-1]}"}
    first = {}
    for step, query, more in (
        ("exact", NEAREST.format(filter="", what="d"), {}),
        ("approximate", APPROXIMATE, {"probes": plan.probes[-1]}),
    ):
        ask = [{**bind, **more, "q": vector} for vector in given[: 2 * plan.calls]]
        first[step] = bench.seconds(lambda: list(database.aql.execute(query, bind_vars=ask[0])))  # noqa: B023
        for variables in ask:
            list(database.aql.execute(query, bind_vars=variables))
        steps[step] = own.memory()
    return {
        "documents": plan.sizes[-1],
        "start_seconds": started,
        "first_exact_query_seconds": first["exact"],
        "first_approximate_query_seconds": first["approximate"],
        "peak_before_restart_bytes": peak_so_far,
        **steps,
        "disk_bytes": own.disk(),
    }


def tables(report: dict[str, Any]) -> list[Any]:
    """What is printed: the setting, the tables, and what they mean."""
    from workshop.bench import store_tables

    return store_tables.tables(report)
