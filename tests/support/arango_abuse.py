"""What the tests of abuse send: wrong requests and queries, made at random from a seed, and a client that notes answers."""

import json
import urllib.parse
from http.client import HTTPException

from tests.support.arango_http import Http, superuser
from workshop.arango.embedded import routes as _routes  # noqa: F401  (it registers the handlers)
from workshop.arango.embedded.routing import routes

PATIENCE = 20
"""Seconds that an answer may take."""

EDGES = [{"collection": "links", "from": ["things"], "to": ["things"]}]
QUERY = {
    "query": "FOR d IN things FILTER d.n > @n SORT d.n DESC RETURN d",
    "bindVars": {"n": 3},
    "batchSize": 2,
    "count": True,
    "ttl": 5,
    "cache": False,
    "memoryLimit": 0,
    "options": {
        "fullCount": True,
        "maxRuntime": 5,
        "profile": 1,
        "stream": False,
        "optimizer": {"rules": ["-all"]},
        "failOnWarning": False,
        "maxWarningCount": 3,
    },
}
USER = {"user": "u", "passwd": "p", "active": True, "extra": {"a": 1}}
BODIES = {
    "/_api/cursor": [QUERY],
    "/_api/explain": [QUERY],
    "/_api/query": [QUERY],
    "/_api/collection": [
        {
            "name": "new",
            "type": 2,
            "waitForSync": True,
            "keyOptions": {"type": "autoincrement", "offset": 3, "increment": 2},
            "schema": {"rule": {"properties": {"n": {"type": "number"}}}, "level": "strict", "message": "no"},
            "computedValues": [],
            "isSystem": False,
            "numberOfShards": 1,
        },
        {"name": "other", "waitForSync": False, "schema": None},
    ],
    "/_api/index": [
        {
            "type": "persistent",
            "fields": ["n", "m[*]"],
            "unique": True,
            "sparse": False,
            "name": "i",
            "deduplicate": True,
            "storedValues": ["a"],
        },
        {
            "type": "vector",
            "fields": ["emb"],
            "name": "v",
            "params": {"metric": "l2", "dimension": 3, "nLists": 2, "defaultNProbe": 1, "trainingIterations": 3},
        },
        {"type": "ttl", "fields": ["at"], "expireAfter": 10},
    ],
    "/_api/document": [{"_key": "1", "n": 1, "_rev": "_a"}, [{"_key": "2", "n": {"a": [1]}}, {"_key": "x"}], ["1", "2"]],
    "/_api/import": [[{"_key": "1"}, {"n": 2}], {"_key": "7"}, ["n", "m"]],
    "/_api/gharial": [
        {"name": "g", "edgeDefinitions": EDGES, "orphanCollections": ["alone"], "options": {}},
        {"_from": "things/1", "_to": "things/2", "n": 1},
        {"collection": "links", "from": ["things"], "to": ["things"]},
    ],
    "/_api/user": [USER, {"grant": "rw"}],
    "/_api/database": [
        {"name": "d1", "options": {"sharding": ""}, "users": [{"username": "u", "passwd": "p", "active": True}]}
    ],
    "/_api/simple": [{"collection": "things", "example": {"n": 1}, "skip": 1, "limit": 2, "keys": ["1"], "batchSize": 3}],
    "/_open/auth": [{"username": "root", "password": "wrong"}],
    "": [{"a": 1}],
}
PARAMETERS = (
    "collection", "waitForSync", "returnNew", "returnOld", "overwriteMode", "overwrite", "keepNull", "mergeObjects",
    "ignoreRevs", "silent", "type", "complete", "details", "onDuplicate", "fromPrefix", "toPrefix", "excludeSystem",
    "withStats", "vertex", "direction", "dropCollections", "dropCollection", "full", "onlyget", "rev", "isSystem",
    "withHidden", "force", "createCollection", "batchSize", "limit", "count", "withRevisions", "withData", "serverId",
    "level", "id", "versionAttribute",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 3.5, -0.0, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30, 10**400, 1e308, -1e-320)
WORDS = (
    "", "a", "things", "links", "net", "1", "things/1", "_system", "_graphs", "by_n", "things/by_n", "somebody",
    "root", "any", "true", "in", "\0", "ä€𝔘", "a b", "../..", "a/b/c", "x" * 300, "9" * 40, "-1", "NaN", "{}", "[]",
    "'\"`", "@a", "replace", "update", "*", "rw",
)  # fmt: skip
HEADERS = (
    ("Content-Type", "text/plain"),
    ("Content-Type", "application/x-velocypack"),
    ("Content-Type", "application/json; charset=utf-16"),
    ("Accept", "application/x-velocypack"),
    ("Accept-Encoding", "gzip, deflate, br;q=x"),
    ("Content-Encoding", "gzip"),
    ("Content-Encoding", "br"),
    ("If-Match", '"_x"'),
    ("If-Match", "*"),
    ("If-None-Match", '"'),
    ("X-Arango-Async", "store"),
    ("X-Arango-Trx-Id", "12"),
    ("X-Arango-Version", "x"),
    ("X-Http-Method-Override", "DELETE"),
    ("Expect", "200-nothing"),
    ("X-Arango-Allow-Dirty-Read", "true"),
    ("X-Long", "y" * 20_000),
    ("X-Latin", "caf\xe9"),
    ("Range", "bytes=5-1"),
    ("Cookie", "a" * 4000),
)
NO_JSON = (
    '{"a":', "[1,]", "NaN", '{"n": NaN}', '{"n": 1e999}', '"\\ud800"', '{"\\udc00": 1}', "{'a': 1}", "{}{}", "", " ", "\n\n",
    "\ufeff{}", '{"_key": "a"}\n{"_key"', "0" * 5000, "[" * 20_000, '{"a":' * 500 + "1" + "}" * 500, "[" * 5000 + "]" * 5000,
)  # fmt: skip


def value(choose, depth=0):
    """Any JSON value."""
    kind = choose.randrange(12 if depth < 3 else 8)
    if kind < 3:
        return choose.choice(NUMBERS)
    if kind < 6:
        return choose.choice(WORDS)
    if kind < 8:
        return choose.choice((None, True, False, [], {}))
    if kind < 10:
        return [value(choose, depth + 1) for _ in range(choose.randrange(4))]
    names = (*WORDS, "_key", "_id", "_rev", "_from", "_to", "n", "name", "query")
    return {choose.choice(names): value(choose, depth + 1) for _ in range(choose.randrange(4))}


def mutated(choose, given):
    """A JSON value with one place in it changed, removed or added."""
    if isinstance(given, dict) and given and choose.random() < 0.85:
        made, name = dict(given), choose.choice(sorted(given))
        if choose.random() < 0.15:
            del made[name]
        else:
            made[name] = mutated(choose, given[name])
        return made
    if isinstance(given, list) and given and choose.random() < 0.85:
        made, place = list(given), choose.randrange(len(given))
        made[place] = mutated(choose, given[place])
        return made
    if isinstance(given, dict) and choose.random() < 0.3:
        return {**given, choose.choice(WORDS): value(choose)}
    return value(choose)


def random_body(choose, path):
    known = next(bodies for prefix, bodies in BODIES.items() if path.startswith(prefix))
    kind = choose.random()
    if kind < 0.55:
        text = json.dumps(mutated(choose, choose.choice(known)), ensure_ascii=choose.random() < 0.5)
    elif kind < 0.7:
        text = json.dumps(choose.choice(known))
    elif kind < 0.85:
        text = json.dumps(value(choose))
    else:
        text = choose.choice(NO_JSON)
    body = text.encode("utf-8", "surrogatepass")
    if choose.random() < 0.1:
        place = choose.randrange(len(body) + 1)
        body = body[:place] + choose.choice((b"\xff", b"\xc3", b"\x00", b"\xed\xa0\x80")) + body[place:]
    return body


def random_path(choose, template):
    parts = [""]
    for part in template.split("/")[1:]:
        if part == "{}":
            part = urllib.parse.quote(choose.choice(WORDS), safe="")
        elif choose.random() < 0.02:
            part = choose.choice(("", "%00", "%FF", "..", "%2F", "%E2%82", "x" * 5000, "%"))
        parts.append(part)
    path = "/".join(parts)
    if choose.random() < 0.1:
        path = f"/_db/{urllib.parse.quote(choose.choice(WORDS), safe='')}{path}"
    pairs = []
    for _ in range(choose.choice((0, 0, 1, 1, 2, 3))):
        given = choose.choice((*WORDS, *map(str, NUMBERS)))
        pairs.append((choose.choice(PARAMETERS), given))
    if "/index" in path or "/import" in path:
        pairs.append(("collection", "things"))
    query = urllib.parse.urlencode(pairs)
    if choose.random() < 0.03:
        query += choose.choice(("&%FF=1", "&=&=&", "&a=%", "?&?", "&collection=%C3"))
    return path + (f"?{query}" if query else "")


QUERIES = (
    "FOR d IN things FILTER d.n >= @a && d.text LIKE 'num%' SORT d.n DESC, d._key LIMIT 2, 5 RETURN {d, n: d.n * 2 + 1}",
    "LET a = (FOR i IN 1..10 RETURN i % 3 == 0 ? null : i ** 2) "
    "RETURN [SUM(a), a[*], a[* FILTER CURRENT > 3 LIMIT 2 RETURN CURRENT], a[-1]]",
    "FOR d IN things COLLECT g = d.n % 3 AGGREGATE s = SUM(d.n), m = MAX(d.text) OPTIONS {method: 'sorted'} RETURN {g, s}",
    "FOR d IN things LET a = d.n COLLECT g = d.n % 3 INTO part KEEP a RETURN {g, all: part[*].a}",
    "FOR v, e, p IN 1..3 OUTBOUND 'things/1' links PRUNE v.n > 20 OPTIONS {order: 'bfs', uniqueVertices: 'global'} "
    "FILTER p.edges[*].x ALL == null RETURN p",
    "FOR v IN ANY SHORTEST_PATH @b TO 'things/3' GRAPH 'net' RETURN v._key",
    "FOR p IN 1..4 OUTBOUND K_PATHS 'things/1' TO 'things/7' links LIMIT 3 RETURN LENGTH(p.vertices)",
    "FOR d IN things UPDATE d WITH {n: d.n, o: {a: OLD.n}} IN things OPTIONS {keepNull: false} RETURN NEW",
    "UPSERT {_key: 'x'} INSERT {_key: 'x', c: 1} UPDATE {c: OLD.c + 1} IN things RETURN {a: OLD, b: NEW}",
    "FOR d IN things SORT COSINE_SIMILARITY(d.emb, @c) DESC LIMIT 3 RETURN d._key",
    "FOR d IN things SORT APPROX_NEAR_COSINE(d.emb, @c, {nProbe: 2}) DESC LIMIT 3 RETURN d._key",
    "WITH things FOR d IN @@e INSERT {a: d} INTO things LET x = NEW RETURN DISTINCT x.a.b.c[0]",
    "RETURN CONCAT(@a, SUBSTRING('hello', @d, 2), REGEX_REPLACE('abc', '(b)', '$1$1'), DATE_FORMAT(0, '%yyyy'))",
    "FOR i IN 1..3 FOR j IN [1, 2, {a: @a}] FILTER i NOT IN [2] AND j != null OR !i RETURN {[CONCAT('k', i)]: j, ...{z: 1}}",
    "FOR d IN things WINDOW {preceding: 1, following: 2} AGGREGATE r = AVG(d.n) RETURN r",
    "FOR d IN things REPLACE d._key WITH {n: 1} IN things OPTIONS {ignoreErrors: true} FILTER NEW.n IN 0..5 RETURN 1",
    "FOR d IN things FILTER d.n IN [1, 2] REMOVE d IN things LET gone = OLD RETURN gone",
)  # fmt: skip
TOKENS = (
    "FOR", "IN", "RETURN", "FILTER", "LET", "SORT", "LIMIT", "COLLECT", "INTO", "UPDATE", "REMOVE", "WITH", "(", ")",
    "[", "]", "{", "}", ",", ":", "::", "..", "...", "==", "=", "=~", "?", "??", "*", "**", "-", "!", "@", "@@", "@a",
    "@@e", "@zz", "'", "\"", "`", "´", "//", "/*", "*/", "null", "1e999", "999999999999999999999", "0x", "0b12",
    "0xFFFFFFFFFFFFFFFFF", "-1", "1.", ".5", "d", "CURRENT", "OLD", "NEW", "NOOPT(1)", "things", "nothing", "FN(1)",
    "LENGTH()", "DOCUMENT(1)", "ALL", "NONE", "AT LEAST (2)", "OUTBOUND", "GRAPH", "\\", "\0", "ä", "€", "𝔘", ";",
    "#", "APPLY('SUM', [1])", "CALL('X')", "V8(1)", "PARSE_IDENTIFIER(@a)", "SLEEP(0)", "FAIL('x')",
    "ASSERT(false, 'x')", "WARN(false, 'y')",
)  # fmt: skip


def mutated_query(choose):
    words = choose.choice(QUERIES).split(" ")
    for _ in range(choose.choice((0, 1, 1, 2, 3))):
        place, kind = choose.randrange(len(words)), choose.randrange(5)
        if kind == 0:
            del words[place]
        elif kind == 1:
            words.insert(place, choose.choice(TOKENS))
        elif kind == 2:
            words[place] = choose.choice(TOKENS)
        elif kind == 3:
            words[place : place + 1] = choose.choice(QUERIES).split(" ")[: choose.randrange(1, 9)]
        else:
            text, cut = words[place], choose.randrange(len(words[place]) + 1)
            words[place] = text[:cut] + choose.choice(TOKENS) + text[cut + 1 :]
        words = words or [""]
    return " ".join(words)


def registered():
    """All (method, path) that the server knows; paths with {} for what varies."""
    found = []

    def walk(node, path):
        for methods, end in ((node.handlers, ""), (node.rest, "/{}/{}")):
            found.extend((method, path + end) for method in methods)
        for name, child in node.children.items():
            walk(child, f"{path}/{name}")
        if node.parameter is not None:
            walk(node.parameter, f"{path}/{{}}")

    walk(routes._root, "")
    return sorted(found)


class Abuser:
    """Sends requests as a superuser over one connection, and notes what was answered with a 500 or not at all."""

    def __init__(self, server):
        self.http = Http(server, None, token=superuser(server), timeout=PATIENCE)
        self.wrong = []
        self.statuses = set()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.http.close()

    def send(self, method, path, body=None, headers=None):
        try:
            answer = self.http(method, path, data=body, headers=headers)
        except (OSError, HTTPException) as error:
            self.note(method, path, body, f"{type(error).__name__}: {error}")
            return None, None
        status, content = answer.status, answer.content
        self.statuses.add(status)
        if (status, content) == (400, b"Invalid HTTP request received."):  # it got no further than to the parser of HTTP
            return status, None
        try:
            content = json.loads(content) if content else None
        except ValueError:
            self.note(method, path, body, f"{status}, not JSON: {content[:200]}")
        if status >= 500 and status != 501:
            self.note(method, path, body, f"{status} {content}")
        elif status >= 400 and method != "HEAD" and not (isinstance(content, dict) and content.get("code") == status):
            self.note(method, path, body, f"{status} without an error in the body: {content}")
        return status, content

    def note(self, method, path, body, what):
        self.wrong.append(f"{method} {path[:300]} {(body or b'')[:600]!r}\n    -> {what[:400]}")

    def check(self):
        assert not self.wrong, f"{len(self.wrong)} wrong answers\n" + "\n".join(self.wrong[:12])
        assert self.http("POST", "/_api/cursor", {"query": "RETURN 1"}).json()["result"] == [1]


def prepare(server):
    """Collections, a graph, an index and a user to be abused, put back where they are gone."""
    with Http(server, token=superuser(server)) as client:
        for name, kind in (("things", 2), ("links", 3)):
            client("POST", "/_api/collection", {"name": name, "type": kind})
        documents = [{"_key": str(n), "n": n, "text": f"number {n}", "emb": [n / 7, 1, -n]} for n in range(30)]
        client("POST", "/_api/document/things?overwriteMode=replace", documents)
        edges = [{"_key": str(n), "_from": f"things/{n}", "_to": f"things/{n * 7 % 30}"} for n in range(30)]
        client("POST", "/_api/document/links?overwriteMode=replace", edges)
        client("POST", "/_api/index?collection=things", {"type": "persistent", "fields": ["n"], "name": "by_n"})
        parameters = {"metric": "cosine", "dimension": 3, "nLists": 2}
        definition = {"type": "vector", "fields": ["emb"], "name": "near", "params": parameters}
        client("POST", "/_api/index?collection=things", definition)
        client("POST", "/_api/gharial", {"name": "net", "edgeDefinitions": EDGES})
        client("POST", "/_api/user", {"user": "somebody", "passwd": "p"})
