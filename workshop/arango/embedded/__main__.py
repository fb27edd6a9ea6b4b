"""`python -m workshop.arango.embedded`: serve the data of a folder until SIGTERM or Ctrl-C."""

import argparse
import contextlib
import importlib
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from workshop.arango.embedded.app import application
from workshop.arango.embedded.aql import query
from workshop.arango.embedded.auth import Authenticator
from workshop.arango.embedded.errors import ArangoError
from workshop.arango.embedded.storage import Storage
from workshop.errors import WorkshopError

PASSWORD = "WORKSHOP_ARANGO_ROOT_PASSWORD"
SECRET = "WORKSHOP_ARANGO_JWT_SECRET"

_IDLE = 300
_GRACE = 10


class _Server(uvicorn.Server):
    """Ends with status 0 after a signal, and stops queries so that it need not wait for them."""

    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self.done = threading.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as the wish to end."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: object) -> None:
        self.end()

    def end(self) -> None:
        """End soon."""
        if not self.should_exit:
            self.should_exit = True
            # Not here: a signal may come while this thread holds the lock of the list of queries.
            threading.Thread(target=self._hurry, daemon=True).start()

    def _hurry(self) -> None:
        """Stop queries until the server is done, also those that waited for others; in the end give up."""
        end = time.monotonic() + 2 * _GRACE
        while not self.done.wait(0.05):
            for running in query.running():
                with contextlib.suppress(ArangoError):
                    query.kill(running["id"])
            if time.monotonic() > end:
                print("A request did not end; what it changed is undone.", file=sys.stderr, flush=True)
                os._exit(1)


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m workshop.arango.embedded",
        description="A server that speaks ArangoDB's HTTP API and AQL.",
        epilog=f"The password of root and the secret that tokens are signed with come from files, or from {PASSWORD} and "
        f"{SECRET}. Without a secret, one is made up, and tokens are valid until the server ends.",
    )
    parser.add_argument("--port", type=int, required=True, help="TCP port; 0 for a free one")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the data; made if need be")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--root-password-file", type=Path, help="file with the password of the user root")
    parser.add_argument("--jwt-secret-file", type=Path, help="file with the secret that tokens are signed with")
    return parser.parse_args(arguments)


def _secret(file: Path | None, variable: str) -> str | None:
    # Taken out of the environment, so that nothing that is started from here inherits it.
    given = os.environ.pop(variable, None)
    if file is None:
        return given
    try:
        return file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise WorkshopError(f"{file} cannot be read: {reason}.") from error


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise WorkshopError(f"Port {port} of {host} cannot be used: {getattr(error, 'strerror', None) or error}.") from error
    return listener


def _serve(options: argparse.Namespace) -> int:
    password = _secret(options.root_password_file, PASSWORD)
    secret = _secret(options.jwt_secret_file, SECRET) or secrets.token_urlsafe(32)
    if password is None:
        raise WorkshopError(f"There is no password for root: give --root-password-file or set {PASSWORD}.")
    listener = _listen(options.host, options.port)
    store = Storage(options.data_dir)
    with store.writing():
        store.users.ensure_root(password)
    # numpy and faiss take a while to import: not during the first search, which others would have to wait for.
    threading.Thread(target=importlib.import_module, args=["workshop.arango.embedded.vectors"], daemon=True).start()
    app = application(store, authenticator=Authenticator(store, secret), stop=lambda: server.end())
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    host, port = listener.getsockname()[:2]
    print(f"ArangoDB (embedded) listens on http://{host}:{port}, data in {store.folder}", file=sys.stderr, flush=True)
    server.run(sockets=[listener])
    store.close()
    server.done.set()
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run the server; the exit code of the process."""
    options = _arguments(arguments)
    try:
        return _serve(options)
    except WorkshopError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
