"""What servers answer when they cannot, and what their clients raise when there is none: each as one line with a remedy.

The notebooks use the real clients. Their errors are turned into a line where they arrive: by the `workshop` command, and
in a notebook by IPython, which `require` tells to.
"""

import os
import re
import sys
import types
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from workshop import settings
from workshop.errors import WorkshopError, first_line
from workshop.machine import services

TITLES = {"triton": "Triton", "arango": "ArangoDB"}
CLIENTS = {"tritonclient": "triton", "geventhttpclient": "triton", "arango": "arango"}
"""The packages of the clients: whose frames an error came through tells which server it is about."""
CONNECTION = re.compile(
    "connect|resolv|DNS|socket closed|reset|broken pipe|goaway|cancelling all calls|EOF|recvmsg", re.IGNORECASE
)
QUOTED = re.compile(r"^['\"]|['\"]\)*$|\]$")
"""What is left around a reason that stood quoted in the call of another error."""
UNKNOWN_MODEL = re.compile(r"unknown model: '([^']+)'")
DEAD_PROCESS = re.compile(r"Stub process '[^']*' is not healthy")
COLLECTION_MISSING, DATABASE_MISSING = 1203, 1228


def server(name: str, error: BaseException | None = None) -> WorkshopError:
    """What to say when the server `triton` or `arango` does not answer: what became of it and what to do."""
    title, variable = TITLES[name], f"{name.upper()}_URL"
    why = f" ({reason(error)})" if error is not None and str(error) else ""
    if address := os.environ.get(variable):
        return WorkshopError(
            f"no {title} answers at {address}{why}; {variable} names it: start it there, or name another one"
        )
    if running := services.find_running(name):
        here = f"{title} runs at {running.urls['http']} (pid {running.pid}) and this request did not reach it{why}"
        if running.urls.get("grpc", here) in str(error):
            return WorkshopError(
                f"{here}. A gRPC channel that lost its server tries again at growing intervals: ask again in half a minute"
            )
        return WorkshopError(
            f"{here}. If it was started anew since this client was made, make the client again (in a notebook: run it from "
            f"its first cell); `workshop status` says how {title} is"
        )
    again = f"`workshop up {name}` starts it; in a notebook, run it from its first cell then"
    if dead := services.find_dead(name):
        return WorkshopError(
            f"{title} died: its log, {settings.shown(dead.log)}, ends at {services.died_at(dead)}. {again}. "
            "`workshop status` shows the log's end"
        )
    return WorkshopError(f"{title} does not run{why}. {again}")


def explain(error: BaseException) -> WorkshopError | None:
    """One line for an error of a server or of its client; None for any other error."""
    from arango.exceptions import ArangoServerError
    from tritonclient.utils import InferenceServerException

    if isinstance(error, InferenceServerException):
        return _triton(error)
    if isinstance(error, ArangoServerError):
        return _arango(error)
    if getattr(error, "response", None) is not None or isinstance(error, HTTPError):
        return None  # an answer, if a refusal
    if isinstance(error, _connection_errors()) and (name := _server_of(error)):
        return server(name, error)
    return None


def explain_in_notebooks() -> None:
    """Have IPython, where this runs in it, show such errors as one line; every other error is shown as always."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        from arango.exceptions import ArangoServerError
        from tritonclient.utils import InferenceServerException

        shell.set_custom_exc((InferenceServerException, ArangoServerError, *_connection_errors()), _show)


def _show(shell, kind, error, traceback, tb_offset=None) -> list[str]:
    """IPython's handler: it displays the error itself."""
    line = explain(error) if _worth_a_line(error) else None
    if line is None:
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset, running_compiled_code=True)
        return []
    lines = line._render_traceback_()
    shell._showtraceback(kind, line, lines)
    return lines


def _worth_a_line(error: BaseException) -> bool:
    """In a notebook a server's refusal is the lesson's subject: only a lost server and an unknown model get a line."""
    from arango.exceptions import ArangoServerError
    from tritonclient.utils import InferenceServerException

    if isinstance(error, InferenceServerException):
        return is_lost(error) or UNKNOWN_MODEL.search(str(error.message())) is not None
    return not isinstance(error, ArangoServerError)


def _connection_errors() -> tuple[type[BaseException], ...]:
    """What the clients raise when nobody answers: sockets, urllib, requests (python-arango's), aiohttp (async)."""
    from aiohttp import ClientError
    from arango.exceptions import ServerConnectionError
    from requests.exceptions import RequestException

    return (ConnectionError, TimeoutError, HTTPException, URLError, RequestException, ClientError, ServerConnectionError)


def _server_of(error: BaseException) -> str | None:
    """The server that an error is about, told by the client it came through, or by the address that was asked."""
    trace: types.TracebackType | None = error.__traceback__
    asked = getattr(getattr(error, "request", None), "url", "") or ""
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        module = frame.f_globals.get("__name__", "")
        if (package := module.partition(".")[0]) in CLIENTS:
            return CLIENTS[package]
        if module == "urllib.request":
            asked = getattr(frame.f_locals.get("req"), "full_url", asked)
    port = urlsplit(asked).port if asked else None
    return next((name for name in TITLES if port in services.last_ports(name)), None)


def is_lost(error) -> bool:
    """Whether no server answered a gRPC call. A server that knows no such model answers UNAVAILABLE too."""
    return "UNAVAILABLE" in str(error.status()) and CONNECTION.search(str(error.message())) is not None


def _triton(error) -> WorkshopError:
    if is_lost(error):
        return server("triton", error)
    text = first_line(error.message())
    if unknown := UNKNOWN_MODEL.search(text):
        name = unknown[1]
        ours = (settings.MODEL_REPOSITORY / name).exists()
        remedy = f"`workshop up --models {name}` loads it" if ours else "run the cell that loads it again"
        return WorkshopError(f"Triton does not serve {name} now ({text}); {remedy}, `workshop status` shows what is served")
    if dead := DEAD_PROCESS.search(text):
        return WorkshopError(f"a model process of Triton has died ({dead[0]}): `workshop heal` brings its model back")
    return WorkshopError(f"Triton refused a request: {text}; `workshop status` shows its models, `--debug` the traceback")


def _arango(error) -> WorkshopError:
    if error.http_code == 401:
        return WorkshopError(
            "ArangoDB refuses user or password; set ARANGO_USER and ARANGO_PASSWORD to those of that server"
        )
    missing = error.error_code in (COLLECTION_MISSING, DATABASE_MISSING)
    remedy = "`workshop restore dump/movies` and `workshop restore dump/products` bring the course's data"
    return WorkshopError(
        f"ArangoDB refused a request: {error.error_message}; {remedy if missing else '`--debug` shows the traceback'}"
    )


def reason(error: BaseException) -> str:
    """The end of a chain of reasons, such as `Connection refused`: gRPC and requests put several lines before it."""
    return QUOTED.sub("", first_line(error).rpartition(": ")[2])
