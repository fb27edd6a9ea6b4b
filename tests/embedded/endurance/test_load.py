"""Eight clients that read and write at once: no errors but conflicts, and a state that adds up."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.support.arango_http import Http
from workshop.arango.temporary import TemporaryServer

CLIENTS, COUNTERS, DIMENSION = 8, 5, 8


class Client:
    """Acts at random and counts what was acknowledged."""

    def __init__(self, server, number):
        self.http = Http(server, "load", timeout=60)
        self.number = number
        self.random = random.Random(number)
        self.serial = 0
        self.mine = {}
        self.increments = Counter()
        self.numbers = []
        self.conflicts = 0
        self.done = Counter()
        self.slowest = 0.0

    def run(self, stop):
        actions = [
            self.increment, self.increment, self.increment_with_revision, self.insert, self.insert_many, self.replace,
            self.remove, self.unique, self.collection_of_my_own,
            self.read, self.count, self.pages, self.nearest, self.traverse,
        ]  # fmt: skip
        with self.http:
            while not stop.is_set() or self.done.total() < 20:  # some of everything on a slow machine, too
                action = self.random.choice(actions)
                began = time.monotonic()
                action()
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.done[action.__name__] += 1

    def call(self, method, path, body=None, **options):
        """The answer, None where it is a conflict; any other error fails the test."""
        answer = self.http(method, path, body, **options)
        content = answer.json()
        if answer.status in (409, 412) and content["errorNum"] == 1200:
            self.conflicts += 1
            return None
        assert answer.status < 300, (method, path, answer)
        return content

    def query(self, text, batch=1000, **variables):
        return self.call("POST", "/_api/cursor", {"query": text, "bindVars": variables, "batchSize": batch})

    # Writing

    def increment(self):
        key = f"c{self.random.randrange(COUNTERS)}"
        if self.query("FOR d IN counters FILTER d._key == @key UPDATE d WITH {n: d.n + 1} IN counters", key=key):
            self.increments[key] += 1

    def increment_with_revision(self):
        key = f"c{self.random.randrange(COUNTERS)}"
        found = self.call("GET", f"/_api/document/counters/{key}")
        headers = {"If-Match": f'"{found["_rev"]}"'}
        if self.call("PATCH", f"/_api/document/counters/{key}", {"n": found["n"] + 1}, headers=headers):
            self.increments[key] += 1

    def fresh(self, count):
        made = []
        for _ in range(count):
            self.serial += 1
            vector = [self.random.random() for _ in range(DIMENSION)]
            made.append({"_key": f"{self.number}_{self.serial}", "owner": self.number, "n": self.serial, "v": vector})
        return made

    def insert(self):
        (document,) = self.fresh(1)
        if self.call("POST", "/_api/document/things", document):
            self.mine[document["_key"]] = document["n"]
            edge = {"_from": f"things/{document['_key']}", "_to": f"things/{self.random.choice(list(self.mine))}"}
            assert self.call("POST", "/_api/document/links", {"owner": self.number, **edge})

    def insert_many(self):
        made = self.fresh(self.random.randrange(2, 50))
        answers = self.call("POST", "/_api/document/things", made)
        assert not any(answer.get("error") for answer in answers)
        self.mine |= {document["_key"]: document["n"] for document in made}

    def replace(self):
        if self.mine:
            (document,) = self.fresh(1)
            key = self.random.choice(list(self.mine))
            if self.call("PUT", f"/_api/document/things/{key}", {**document, "_key": key}):
                self.mine[key] = document["n"]

    def remove(self):
        if self.mine:
            key = self.random.choice(list(self.mine))
            if self.call("DELETE", f"/_api/document/things/{key}"):
                del self.mine[key]

    def unique(self):
        """All try to be the one who has a number; the index lets one through."""
        number = self.random.randrange(200)
        answer = self.http("POST", "/_api/document/unique", {"n": number})
        if answer.status in (201, 202):
            self.numbers.append(number)
        else:
            assert (answer.status, answer.json()["errorNum"]) == (409, 1210), answer

    def collection_of_my_own(self):
        name = f"own_{self.number}"
        self.call("POST", "/_api/collection", {"name": name})
        self.call("POST", f"/_api/document/{name}", {"a": 1})
        assert self.query(f"RETURN LENGTH({name})")["result"] == [1]
        self.call("DELETE", f"/_api/collection/{name}")

    # Reading

    def read(self):
        if self.mine:
            key = self.random.choice(list(self.mine))
            found = self.call("GET", f"/_api/document/things/{key}")
            assert (found["_key"], found["n"], found["owner"]) == (key, self.mine[key], self.number)

    def count(self):
        text = "FOR d IN things FILTER d.owner == @owner COLLECT WITH COUNT INTO n RETURN n"
        assert self.query(text, owner=self.number)["result"] == [len(self.mine)]

    def pages(self):
        """A cursor shows the state at its beginning, whatever is written meanwhile."""
        answer = self.query(
            "FOR d IN things FILTER d.owner == @owner SORT d._key RETURN d._key", batch=100, owner=self.number
        )
        found = answer["result"]
        while answer["hasMore"]:
            answer = self.call("POST", f"/_api/cursor/{answer['id']}")
            found += answer["result"]
        assert sorted(found) == sorted(self.mine)

    def nearest(self):
        vector = [self.random.random() for _ in range(DIMENSION)]
        text = "FOR d IN things SORT COSINE_SIMILARITY(d.v, @v) DESC LIMIT 5 RETURN COSINE_SIMILARITY(d.v, @v)"
        found = self.query(text, v=vector)["result"]
        assert found == sorted(found, reverse=True) and all(score > 0 for score in found)

    def traverse(self):
        if self.mine:
            start = f"things/{self.random.choice(list(self.mine))}"
            text = "FOR v, e IN 1..2 ANY @start links RETURN e._id"
            assert all(each.startswith("links/") for each in self.query(text, start=start)["result"])


def test_eight_clients_at_once(tmp_path, slow):
    with TemporaryServer(tmp_path) as server:
        with Http(server) as http:
            assert http("POST", "/_api/database", {"name": "load"}).status == 201
        with Http(server, "load") as http:
            for name, kind in (("counters", 2), ("things", 2), ("links", 3), ("unique", 2)):
                assert http("POST", "/_api/collection", {"name": name, "type": kind}).status == 200
            assert http("POST", "/_api/document/counters", [{"_key": f"c{n}", "n": 0} for n in range(COUNTERS)]).status < 300
            for collection, field, unique in (("things", "owner", False), ("unique", "n", True)):
                definition = {"type": "persistent", "fields": [field], "unique": unique}
                assert http("POST", f"/_api/index?collection={collection}", definition).status == 201

            clients, stop = [Client(server, number) for number in range(CLIENTS)], threading.Event()

            def work(client):
                try:
                    client.run(stop)
                finally:  # one that fails ends the run
                    stop.set()

            with ThreadPoolExecutor(CLIENTS) as pool:
                futures = [pool.submit(work, client) for client in clients]
                stop.wait(60 if slow else 3)
                stop.set()
                for future in futures:
                    future.result()

            increments = sum((client.increments for client in clients), Counter())
            assert sum(increments.values()) > CLIENTS
            counted = dict(http.aql("FOR d IN counters RETURN [d._key, d.n]"))
            assert counted == {f"c{n}": increments[f"c{n}"] for n in range(COUNTERS)}

            held = http.aql("FOR d IN things RETURN [d._key, d.n]")
            assert sorted(held) == sorted([key, n] for client in clients for key, n in client.mine.items())
            assert http("GET", "/_api/collection/things/count").json()["count"] == len(held)
            unique = http.aql("FOR d IN unique RETURN d.n")
            assert sorted(unique) == sorted(number for client in clients for number in client.numbers)
            assert len(unique) == len(set(unique))
            exact = http.aql("FOR d IN things SORT COSINE_SIMILARITY(d.v, d.v) DESC, d._key LIMIT 1 RETURN 1")
            assert exact == [1] and all(client.slowest < 20 for client in clients)
