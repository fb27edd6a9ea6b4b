"""Who may do what: passwords, tokens and levels of access."""

import time

import jwt
import pytest

from tests.support.arango_http import Http
from tests.support.arango_http import token as signed
from tests.support.arango_server import SECRET, until


def token(secret=SECRET, **claims):
    return signed(secret, **{"preferred_username": "root", **claims})


@pytest.mark.parametrize(
    "path",
    ["/_api/version", "/_api/collection", "/_admin/status", "/nowhere", "/", "/_db/nowhere/_api/version", "/_api/cursor"],
)
@pytest.mark.parametrize("header", [None, "Basic", "Basic !", "Basic cm9vdDp3cm9uZw==", "Digest x", "Bearer x", "Bearer "])
def test_without_valid_credentials_nothing_answers(server, path, header):
    client = Http(server, None, user=None, timeout=10)
    answer = client("GET", path, headers={"Authorization": header} if header else None)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    found = answer.json()
    assert (found["error"], found["code"], found["errorNum"]) == (True, 401, 11)
    assert found["errorMessage"] == "not authorized to execute this request"


@pytest.mark.parametrize(
    "bad",
    [
        token(secret="some other secret that is long enough"),
        token(exp=int(time.time()) - 10),
        token(iss=None),
        token(iss="somebody"),
        token(preferred_username=None),
        token(preferred_username="nobody"),
        token(preferred_username=7),
        token(algorithm="HS512", secret=SECRET * 2),
        token(algorithm="none", secret=""),
        token()[:-2],
    ],
)
def test_bad_tokens_are_refused(server, bad):
    Http(server, "test", token=bad).error("GET", "/_api/version", status=401, number=11)


def test_a_token_works_until_its_time_is_over(server):
    soon = time.time() + 2
    client = Http(server, "test", token=token(exp=soon))
    client("GET", "/_api/version", status=200)
    until(lambda: client("GET", "/_api/version").status == 401)
    assert time.time() >= soon - 1


def test_tokens_for_users_and_superusers(server):
    anyone = Http(server, "test", user=None)
    answer = anyone("POST", "/_open/auth", {"username": "root", "password": server.password}, status=200)
    claims = jwt.decode(answer.json()["jwt"], SECRET, algorithms=["HS256"], issuer="arangodb")
    assert claims["preferred_username"] == "root" and claims["exp"] - claims["iat"] == 3600
    Http(server, "test", token=answer.json()["jwt"])("GET", "/_api/version", status=200)
    superuser = Http(server, "_system", token=token(preferred_username=None, server_id="x"))
    assert "root" in [user["user"] for user in superuser("GET", "/_api/user", status=200).json()["result"]]

    assert anyone.error("POST", "/_open/auth", {"username": "root", "password": "x"}, status=401, number=401)
    anyone.error("POST", "/_open/auth", {"username": "root"}, status=400, number=400)
    anyone.error("POST", "/_open/auth", data="{", status=400, number=400)
    anyone.error("GET", "/_open/auth", status=405, number=405)


def test_open_paths(server):
    nobody = Http(server, None, user=None, timeout=10)
    assert nobody("GET", "/_admin/server/availability").json()["mode"] == "default"
    assert nobody("POST", "/_admin/server/availability").status == 401


def test_levels_of_access(server, http, system, films):
    system("POST", "/_api/user", {"user": "ann", "passwd": "one"}, status=201)
    ann = Http(server, "test", user="ann", password="one")
    ann.error("GET", "/_api/collection", status=401, number=11)
    Http(server, "no_such", user="ann", password="one").error("GET", "/_api/version", status=401, number=11)

    system("PUT", "/_api/user/ann/database/test", {"grant": "ro"}, status=200)
    ann("GET", "/_api/document/films/alien", status=200)
    ann.error("POST", "/_api/document/films", {}, status=403, number=11)
    ann.error("POST", "/_api/collection", {"name": "own"}, status=403, number=11)
    ann.error("POST", "/_api/cursor", {"query": "INSERT {} INTO films"}, status=403, number=11)
    ann("POST", "/_api/cursor", {"query": "FOR f IN films RETURN f"}, status=201)
    ann.error("GET", "/_api/user", status=403, number=11)
    ann.error("GET", "/_api/user/root", status=403, number=11)
    assert ann("GET", "/_api/user/ann", status=200).json()["user"] == "ann"

    system("PUT", "/_api/user/ann/database/test/films", {"grant": "rw"}, status=200)
    ann("POST", "/_api/document/films", {}, status=202)
    system("PUT", "/_api/user/ann/database/test/films", {"grant": "none"}, status=200)
    ann.error("GET", "/_api/document/films/alien", status=403, number=11)
    ann.error("POST", "/_api/cursor", {"query": "FOR f IN @@c RETURN f", "bindVars": {"@c": "films"}}, status=403, number=11)
    ann.error("POST", "/_api/cursor", {"query": "RETURN DOCUMENT('films/alien')"}, status=403, number=11)
    ann.error("POST", "/_api/explain", {"query": "FOR f IN films RETURN f"}, status=403, number=11)
    assert "films" not in [each["name"] for each in ann("GET", "/_api/collection").json()["result"]]
    granted = system("GET", "/_api/user/ann/database", full="true").json()["result"]
    assert granted["test"]["permission"] == "ro" and granted["test"]["collections"]["films"] == "none"
    assert system("GET", "/_api/user/ann/database/test/films").json()["result"] == "none"
    system("DELETE", "/_api/user/ann/database/test/films", status=202)
    ann("GET", "/_api/document/films/alien", status=200)

    own = Http(server, "test", token=ann("POST", "/_open/auth", {"username": "ann", "password": "one"}).json()["jwt"])
    own("GET", "/_api/document/films/alien", status=200)
    ann("PATCH", "/_api/user/ann", {"passwd": "two"}, status=200)
    ann.error("GET", "/_api/document/films/alien", status=401, number=11)
    ann = Http(server, "test", user="ann", password="two")
    ann("GET", "/_api/document/films/alien", status=200)
    system("PATCH", "/_api/user/ann", {"active": False}, status=200)
    for client in (ann, own):
        client.error("GET", "/_api/document/films/alien", status=401, number=11)
    system("DELETE", "/_api/user/ann", status=202)
    system.error("DELETE", "/_api/user/ann", status=404, number=1703)
    system.error("GET", "/_api/user/ann", status=404, number=1703)
