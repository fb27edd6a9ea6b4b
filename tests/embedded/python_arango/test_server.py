"""What the server tells of itself, databases, users and ways to log in."""

import time

import arango
import pytest
from arango.exceptions import (
    AnalyzerCreateError,
    AQLFunctionCreateError,
    AsyncExecuteError,
    DatabaseCreateError,
    DatabaseDeleteError,
    DatabaseListError,
    DocumentInsertError,
    JWTAuthError,
    ServerConnectionError,
    ServerStatisticsError,
    TransactionInitError,
    UserCreateError,
    UserDeleteError,
    UserGetError,
    ViewCreateError,
)
from arango.http import DeflateRequestCompression

from tests.support.arango_http import token


def test_the_server(system, db):
    assert system.version().startswith("3.12.") and system.version(details=True)["server"] == "arango"
    assert system.details()["mode"] == "server"
    assert "supports" in system.engine()
    assert system.status()["server"] == "arango" and system.status()["server_info"]["role"] == "SINGLE"
    assert system.time().year > 2000 and system.role() == "SINGLE" and system.mode() == "default"
    assert system.check_availability() == "default"
    assert system.echo()["requestType"] == "GET" and system.echo({"a": 1})["requestBody"]
    assert system.reload_routing() is True
    assert db.key_generators() == ["autoincrement", "padded", "traditional", "uuid"]
    assert db.views() == [] and db.tasks() == [] and db.list_transactions() == [] and db.aql.functions() == []
    assert "text_en" in [analyzer["name"] for analyzer in db.analyzers()] and db.analyzer("identity")["type"] == "identity"
    assert db.async_jobs("pending") == []


def test_what_there_is_not(db):
    with pytest.raises(TransactionInitError) as error:
        db.begin_transaction(write="films")
    assert error.value.http_code == 501 and error.value.error_code == 9
    assert "not implemented by the embedded server" in error.value.error_message
    with pytest.raises(AsyncExecuteError):
        db.begin_async_execution().version()
    with pytest.raises(ViewCreateError):
        db.create_view("view", "arangosearch")
    with pytest.raises(AnalyzerCreateError):
        db.create_analyzer("mine", "identity")
    with pytest.raises(AQLFunctionCreateError):
        db.aql.create_function("a::b", "function () {}")
    with pytest.raises(ServerStatisticsError):
        db.statistics()
    assert db.delete_view("view", ignore_missing=True) is False


def test_databases(client, system):
    assert system.create_database("one", users=[{"username": "uma", "password": "u"}]) is True
    assert system.has_database("one") and "one" in system.databases() and "one" in system.databases_accessible_to_user()
    one = client.db("one", username="uma", password="u", verify=True)
    assert (
        one.properties()["name"] == "one"
        and one.properties()["system"] is False
        and one.databases_accessible_to_user() == ["one"]
    )
    with pytest.raises(DatabaseListError):
        one.databases()
    with pytest.raises(DatabaseCreateError) as error:
        system.create_database("one")
    assert error.value.error_code == 1207
    assert system.delete_database("one") is True and system.delete_database("one", ignore_missing=True) is False
    with pytest.raises(DatabaseDeleteError):
        system.delete_database("one")
    system.delete_user("uma")


def test_ways_to_log_in(client, server, system, db):
    for method in ("basic", "jwt"):
        assert client.db("tour", username="root", password=server.password, auth_method=method, verify=True).collections()
        with pytest.raises((ServerConnectionError, JWTAuthError)):
            client.db("tour", username="root", password="wrong", auth_method=method, verify=True)
    until = int(time.time()) + 60
    superuser = client.db("tour", superuser_token=token(server.jwt_secret, server_id="me", exp=until))
    assert superuser.version()
    user = token(server.jwt_secret, preferred_username="root", exp=until)
    assert client.db("tour", user_token=user, verify=True).version()


def test_compressed_requests(client, server, db, films):
    packing = arango.ArangoClient(hosts=client.hosts, request_compression=DeflateRequestCompression(threshold=10))
    packed = packing.db("tour", username="root", password=server.password)
    packed.collection("films").insert({"_key": "long", "text": "x" * 5000})
    assert len(films.get("long")["text"]) == 5000
    packing.close()


def test_users(client, system, db):
    made = system.create_user("vera", "v", active=True, extra={"team": 1})
    assert made == {"username": "vera", "active": True, "extra": {"team": 1}} == system.user("vera")
    assert system.has_user("vera") and "vera" in [user["username"] for user in system.users()]
    with pytest.raises(UserCreateError):
        system.create_user("vera", "v")
    with pytest.raises(ServerConnectionError):
        client.db("tour", username="vera", password="v", verify=True)
    assert system.update_permission("vera", "ro", "tour") and system.permission("vera", "tour") == "ro"
    db.create_collection("films")
    vera = client.db("tour", username="vera", password="v", verify=True)
    with pytest.raises(DocumentInsertError) as error:
        vera.collection("films").insert({})
    assert error.value.http_code == 403
    assert system.update_permission("vera", "rw", "tour", "films") and vera.collection("films").insert({})
    assert system.permissions("vera")["tour"]["collections"]["films"] == "rw"
    assert system.reset_permission("vera", "tour", "films") and system.permission("vera", "tour", "films") == "ro"
    assert system.update_user("vera", extra={"team": 2})["extra"] == {"team": 2}
    assert system.replace_user("vera", "w", active=False)["active"] is False
    with pytest.raises(ServerConnectionError):
        client.db("tour", username="vera", password="w", verify=True)
    assert system.delete_user("vera") and system.delete_user("vera", ignore_missing=True) is False
    with pytest.raises(UserDeleteError):
        system.delete_user("vera")
    with pytest.raises(UserGetError):
        system.user("vera")
