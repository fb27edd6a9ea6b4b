"""`/_api/database`: the databases of the server."""

from workshop.arango.embedded.answers import Json, ok
from workshop.arango.embedded.calls import SYSTEM, Call, field
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes


def _in_system(call: Call) -> None:
    if call.database_name != SYSTEM:
        raise ArangoError(1230)


@routes("GET", "/_api/database")
def list_databases(call: Call) -> Json:
    """The names of all databases."""
    _in_system(call)
    with call.reading():
        return ok(result=call.server.store.databases())


@routes("GET", "/_api/database/user")
def list_own_databases(call: Call) -> Json:
    """The names of the databases that the user may use."""
    with call.reading():
        level = call.server.authenticator.level
        return ok(result=[name for name in call.server.store.databases() if level(call.user, name) != "none"])


@routes("GET", "/_api/database/current")
def current_database(call: Call) -> Json:
    """The properties of the request's database."""
    with call.reading() as database:
        return ok(result=database.properties())


@routes("POST", "/_api/database")
def create_database(call: Call) -> Json:
    """Create a database, and users who may use it."""
    _in_system(call)
    body = call.json(dict)
    name = body.get("name")
    if not isinstance(name, str):
        raise ArangoError(1229)
    users = field(body, "users", list, [])
    for user in users:
        if not isinstance(user, dict) or not isinstance(user.get("username", user.get("user")), str):
            raise ArangoError(400, "expecting objects with <username> in <users>")
        field(user, "passwd", str)
        field(user, "active", bool)
        field(user, "extra", dict)
    options = field(body, "options", dict, {})
    server = call.server
    with call.writing():
        call.need_admin()
        server.store.create_database(
            name,
            users=users,
            **{key: options[key] for key in ("sharding", "replicationFactor", "writeConcern") if key in options},
        )
        if not users and call.user is not None and server.store.users.level(call.user, name) != "rw":
            server.store.users.grant(call.user, name, "rw")
        server.authenticator.forget()
    return ok(201, result=True)


@routes("DELETE", "/_api/database/{name}")
def drop_database(call: Call, name: str) -> Json:
    """Drop a database with everything in it."""
    _in_system(call)
    with call.writing():
        call.need_admin()
        call.server.store.drop_database(name)
        call.server.authenticator.forget()
        call.server.cursors.drop_database(name)
    return ok(result=True)
