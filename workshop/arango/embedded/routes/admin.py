"""`/_admin`, `/_api/version` and `/_api/engine`: what the server is and how it does."""

import os
import platform
import sqlite3
import sys
import time
from typing import Any

from workshop.arango.embedded.answers import Json, ok
from workshop.arango.embedded.calls import Call
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.routing import routes

VERSION = "3.12.6"
"""The release of ArangoDB whose behaviour this server follows."""


@routes("GET", "/_admin/server/availability", light=True, open=True)
def availability(call: Call) -> Json:
    """That the server answers."""
    return ok(mode="default")


@routes("GET", "/_api/version", "/_admin/version", light=True)
def version(call: Call) -> Json:
    """The version, with details where wanted."""
    answer: dict[str, Any] = {"server": "arango", "license": "community", "version": VERSION}
    if call.flag("details"):
        answer["details"] = {
            "server-version": VERSION,
            "mode": "server",
            "role": "SINGLE",
            "host": platform.node(),
            "platform": sys.platform,
            "architecture": platform.machine(),
            "implementation": "embedded",
            "python-version": platform.python_version(),
            "sqlite-version": sqlite3.sqlite_version,
        }
    return Json(answer)


@routes("GET", "/_api/engine", light=True)
def engine(call: Call) -> Json:
    """Where the data is kept, and the kinds of indexes there are."""
    return Json(
        {"name": "sqlite", "supports": {"indexes": ["primary", "edge", "persistent", "vector"], "aliases": {"indexes": {}}}}
    )


@routes("GET", "/_admin/time", light=True)
def server_time(call: Call) -> Json:
    """Seconds since 1970."""
    return ok(time=time.time())


@routes("GET", "/_admin/status", light=True)
def status(call: Call) -> Json:
    """The server's process and state."""
    return Json(
        {
            "server": "arango",
            "version": VERSION,
            "pid": os.getpid(),
            "license": "community",
            "mode": "server",
            "operationMode": "server",
            "foxxApi": False,
            "host": platform.node(),
            "serverInfo": {
                "progress": {"phase": "in wait", "feature": "", "recoveryTick": 0},
                "maintenance": False,
                "role": "SINGLE",
                "writeOpsEnabled": True,
                "readOnly": False,
            },
        }
    )


@routes("GET", "/_admin/server/role", light=True)
def role(call: Call) -> Json:
    """A single server."""
    return ok(role="SINGLE", mode="default")


@routes("GET", "/_admin/server/mode", light=True)
def mode(call: Call) -> Json:
    """A server that can be written to."""
    return ok(mode="default")


@routes("GET", "/_admin/database/target-version", light=True)
def target_version(call: Call) -> Json:
    """The version as a number."""
    major, minor, patch = VERSION.split(".")
    return ok(version=f"{int(major)}{int(minor):02}{int(patch):02}")


@routes("GET POST PUT PATCH DELETE", "/_admin/echo", light=True)
def echo(call: Call) -> Json:
    """The request itself."""
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in call.raw_headers if name != b"authorization"
    }
    return Json(
        {
            "authorized": True,
            "user": call.user,
            "database": call.database_name,
            "url": call.path,
            "protocol": "http",
            "requestType": call.method,
            "parameters": call.params,
            "headers": headers,
            "requestBody": call.body.decode("utf-8", "replace"),
        }
    )


@routes("PUT", "/_admin/compact", light=True)
@routes("POST", "/_admin/routing/reload", light=True)
def nothing_to_do(call: Call) -> Json:
    """What needs doing on other servers only."""
    return Json({})


@routes("DELETE", "/_admin/shutdown", light=True)
def shut_down(call: Call) -> Json:
    """End the server when the requests that are worked on are answered."""
    with call.reading():
        call.need_admin()
    if call.server.stop is None:
        raise ArangoError(11, "this server cannot be shut down by a request")
    call.server.stop()
    return Json(b'"OK"')


@routes("GET", "/_admin/shutdown", light=True)
def shutdown_progress(call: Call) -> Json:
    """No shutdown is going on."""
    return Json({"softShutdownOngoing": False, "AQLcursors": len(call.server.cursors), "transactions": 0, "allClear": True})


@routes("GET", "/_api/endpoint", light=True)
def endpoints(call: Call) -> Json:
    """The address at which the request came."""
    return Json([{"endpoint": f"http://{call.header(b'host') or '127.0.0.1'}"}])
