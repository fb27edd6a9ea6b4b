"""What every test run shares: the services that notebooks and tests talk to, and the option --slow.

`pytest --nbval notebooks` works by itself: what the collected notebooks need and does not run yet is started here, on
free ports, and stopped again. A server that runs already is used and left running.
"""

import contextlib
import os

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


def pytest_configure(config):
    """Where tests are distributed (`-n 2 --dist loadfile`), each worker has servers, and a state folder, of its own."""
    if worker := getattr(config, "workerinput", {}).get("workerid"):
        shared = {name: services.folder(name) for name in ("datasets", "build")}
        os.environ["WORKSHOP_HOME"] = str(settings.home() / "tests" / worker)
        for name, folder in shared.items():
            if not (settings.home() / name).exists():
                (settings.home() / name).symlink_to(folder, target_is_directory=True)


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
            options = {"models": []} if service is triton else {}
            ports = dict(zip(services.PORTS[service.NAME], services.free_ports(len(services.PORTS[service.NAME]))))
            running = service.external() or service.find() is not None
            self.started.enter_context(
                serving(service, tell, **({} if running else {**ports, **options, "remember": False}))
            )
        for name in ("movies", "products"):
            restore(settings.ROOT / "dump" / name, arango.connect())
        with services.exclusive("build"):  # workers share the model repository
            if missing := recipes.missing():
                tell(f"building {', '.join(missing)}")
                build.build(missing)
                loading.raise_failed(loading.load(name for name in missing if name in loading.ready()))
        self.ready = True

    def stop(self):
        self.started.close()


SERVICES = Services()


def pytest_collection_finish(session):
    if not session.config.option.collectonly and any(item.path.suffix == ".ipynb" for item in session.items):
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        SERVICES.ensure(reporter.write_line if reporter else lambda text: None)  # a worker has none


def pytest_sessionfinish(session):
    SERVICES.stop()


@pytest.fixture(scope="session")
def triton_server():
    """A server that serves all models of the course; its HTTP address as host:port."""
    SERVICES.ensure()
    triton.require(*recipes.RECIPES)
    return triton.http_url()
