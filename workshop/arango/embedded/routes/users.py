"""`/_open/auth` and `/_api/user`: tokens, users and what they may access."""

from typing import Any

from workshop.arango.embedded.answers import Json, ok
from workshop.arango.embedded.calls import Call, field
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes

_USER = "/_api/user/{user}"
_LEVELS = {"rw": "rw", "ro": "ro", "none": "none", "": "none"}


@routes("POST", "/_open/auth", open=True)
def authenticate(call: Call) -> Json:
    """A token for a user and a password."""
    try:
        body = call.json(dict)
    except ArangoError as error:
        raise ArangoError(400, "invalid JSON") from error
    user, password = body.get("username"), body.get("password")
    if not isinstance(user, str) or not isinstance(password, str):
        raise ArangoError(400, "expecting strings for <username> and <password>")
    return Json({"jwt": call.server.authenticator.token(user, password)})


def _need_self_or_admin(call: Call, user: str) -> None:
    if call.user != user:
        call.need_admin()


@routes("GET", "/_api/user")
def list_users(call: Call) -> Json:
    """All users."""
    with call.reading():
        call.need_admin()
        return ok(result=call.server.store.users.all())


@routes("GET", _USER)
def read_user(call: Call, name: str) -> Json:
    """One user."""
    with call.reading():
        _need_self_or_admin(call, name)
        return ok(**call.server.store.users.get(name))


@routes("POST", "/_api/user")
def create_user(call: Call) -> Json:
    """Create a user, who may access nothing yet."""
    body = call.json(dict)
    name = body.get("user", body.get("username"))
    if not isinstance(name, str) or not name:
        raise ArangoError(1700)
    password, active, extra = _details(body)
    with call.writing():
        call.need_admin()
        user = call.server.store.users.create(name, password or "", active=active is not False, extra=extra)
        call.server.authenticator.forget()
    return ok(201, **user)


@routes("POST", _USER)
def check_password(call: Call, name: str) -> Json:
    """Whether a user has this password."""
    password = field(call.json(dict), "passwd", str, "")
    with call.reading():
        if not call.server.store.users.check(name, password):
            raise ArangoError(1703)
    return ok(result=True)


@routes("PUT PATCH", _USER)
def change_user(call: Call, name: str) -> Json:
    """Change what is given (PATCH), or everything (PUT)."""
    password, active, extra = _details(call.json(dict))
    if call.method == "PUT":
        password, active, extra = password or "", active is not False, extra or {}
    with call.writing():
        _need_self_or_admin(call, name)
        user = call.server.store.users.update(name, password=password, active=active, extra=extra)
        call.server.authenticator.forget()
    return ok(**user)


@routes("DELETE", _USER)
def remove_user(call: Call, name: str) -> Json:
    """Remove a user."""
    with call.writing():
        call.need_admin()
        call.server.store.users.remove(name)
        call.server.authenticator.forget()
    return ok(202)


def _details(body: dict[str, Any]) -> tuple[str | None, bool | None, dict[str, Any] | None]:
    password = field(body, "passwd", str, field(body, "password", str))
    return password, field(body, "active", bool), field(body, "extra", dict)


# Access


@routes("GET", _USER + "/database")
def list_levels(call: Call, name: str) -> Json:
    """The databases that a user may access; with full, every database and collection and what was granted for it."""
    full = call.flag("full")
    store = call.server.store
    with call.reading():
        _need_self_or_admin(call, name)
        granted = store.users.granted(name)
        if not full:
            levels = {database: store.users.level(name, database) for database in store.databases()}
            return ok(result={database: level for database, level in levels.items() if level != "none"})
        result: dict[str, Any] = {}
        for database in store.databases():
            entry = granted.get(database, {"permission": "undefined", "collections": {}})
            names = [collection.name for collection in store.database(database).collections()]
            collections = {each: entry["collections"].get(each, "undefined") for each in (*names, "*")}
            result[database] = {"permission": entry["permission"], "collections": collections}
        result["*"] = {"permission": granted.get("*", {"permission": "none"})["permission"]}
        return ok(result=result)


@routes("GET", _USER + "/database/{database}", _USER + "/database/{database}/{collection}")
def read_level(call: Call, name: str, database: str, collection: str | None = None) -> Json:
    """The level that is in force for a database or a collection."""
    users = call.server.store.users
    with call.reading():
        _need_self_or_admin(call, name)
        users.get(name)
        return ok(result=users.level(name, database, collection))


@routes("PUT", _USER + "/database/{database}", _USER + "/database/{database}/{collection}")
def grant_level(call: Call, name: str, database: str, collection: str | None = None) -> Json:
    """Set the level for a database or a collection."""
    grant = field(call.json(dict), "grant", str)
    if grant not in _LEVELS:
        raise ArangoError(10, "expecting 'rw', 'ro' or 'none' for <grant>")
    with call.writing():
        call.need_admin()
        _check_place(call, database, collection)
        call.server.store.users.grant(name, database, _LEVELS[grant], collection)
        call.server.authenticator.forget()
    return ok(**{database if collection is None else f"{database}/{collection}": _LEVELS[grant]})


@routes("DELETE", _USER + "/database/{database}", _USER + "/database/{database}/{collection}")
def revoke_level(call: Call, name: str, database: str, collection: str | None = None) -> Json:
    """Clear the level, so that the more general one is in force."""
    with call.writing():
        call.need_admin()
        _check_place(call, database, collection)
        call.server.store.users.revoke(name, database, collection)
        call.server.authenticator.forget()
    return ok(202)


def _check_place(call: Call, database: str, collection: str | None) -> None:
    if database != "*":
        found = call.server.store.database(database)
        if collection is not None and collection != "*":
            found.collection(collection)


@routes("GET", _USER + "/config", _USER + "/config/{key}")
def read_config(call: Call, name: str, key: str | None = None) -> Json:
    """Settings of the web interface, which there is none of."""
    with call.reading():
        _need_self_or_admin(call, name)
        call.server.store.users.get(name)
    return ok(result=None)
