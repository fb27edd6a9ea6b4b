"""Requests and queries that no sane client sends: each gets an error that says so, none ends or stops the server."""

import base64
import gzip
import json
import random
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from tests.support.arango_abuse import (
    BODIES,
    HEADERS,
    PATIENCE,
    Abuser,
    mutated_query,
    prepare,
    random_body,
    random_path,
    registered,
    value,
)
from tests.support.arango_http import Http, basic, superuser, token
from tests.support.arango_server import running_server
from workshop.arango.embedded.aql.functions import FUNCTIONS

OPEN = ("/_open/auth", "/_admin/server/availability")
TAKERS = (
    ("POST", "/_api/cursor"),
    ("POST", "/_api/explain"),
    ("POST", "/_api/query"),
    ("POST", "/_api/collection"),
    ("PUT", "/_api/collection/things/properties"),
    ("PUT", "/_api/collection/things/rename"),
    ("POST", "/_api/index?collection=things"),
    ("POST", "/_api/document/things"),
    ("PATCH", "/_api/document/things"),
    ("PUT", "/_api/document/things/1"),
    ("DELETE", "/_api/document/things"),
    ("POST", "/_api/import?collection=things&type=auto"),
    ("POST", "/_api/gharial"),
    ("POST", "/_api/gharial/net/edge/links"),
    ("POST", "/_api/gharial/net/edge"),
    ("POST", "/_api/user"),
    ("PATCH", "/_api/user/somebody"),
    ("PUT", "/_api/user/somebody/database/_system"),
    ("POST", "/_api/database"),
    ("PUT", "/_api/simple/all"),
    ("PUT", "/_api/simple/by-example"),
    ("PUT", "/_api/simple/lookup-by-keys"),
    ("POST", "/_open/auth"),
)
"""What takes a body."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("abuse")) as running:
        yield running


@pytest.fixture(scope="module")
def count(slow):
    return 1000 if slow else 150


def test_random_requests(server, count):
    choose = random.Random(3)
    known = [each for each in registered() if "shutdown" not in each[1]]
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO")
    with Abuser(server) as abuser:
        for number in range(count):
            if number % 25 == 0:
                prepare(server)
            method, template = choose.choice(known)
            method = method if method != "*" and choose.random() < 0.9 else choose.choice(methods)
            body = random_body(choose, template) if method not in ("GET", "HEAD") or choose.random() < 0.1 else None
            headers = dict([choose.choice(HEADERS)]) if choose.random() < 0.25 else {}
            if headers.get("Content-Encoding") == "gzip" and body and choose.random() < 0.7:
                body = gzip.compress(body)[: choose.choice((None, 12, -3))]
            abuser.send(method, random_path(choose, template), body, headers)
        assert {200, 400, 404, 405} <= abuser.statuses
        abuser.check()


def test_every_parameter_of_every_body_with_every_type(server, slow):
    """All places of the bodies that the server knows, each with wrong types in turn."""
    choose = random.Random(4)
    values = (None, True, -1, 3.5, 10**30, "", "ä\0", [], [1], {}, {"a": 1})
    cases = []
    for method, path in TAKERS:
        for body in next(bodies for prefix, bodies in BODIES.items() if path.startswith(prefix)):
            for inner in [body, *[part for part in getattr(body, "values", list)() if isinstance(part, dict) and part]]:
                if isinstance(inner, dict):
                    for name in inner:
                        for given in values:
                            changed = {**inner, name: given}
                            if inner is not body:
                                changed = {key: changed if part is inner else part for key, part in body.items()}
                            cases.append((method, path, changed))
            cases += [(method, path, given) for given in values]
    with Abuser(server) as abuser:
        for number, (method, path, body) in enumerate(cases if slow else choose.sample(cases, 400)):
            if number % 50 == 0:
                prepare(server)
            abuser.send(method, path, json.dumps(body).encode())
        abuser.check()


def test_mutated_queries(server, count):
    choose = random.Random(5)
    with Abuser(server) as abuser:
        for number in range(count * 2):
            if number % 50 == 0:
                prepare(server)
            usual = {"a": 3, "b": "things/1", "c": [1, 2, 3], "d": 1, "@e": "things"}
            text = mutated_query(choose)
            bind = {name: given for name, given in usual.items() if f"@{name}" in text}
            for name in list(bind):
                if choose.random() < 0.4:
                    bind[name] = value(choose)
            body = {"query": text, "bindVars": bind, "options": {"maxRuntime": 10}}
            status, _ = abuser.send("POST", "/_api/cursor", json.dumps(body).encode())
            if status == 201 and choose.random() < 0.3:
                abuser.send("POST", "/_api/explain", json.dumps(body).encode())
        assert {201, 400} <= abuser.statuses
        abuser.check()


def test_deep_and_long_queries(server):
    texts = [
        "RETURN " + "(" * 5000 + "1" + ")" * 5000,
        "RETURN " + "[" * 3000 + "]" * 3000,
        "RETURN " + "{a:" * 3000 + "1" + "}" * 3000,
        "RETURN " + "-" * 5000 + "1",
        "RETURN " + "!" * 5000 + "1",
        "RETURN " + " + ".join(["1"] * 3000),
        "RETURN " + "1 ? " * 1000 + "1" + " : 2" * 1000,
        "RETURN " + "NOT_NULL(" * 1000 + "1" + ")" * 1000,
        "RETURN " + "(RETURN " * 300 + "1" + ")" * 300,
        "FOR i IN 1..1 " * 300 + "RETURN 1",
        "RETURN a" + ".b" * 3000,
        "RETURN [" + ",".join(["1"] * 100_000) + "]",
        "RETURN '" + "x" * 3_000_000 + "'",
        "LET x = 1 " * 3000 + "RETURN x",
        "".join(f"LET x{n} = {n} " for n in range(2000)) + "RETURN x1",
        "RETURN " + "9" * 5000,
        "RETURN 1" + "0" * 400 + " * 2",
        "RETURN 1e400",
        "RETURN 2 ** 2 ** 2 ** 2 ** 2 ** 2",
        "RETURN 9223372036854775807 + 9223372036854775807",
        "RETURN RANGE(0, 1e18)",
        "RETURN LENGTH(0..100000000000)",
        "FOR i IN 0..1e300 LIMIT 1 RETURN i",
        "RETURN REPEAT('x', 1e12)",
        "RETURN REGEX_TEST(REPEAT('a', 40), '^(a+)+$')",
        "RETURN SUBSTRING('abc', 1e300, -1e300)",
        "RETURN RANDOM_TOKEN(1e9)",
        "RETURN PERMUTATIONS(0..20)",
        "RETURN DATE_ADD(0, 1e300, 'years')",
        "RETURN DATE_TIMESTAMP(1e300, 99, 99)",
        "RETURN PADL('x', 1e15)",
        "RETURN FLATTEN([[[1]]], 1e300)",
        "RETURN [1, 2][1e300]",
        "RETURN NTH([1], -1e300)",
        "FOR v IN 1..1e9 OUTBOUND 'things/1' links RETURN v",
        "FOR d IN things LIMIT 1e300 RETURN d",
        "FOR d IN things LIMIT -1 RETURN d",
        "FOR d IN things LIMIT 9223372036854775807, 9223372036854775807 RETURN d",
    ]
    prepare(server)
    with Abuser(server) as abuser:
        for text in texts:
            began = time.monotonic()
            body = {"query": text, "options": {"maxRuntime": 3}}
            abuser.send("POST", "/_api/cursor", json.dumps(body).encode())
            if time.monotonic() - began > 10:
                abuser.note("POST", "/_api/cursor", text.encode(), f"took {time.monotonic() - began:.0f} s")
        abuser.check()


def test_others_are_answered_while_a_regular_expression_runs_for_long(server, slow):
    if not slow:
        pytest.skip("takes as long as a search may take")
    text = "RETURN REGEX_TEST(CONCAT(REPEAT('a', 60), 'b'), '^(a|a)*$')"
    client = Http(server, token=superuser(server), timeout=3 * PATIENCE)
    with ThreadPoolExecutor(1) as pool, Abuser(server) as abuser, client:
        long = pool.submit(client, "POST", "/_api/cursor", {"query": text})
        answered = 0
        while not long.done():
            abuser.send("POST", "/_api/cursor", b'{"query": "RETURN 1"}')
            answered += 1
        assert long.result().status in (201, 400) and answered > 10
        abuser.check()


def test_functions_with_arguments_of_all_types(server, slow):
    choose = random.Random(6)
    pool = (None, True, False, 0, -1, 2, 1.5, 2**53, 1e18, "", "a", "things/1", "2020-01-01", "%", "[",
            "äöü", [], [1, "a", None], [[1], [2]], {},
            {"a": 1, "b": {"c": [1]}}, ["things/1"], [3, 1, 2], "P1Y", "day", "md5")  # fmt: skip
    names = [name for name in sorted(FUNCTIONS) if name not in ("SLEEP",)]
    assert len(names) > 100
    prepare(server)
    with Abuser(server) as abuser:
        for name in names:
            entry = FUNCTIONS[name]
            most = entry.least + 3 if entry.most is None else entry.most
            for _ in range(12 if slow else 2):
                arguments = [choose.choice(pool) for _ in range(choose.randint(entry.least, most))]
                variables = {f"v{n}": given for n, given in enumerate(arguments)}
                text = f"RETURN {name}({', '.join(f'@{each}' for each in variables)})"
                body = {"query": text, "bindVars": variables, "options": {"maxRuntime": 5}}
                abuser.send("POST", "/_api/cursor", json.dumps(body).encode())
        abuser.check()


def raw_messages(authorization):
    """Bytes that are no proper HTTP request, or that end too early."""
    known = f"Host: x\r\nAuthorization: {authorization}\r\n".encode()
    query = b'{"query": "RETURN 1"}'
    post = b"POST /_api/cursor HTTP/1.1\r\n" + known
    return {
        "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        "velocystream": b"VST/1.1\r\n\r\n" + bytes(100),
        "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "no version": b"GET /_api/version\r\n\r\n",
        "odd version": b"GET /_api/version HTTP/9.9\r\n" + known + b"\r\n",
        "old version": b"GET /_api/version HTTP/1.0\r\n" + known + b"\r\n",
        "lone line feeds": b"GET /_api/version HTTP/1.1\n" + known.replace(b"\r\n", b"\n") + b"\n",
        "no host": b"GET /_api/version HTTP/1.1\r\n\r\n",
        "absolute": b"GET http://elsewhere:1/_api/version HTTP/1.1\r\n" + known + b"\r\n",
        "asterisk": b"OPTIONS * HTTP/1.1\r\n" + known + b"\r\n",
        "no slash": b"GET _api/version HTTP/1.1\r\n" + known + b"\r\n",
        "latin path": b"GET /_api/\xe4\xff HTTP/1.1\r\n" + known + b"\r\n",
        "blank path": b"GET  HTTP/1.1\r\n" + known + b"\r\n",
        "connect": b"CONNECT x:1 HTTP/1.1\r\n" + known + b"\r\n",
        "strange method": b"F\x00O /_api/version HTTP/1.1\r\n" + known + b"\r\n",
        "zero in a header": b"GET /_api/version HTTP/1.1\r\nX: a\x00b\r\n" + known + b"\r\n",
        "header without colon": b"GET /_api/version HTTP/1.1\r\nnothing\r\n" + known + b"\r\n",
        "folded header": b"GET /_api/version HTTP/1.1\r\n" + known + b"X: a\r\n b\r\n\r\n",
        "many headers": b"GET /_api/version HTTP/1.1\r\n" + known + b"X: y\r\n" * 5000 + b"\r\n",
        "long header": b"GET /_api/version HTTP/1.1\r\n" + known + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        "long path": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + known + b"\r\n",
        "length is no number": post + b"Content-Length: ten\r\n\r\n" + query,
        "length is negative": post + b"Content-Length: -5\r\n\r\n" + query,
        "length is giant": post + b"Content-Length: 99999999999999999999999\r\n\r\n" + query,
        "length is large": post + b"Content-Length: 99999999999\r\n\r\n" + query,
        "length too short": post + b"Content-Length: 5\r\n\r\n" + query,
        "length too long": post + b"Content-Length: 500\r\n\r\n" + query,
        "two lengths": post + b"Content-Length: 21\r\nContent-Length: 5\r\n\r\n" + query,
        "length and chunks": post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n" + query + b"\r\n0\r\n",
        "broken chunk": post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + query + b"\r\n0\r\n\r\n",
        "chunk cut off": post + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n" + query,
        "other transfer encoding": post + b"Transfer-Encoding: gzip\r\n\r\n" + query,
        "expects": post + b"Expect: 100-continue\r\nContent-Length: 21\r\n\r\n" + query,
        "upgrade": b"GET /_api/version HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + known + b"\r\n",
        "pipelined": (b"GET /_api/version HTTP/1.1\r\n" + known + b"\r\n") * 50,
        "headers cut off": b"GET /_api/version HTTP/1.1\r\nHost",
        "nothing": b"",
    }  # fmt: skip


def test_messages_that_are_no_http(server):
    wrong = []
    for name, message in raw_messages("bearer " + superuser(server)).items():
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
            answer = b""
            try:
                connection.sendall(message)
                if not select.select([connection], [], [], 0.2)[0]:  # it waits for more, which will not come
                    connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(65536):
                    answer += piece
                    if not select.select([connection], [], [], 0.05)[0]:
                        break
            except TimeoutError:
                if not answer:
                    wrong.append(f"{name}: no answer and no end")
            except ConnectionError:
                pass
        status = answer.split(b" ", 2)[1] if answer.startswith(b"HTTP/1.") else b""
        if answer and not (status.startswith((b"1", b"2", b"4")) or status == b"501"):
            wrong.append(f"{name}: {answer[:300]}")
        assert server.available(), name
    assert not wrong, "\n".join(wrong)


# Authentication


def unsigned(claims):
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def test_who_may_not_gets_401_everywhere(server):
    now, secret = int(time.time()), server.jwt_secret
    root = {"preferred_username": "root"}
    good = token(secret, **root, exp=now + 60)
    head, claims, signature = good.split(".")
    other = base64.urlsafe_b64encode(json.dumps({"iss": "arangodb", "preferred_username": "root", "x": 1}).encode())
    refused = {
        "nobody": None,
        "wrong password": basic("root", "wrong"),
        "empty password": basic("root", ""),
        "unknown user": basic("nobody", server.password),
        "password as user": basic(server.password, "root"),
        "no colon": "Basic " + base64.b64encode(b"root").decode(),
        "no base64": "Basic ???",
        "empty basic": "Basic",
        "other scheme": f"Digest {server.password}",
        "empty": "",
        "other secret": f"bearer {token('another secret that is long enough', **root)}",
        "expired": f"bearer {token(secret, **root, exp=now - 60)}",
        "expired superuser": f"bearer {token(secret, server_id='x', exp=now - 60)}",
        "alg none": "bearer " + unsigned({"iss": "arangodb", "preferred_username": "root"}),
        "alg none superuser": "bearer " + unsigned({"iss": "arangodb", "server_id": "x"}),
        "other issuer": "bearer " + jwt.encode({"iss": "somebody", **root}, secret, algorithm="HS256"),
        "no issuer": "bearer " + jwt.encode(root, secret, algorithm="HS256"),
        "other algorithm": "bearer " + jwt.encode({"iss": "arangodb", **root}, secret, algorithm="HS384"),
        "no user": f"bearer {token(secret)}",
        "unknown user in token": f"bearer {token(secret, preferred_username='nobody')}",
        "no signature": f"bearer {head}.{claims}.",
        "other claims": f"bearer {head}.{other.rstrip(b'=').decode()}.{signature}",
        "no token": "bearer x.y.z",
    }
    paths = sorted({(method if method != "*" else "GET", path.replace("{}", "x")) for method, path in registered()})
    paths = [each for each in paths if each[1] not in OPEN]
    assert len(paths) > 80
    paths += [("GET", "/"), ("GET", "/_api/nothing"), ("GET", "/_db/none/_api/version"), ("POST", "/_db/x/_api/cursor")]
    wrong = []
    nobody = Http(server, None, user=None, timeout=PATIENCE)
    some = random.Random(7).sample(paths, 6)
    for name, header in refused.items():
        for method, path in paths if name in ("nobody", "alg none superuser") else some:
            if path.startswith("/_open/"):
                continue
            answer = nobody(method, path, headers={} if header is None else {"Authorization": header})
            if answer.status != 401 or (answer.content and answer.json()["code"] != 401):
                wrong.append(f"{name}: {method} {path} -> {answer.status} {answer.content[:100]}")
    nobody.close()
    assert not wrong, "\n".join(wrong[:20])
    with Http(server) as client:
        assert client("GET", "/_api/version").status == 200


def test_what_answers_without_credentials(server):
    with Http(server, user=None) as client:
        assert client("GET", "/_admin/server/availability").status == 200
        assert client("POST", "/_open/auth", {"username": "root", "password": "wrong"}).status == 401
        answer = client("POST", "/_open/auth", {"username": "root", "password": server.password})
        assert answer.status == 200
    with Http(server, token=answer.json()["jwt"]) as client:
        assert client("GET", "/_api/version").status == 200


def test_superuser_token(server):
    with Http(server, token=token(server.jwt_secret, server_id="test", exp=int(time.time()) + 60)) as client:
        assert client("GET", "/_api/version").status == 200
        assert client("POST", "/_api/user", {"user": "made_by_superuser", "passwd": "p"}).status == 201
        assert client("DELETE", "/_api/user/made_by_superuser").status == 202


def test_a_user_sees_only_what_was_granted(server):
    """Rights are those of the moment: granted, taken back, and gone with the user."""
    client = Http(server, "theirs", user="reader", password="secret")
    with Http(server, token=superuser(server)) as root, client:
        assert root("POST", "/_api/database", {"name": "theirs"}).status == 201
        assert root("POST", "/_api/user", {"user": "reader", "passwd": "secret"}).status == 201
        assert client("GET", "/_api/version").status == 401
        assert root("PUT", "/_api/user/reader/database/theirs", {"grant": "ro"}).status == 200
        assert client("POST", "/_api/cursor", {"query": "RETURN 1"}).status == 201
        assert client("POST", "/_api/collection", {"name": "mine"}).status == 403
        assert root("PUT", "/_api/user/reader/database/theirs", {"grant": "rw"}).status == 200
        assert client("POST", "/_api/collection", {"name": "mine"}).status == 200
        assert root("PATCH", "/_api/user/reader", {"passwd": "changed"}).status == 200
        assert client("GET", "/_api/collection").status == 401
        client.headers["Authorization"] = basic("reader", "changed")
        assert client("GET", "/_api/collection").status == 200
        assert root("PATCH", "/_api/user/reader", {"active": False}).status == 200
        assert client("GET", "/_api/collection").status == 401
        assert root("DELETE", "/_api/user/reader").status == 202
        assert root("DELETE", "/_api/database/theirs").status == 200
        assert client("GET", "/_api/collection").status == 401
