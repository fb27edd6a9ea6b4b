"""Start and stop the course's two servers in the same way: Triton and ArangoDB tell only what is their own of it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from workshop.errors import WorkshopError
from workshop.machine import lost, services

Progress = Callable[[float, str], None]
"""Called with the seconds waited so far, and how far the server is; an empty text where that cannot be told."""


class Server(Protocol):
    """What `workshop.triton.server` and `workshop.arango.server` are: the modules that know one server each."""

    NAME: str

    def external(self) -> bool:
        """Whether the environment names a server to use, so that none has to be started."""

    def up(self, *, progress: Progress, remember: bool, **options: Any) -> tuple[services.Service, bool]:
        """Make sure that the embedded server runs; return it, and whether it was started by this call."""

    def down(self) -> bool:
        """Stop the embedded server; False when none was running."""

    def version(self) -> str | None:
        """The version of the server that answers, or None."""


def up(
    name: str,
    *,
    spawn: Callable[[], services.Service],
    different: Callable[[services.Service], list[str]],
    answers: Callable[[services.Service], bool],
    far: Callable[[services.Service], str] = lambda service: "",
    clean_up: Callable[[], None] = lambda: None,
    progress: Progress,
    timeout: float | None,
    remember: bool,
) -> tuple[services.Service, bool]:
    """Make sure that an embedded server runs; return it, and whether it was started by this call.

    Args:
        name: `triton` or `arango`.
        spawn: starts the server's process.
        different: what a running server was started with other than what is wanted now.
        answers: whether a server is ready.
        far: how far a server that starts is.
        clean_up: removes what a killed server leaves behind.
        progress: called while the server starts.
        timeout: seconds after which the server is left to go on alone; None waits as long as it shows signs of work.
        remember: whether the next start takes these ports too.

    Raises:
        WorkshopError: a server runs already with other options (it is left as it is), or it did not start.
    """
    with services.exclusive(name):
        running = services.find_running(name)
        if running is None:
            clean_up()
        elif now := different(running):
            raise WorkshopError(
                f"{lost.TITLES[name]} runs already with {', '.join(now)} (pid {running.pid}); nothing was changed. "
                f"`workshop down {name}` first, then `workshop up {name}` with the new options"
            )
        service = running or spawn()
    # The lock is free again, so that `down` can end a server that is still starting.
    try:
        services.wait_until(
            lambda: answers(service),
            service,
            describe=lambda seconds: progress(seconds, far(service)),
            timeout=timeout,
        )
    except services.StillStarting:
        raise
    except BaseException:  # Ctrl-C too: what was started here and did not come up is not left behind
        if running is None:
            with services.exclusive(name):
                services.stop(service)
                clean_up()
        raise
    if running is None and remember:
        services.remember_ports(name, {port: service.options[port] for port in services.PORTS[name]})
    return service, running is None


def ensure(server: Server, **options: Any) -> bool:
    """Make sure that a server answers: the one that the environment names, or the embedded one, started if need be.

    Returns:
        Whether this call started the embedded server.

    Raises:
        WorkshopError: the server that is named does not answer, or the embedded one cannot be started.
    """
    if not server.external():
        return server.up(**options)[1]
    if server.version() is None:
        raise lost.server(server.NAME)
    return False


@contextlib.contextmanager
def serving(server: Server, tell: Callable[[str], None] = lambda text: None, **options: Any) -> Iterator[None]:
    """`ensure` for a while: a server that is started here is stopped at the end."""
    tell(f"looking for {lost.TITLES[server.NAME]}, starting it if it does not run")
    started = ensure(server, **options)
    try:
        yield
    finally:
        if started:
            server.down()
