"""What every test run shares: the services that notebooks and tests talk to, and the option --slow.

`pytest --nbval notebooks` works by itself: what the collected notebooks need and does not run yet is started here, on
free ports, and stopped again. A server that runs already is used and left running.
"""

import pytest

from workshop import arango, build, lessons, recipes, services, settings, triton
from workshop.arango import dump


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
        self.started = []

    def ensure(self, tell=lambda text: None):
        if not self.ready:
            self.ensure_arango(tell)
            self.ensure_triton(tell)
            self.ready = True

    def ensure_arango(self, tell):
        if not arango.external() and arango.find() is None:
            tell("starting ArangoDB for this run")
            arango.up(port=services.free_port(), remember=False)
            self.started.append(arango)
        for name in ("movies", "products"):
            dump.restore(settings.ROOT / "dump" / name, arango.connect())

    def ensure_triton(self, tell):
        if not triton.external() and triton.find() is None:
            tell("starting Triton for this run")
            names = ("http_port", "grpc_port", "metrics_port")
            ports = dict(zip(names, services.free_ports(len(names))))
            triton.up(**ports, remember=False)
            self.started.append(triton)
        triton.ensure()
        if missing := recipes.missing():
            tell(f"building {', '.join(missing)}")
            build.build(missing)
        ready = {model.name for model in triton.models() if model.state == "READY"}
        problems = build.load([name for name in recipes.RECIPES if name in missing or name not in ready])
        assert not problems, problems

    def stop(self):
        for service in self.started:
            service.down()


SERVICES = Services()


def pytest_collection_finish(session):
    if not session.config.option.collectonly and any(item.path.suffix == ".ipynb" for item in session.items):
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        SERVICES.ensure(reporter.write_line)


def pytest_sessionfinish(session):
    SERVICES.stop()


@pytest.fixture(scope="session")
def triton_server():
    """A server that serves all models of the course; its HTTP address as host:port."""
    SERVICES.ensure()
    return triton.http_url()
