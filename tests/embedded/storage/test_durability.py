"""A server that is killed in the midst of writes holds, started again, what it acknowledged, and nothing by halves."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from tests.support.arango_http import GONE, Http
from workshop.arango.temporary import TemporaryServer
from workshop.errors import WorkshopError

WRITERS = 2


class Writer:
    """Writes to a collection of its own, one request after the other, and keeps a journal.

    `sure` is what the collection must hold, {key: (n, unique)}, `maybe` what it may hold instead: the state after the one
    request that is under way, or was when the server went away.
    """

    def __init__(self, server, number, seed):
        self.server = server
        self.name = f"journal_{number}"
        self.random = random.Random(seed)
        self.sure, self.maybe = {}, None
        self.serial = 0
        self.acknowledged = {action.__name__: 0 for action in self.actions()}

    def actions(self):
        return [self.single, self.bulk, self.imported, self.inserted_by_query, self.updated, self.removed, self.removed_many]

    def create(self, http):
        http("POST", "/_api/collection", {"name": self.name})
        for field, unique in (("n", False), ("u", True)):
            definition = {"type": "persistent", "fields": [field], "unique": unique, "name": f"by_{field}"}
            assert http("POST", f"/_api/index?collection={self.name}", definition).status == 201

    def write(self, limit=1_000_000_000):
        """Write until the server is gone, or a number of times."""
        with Http(self.server, timeout=30) as http:
            try:
                for _ in range(limit):
                    action = self.random.choice(self.actions())
                    method, path, body, after = action()
                    self.maybe = after
                    answer = http(method, path, body)
                    assert answer.status in (200, 201, 202), answer
                    if isinstance(content := answer.json(), list):
                        assert not any(each.get("error") for each in content), content
                    self.sure, self.maybe = after, None
                    self.acknowledged[action.__name__] += 1
            except GONE:
                pass

    def fresh(self, count):
        made = []
        for _ in range(count):
            self.serial += 1
            made.append({"_key": f"k{self.serial}", "n": self.serial % 10, "u": self.serial})
        return made, {**self.sure, **{each["_key"]: (each["n"], each["u"]) for each in made}}

    def query(self, text, after, **variables):
        return "POST", "/_api/cursor", {"query": text, "bindVars": {"@c": self.name, **variables}}, after

    def single(self):
        made, after = self.fresh(1)
        return "POST", f"/_api/document/{self.name}", made[0], after

    def bulk(self):
        made, after = self.fresh(self.random.randrange(2, 200))
        return "POST", f"/_api/document/{self.name}", made, after

    def imported(self):
        made, after = self.fresh(self.random.randrange(2, 200))
        return "POST", f"/_api/import?collection={self.name}&type=list&complete=true", made, after

    def inserted_by_query(self):
        made, after = self.fresh(self.random.randrange(2, 200))
        return self.query("FOR d IN @made INSERT d INTO @@c", after, made=made)

    def updated(self):
        after = {key: (n + 10, u) for key, (n, u) in self.sure.items()}
        return self.query("FOR d IN @@c UPDATE d WITH {n: d.n + 10} IN @@c", after)

    def removed(self):
        if not self.sure:
            return self.single()
        key = self.random.choice(sorted(self.sure))
        after = {each: value for each, value in self.sure.items() if each != key}
        return "DELETE", f"/_api/document/{self.name}/{key}", None, after

    def removed_many(self):
        digit = self.random.randrange(10)
        after = {key: (n, u) for key, (n, u) in self.sure.items() if u % 10 != digit}
        return self.query("FOR d IN @@c FILTER d.u % 10 == @digit REMOVE d IN @@c", after, digit=digit)

    def check(self, http):
        """Compare what the server holds with the journal, its indexes and counts with its documents."""
        held = {key: (n, u) for key, n, u in http.aql(f"FOR d IN {self.name} RETURN [d._key, d.n, d.u]")}
        if held != self.sure:
            assert self.maybe is not None and held == self.maybe, (
                f"{self.name}: {len(held)} documents; acknowledged were {len(self.sure)}, "
                f"with the last request {len(self.maybe or ())}"
            )
        self.sure, self.maybe = held, None
        assert http("GET", f"/_api/collection/{self.name}/count").json()["count"] == len(held)
        assert http.aql(f"RETURN LENGTH({self.name})") == [len(held)]
        values = sorted(u for _, u in held.values())
        found = http.aql(f"FOR u IN @values FOR d IN {self.name} FILTER d.u == u RETURN [d._key, d.u]", values=values)
        assert found == [[f"k{u}", u] for u in values]
        gone = sorted(set(range(1, self.serial + 1)) - set(values))[:200]
        assert http.aql(f"FOR u IN @gone FOR d IN {self.name} FILTER d.u == u RETURN u", gone=gone) == []
        numbers = sorted({n for n, _ in held.values()})
        query = f"FOR n IN @numbers RETURN LENGTH(FOR d IN {self.name} FILTER d.n == n RETURN 1)"
        assert sum(http.aql(query, numbers=numbers)) == len(held)
        if values:
            http.error("POST", f"/_api/document/{self.name}", {"u": values[0]}, status=409, number=1210)
            http.error("POST", f"/_api/document/{self.name}", {"_key": f"k{values[0]}"}, status=409, number=1210)


def test_what_was_acknowledged_survives_a_kill(tmp_path, slow):
    choose = random.Random(20)
    server = TemporaryServer(tmp_path)
    writers = [Writer(server, number, seed=number) for number in range(WRITERS)]
    undecided = 0
    try:
        server.start()
        with Http(server) as http:
            for writer in writers:
                writer.create(http)
        for _ in range(50 if slow else 3):
            with ThreadPoolExecutor(WRITERS) as pool:
                futures = [pool.submit(writer.write) for writer in writers]
                wait(futures, choose.uniform(0.1, 1.0))
                server.kill()
                for future in futures:
                    future.result()
            undecided += sum(writer.maybe is not None for writer in writers)
            assert server.start() < 10
            with Http(server) as http:
                for writer in writers:
                    writer.check(http)
    finally:
        server.stop()
    for name in writers[0].acknowledged:
        assert not slow or sum(writer.acknowledged[name] for writer in writers) >= 10, name
    assert undecided, "no request was under way when the server was killed"


def test_kills_while_collections_come_and_go(tmp_path, slow):
    """A collection with its index is there whole or not at all; the server starts with either."""
    choose = random.Random(21)
    server = TemporaryServer(tmp_path)
    steps = ("create", "index", "fill", "drop")
    try:
        server.start()
        for kill in range(10 if slow else 2):
            done = []

            def work(kill=kill, done=done):
                with Http(server, timeout=30) as http:
                    try:
                        for number in range(1_000_000):
                            name = f"c_{kill}_{number}"
                            calls = {
                                "create": ("POST", "/_api/collection", {"name": name}),
                                "index": (
                                    "POST",
                                    f"/_api/index?collection={name}",
                                    {"type": "persistent", "fields": ["u"], "unique": True},
                                ),
                                "fill": ("POST", f"/_api/document/{name}", [{"u": value} for value in range(20)]),
                                "drop": ("DELETE", f"/_api/collection/{name}", None),
                            }
                            for step in steps:
                                answer = http(*calls[step])
                                assert answer.status in (200, 201, 202), answer
                                done.append((name, step))
                    except GONE:
                        pass

            thread = threading.Thread(target=work)
            thread.start()
            thread.join(choose.uniform(0.1, 0.5))
            server.kill()
            thread.join()
            assert done
            assert server.start() < 10
            name, step = done[-1]
            with Http(server) as http:
                present = [c["name"] for c in http("GET", "/_api/collection?excludeSystem=true").json()["result"]]
                number = int(name.rpartition("_")[2])
                assert set(present) <= {name, f"c_{kill}_{number + 1}"}
                if step in ("create", "index"):
                    assert name in present
                    assert http.aql(f"RETURN LENGTH({name})")[0] in ((0, 20) if step == "index" else (0,))
                    indexes = http("GET", f"/_api/index?collection={name}").json()["indexes"]
                    assert len(indexes) in ((2,) if step == "index" else (1, 2))
                for left in present:
                    assert http("DELETE", f"/_api/collection/{left}").status == 200
    finally:
        server.stop()


def test_a_data_folder_serves_one_server_at_a_time(tmp_path):
    with TemporaryServer(tmp_path / "first") as server:
        second = TemporaryServer(tmp_path / "second")
        second.data = server.data
        with pytest.raises(WorkshopError, match="in use by another server"):
            second.start()
        assert server.available()


def test_orderly_end_and_new_start_keep_everything(tmp_path):
    server = TemporaryServer(tmp_path)
    writer = Writer(server, 0, seed=5)
    try:
        server.start()
        with Http(server) as http:
            writer.create(http)
        writer.write(20)
        assert sum(writer.acknowledged.values()) == 20 and writer.maybe is None
        server.process.terminate()
        assert server.process.wait(20) == 0
        server.process = None
        server.start()
        with Http(server) as http:
            writer.check(http)
    finally:
        server.stop()
