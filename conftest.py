"""What every test run shares: the services that notebooks and tests talk to, and the option --slow.

`pytest --nbval notebooks` works by itself: what the collected notebooks need and does not run yet is started here, on
free ports, and stopped again. A server that runs already is used and left running.
"""

import contextlib

import pytest

from workshop import arango, settings, triton
from workshop.arango.dump.restore import restore
from workshop.course import build, lessons, recipes
from workshop.machine import services
from workshop.machine.serving import serving
from workshop.triton import loading


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the long tests whole")


def pytest_ignore_collect(collection_path, config):
    """Solutions are run whole under --slow, or where they are asked for: but for the answers they are the lessons' cells.

    Their answers and checks are run by the tables of answers, and that all else shows the same is compared.
    """
    if collection_path == lessons.SOLUTIONS and not config.option.slow:
        asked_for = [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]
        if not any(path.is_relative_to(lessons.SOLUTIONS) for path in asked_for):
            return True


@pytest.fixture(scope="session")
def slow(request):
    return request.config.getoption("--slow")


class Services:
    """Starts what is missing once, and remembers what it started."""

    def __init__(self):
        self.ready = False
        self.started = contextlib.ExitStack()

    def ensure(self, tell=lambda text: None):
        if self.ready:
            return
        for service in (arango, triton):
            anew = {} if service.find() else {**services.unused_ports(service.NAME), "remember": False}
            self.started.enter_context(serving(service, tell, **anew))
        for name in ("movies", "products"):
            restore(settings.ROOT / "dump" / name, arango.connect())
        if missing := recipes.missing():
            tell(f"building {', '.join(missing)}")
            built = build.build(missing, without=tell)
            served = loading.ready()
            loading.raise_failed(loading.load(name for name in built if name in served))
        self.ready = True

    def stop(self):
        self.started.close()


SERVICES = Services()


def pytest_collection_finish(session):
    if not session.config.option.collectonly and any(item.path.suffix == ".ipynb" for item in session.items):
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        SERVICES.ensure(reporter.write_line)


def pytest_sessionfinish(session):
    SERVICES.stop()


@pytest.fixture(scope="session")
def triton_server():
    """A server that serves all models of the course that could be built; its HTTP address as host:port."""
    SERVICES.ensure()
    triton.require(*recipes.to_load(settings.MODEL_REPOSITORY, list(recipes.RECIPES)))
    return triton.http_url()
