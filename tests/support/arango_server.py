"""Embedded ArangoDB servers for tests: in a process of their own, or in a thread of this one."""

import contextlib
import socket
import threading
import time
from types import SimpleNamespace

import uvicorn

from workshop.arango.embedded.app import application
from workshop.arango.embedded.auth import Authenticator
from workshop.arango.embedded.storage import Storage
from workshop.arango.temporary import TemporaryServer

SECRET = "the secret that signs the tokens of all of these tests"
FOREVER = "FOR a IN 1..1000000 FOR b IN 1..1000000 FILTER a == -1 RETURN a"


@contextlib.contextmanager
def running_server(folder, **options):
    """A server whose data lie in a folder. In the end it must run still, have failed nowhere inside, and stop in order."""
    with TemporaryServer(folder, jwt_secret=SECRET, **options) as server:
        yield server
        assert server.process.poll() is None, server.printed()[-3000:]
        assert server.stop() == 0
        assert "Traceback" not in server.printed(), server.printed()[-3000:]


@contextlib.contextmanager
def serving(folder, **options):
    """A server in a thread of this process, with its store."""
    with Storage(folder) as store:
        with store.writing():
            store.users.ensure_root("secret")
        app = application(store, authenticator=Authenticator(store, SECRET), **options)
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", loop="uvloop", http="httptools", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield SimpleNamespace(url=url, user="root", password="secret", jwt_secret=SECRET), store
        finally:
            server.should_exit = True
            thread.join()


def until(condition, seconds=30):
    """Ask again and again until it is so."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found
