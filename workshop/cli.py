"""The `workshop` command."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from workshop import settings
from workshop.errors import WorkshopError

SERVICES = click.Choice(["triton", "arango"])
TRITON_OPTIONS = ("model_repository", "http_port", "grpc_port", "metrics_port", "model_control_mode", "device")
ARANGO_OPTIONS = ("port", "root_password", "jwt_secret", "data_dir")
out = Console(highlight=False, soft_wrap=True)


class Commands(click.Group):
    """Shows the commands in the order of use, and errors as one clear line with the remedy."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The commands in the order in which they are defined."""
        return list(self.commands)

    def invoke(self, context: click.Context) -> Any:
        """Run a command; a traceback only with --debug."""
        try:
            return super().invoke(context)
        except WorkshopError as error:
            if context.params.get("debug"):
                raise
            click.echo(f"workshop: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("\nworkshop: interrupted; what had been started for this command was stopped", err=True)
            sys.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--debug", is_flag=True, help="Show a traceback with errors.")
def main(debug: bool) -> None:
    """Start the course's services, build its models, run its notebooks and benchmarks.

    TRITON_URL and TRITON_GRPC_URL name a Triton server that already runs; then none is started. So does ARANGO_URL for
    ArangoDB, with ARANGO_USER, ARANGO_PASSWORD and ARANGO_DB. WORKSHOP_HOME is the state folder, by default .workshop in
    the checkout.
    """


@contextlib.contextmanager
def _progress(text: str) -> Iterator[Callable[..., None]]:
    """A line that shows what is being waited for: live on a terminal, written once after two seconds elsewhere.

    Yields a function that takes a new text, or the seconds waited so far.
    """
    began, told = time.monotonic(), False
    with out.status(text) if out.is_terminal else contextlib.nullcontext() as status:

        def tell(news: str | float) -> None:
            nonlocal told
            line = news if isinstance(news, str) else f"{text} ({news:.0f} s)"
            if status is not None:
                status.update(line)
            elif isinstance(news, str):
                out.print(f"  {line}")
            elif not told and time.monotonic() - began > 2:
                out.print(f"  {text} …")
                told = True

        yield tell


@main.command()
@click.argument("service", type=SERVICES, required=False)
@click.option("--model-repository", type=click.Path(file_okay=False, path_type=Path), help="Folder of models to serve.")
@click.option("--http-port", type=click.IntRange(1, 65535), help="Port of HTTP.  [default: 8000]")
@click.option("--grpc-port", type=click.IntRange(1, 65535), help="Port of gRPC.  [default: 8001]")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Port of the metrics.  [default: 8002]")
@click.option(
    "--model-control-mode",
    type=click.Choice(["none", "explicit", "poll"]),
    help="explicit: load all models at the start, then on request; poll: watch the folder.  [default: explicit]",
)
@click.option("--gpu", "device", flag_value="gpu", help="Refuse to start without a GPU.")
@click.option("--cpu", "device", flag_value="cpu", help="Hide the GPUs from the server.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of ArangoDB.  [default: 8529]")
@click.option("--root-password", help="Password of ArangoDB's user root.  [default: made up, kept in the state folder]")
@click.option("--jwt-secret", help="What ArangoDB signs tokens with.  [default: made up, kept in the state folder]")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where ArangoDB keeps its data.")
def up(service: str | None, **options: Any) -> None:
    """Start the services in the background; return when they are ready, or say why not."""
    given = {name for name, value in options.items() if value is not None}
    foreign = given & set({"triton": ARANGO_OPTIONS, "arango": TRITON_OPTIONS}.get(service or "", ()))
    if foreign:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(foreign))
        raise click.UsageError(f"{names}: not for {service}")
    if service != "triton":
        _up_arango(**{name: options[name] for name in ARANGO_OPTIONS})
    if service != "arango":
        _up_triton(**{name: options[name] for name in TRITON_OPTIONS})


def _up_arango(**options: Any) -> None:
    from workshop import arango
    from workshop.arango import server

    if server.external():
        arango.connect("_system")
        out.print(f"ArangoDB {arango.version()} runs at {server.url()} (ARANGO_URL); nothing to start")
        return
    began = time.monotonic()
    with _progress("starting ArangoDB") as tell:
        running, started = server.up(progress=tell, **options)
    took = f"ready in {time.monotonic() - began:.1f} s" if started else "runs already"
    out.print(f"ArangoDB {arango.version()} (embedded) {took}: {running.urls['http']} (pid {running.pid})")


def _up_triton(**options: Any) -> None:
    from workshop import recipes
    from workshop.triton import server

    if server.external():
        server.ensure()
        out.print(f"Triton {server.version()} runs at {server.http_url()} (TRITON_URL); nothing to start")
    else:
        began = time.monotonic()
        with _progress("starting Triton and loading its models") as tell:
            running, started = server.up(progress=tell, **options)
        took = f"ready in {time.monotonic() - began:.1f} s" if started else "runs already"
        out.print(
            f"Triton {server.version()} {took}: HTTP {running.urls['http']}, gRPC {running.urls['grpc']}, "
            f"metrics {running.urls['metrics']} (pid {running.pid})"
        )
        if Path(running.options["model_repository"]) == settings.MODEL_REPOSITORY and (names := recipes.missing()):
            out.print(f"  not built yet: {', '.join(names)}; `workshop build` builds and loads what is missing")
    failed = [model for model in server.models() if model.state != "READY" and model.reason not in ("", "unloaded")]
    if failed:
        reasons = "\n".join(f"  {model.name} version {model.version}: {_first_line(model.reason)}" for model in failed)
        raise WorkshopError(f"the server is up, but {len(failed)} model version(s) could not be loaded:\n{reasons}")


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0]


@main.command()
@click.argument("service", type=SERVICES, required=False)
def down(service: str | None) -> None:
    """Stop the services with everything that they started. ArangoDB's data stays."""
    from workshop.arango import server as arango_server
    from workshop.triton import server as triton_server

    for name, title, server in (("triton", "Triton", triton_server), ("arango", "ArangoDB", arango_server)):
        if service in (None, name):
            with _progress(f"stopping {title}") as tell:
                tell(f"stopping {title}")
                stopped = server.down()
            out.print(f"{title} stopped" if stopped else f"{title} was not running")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show each service: url, pid, version, models and their state."""
    triton, arango = _triton_status(), _arango_status()
    if as_json:
        click.echo(json.dumps({"triton": triton, "arango": arango}, indent=2))
        return
    for title, name, service in (("ArangoDB", "arango", arango), ("Triton", "triton", triton)):
        if not service["running"] and service["pid"]:
            raise WorkshopError(
                f"{title} (pid {service['pid']}) runs but does not answer at {service['url']}; its log is "
                f"{settings.shown(service['log'])}. `workshop down {name}`, then `workshop up {name}`"
            )
        variable = f"{name.upper()}_URL"
        if not service["running"]:
            where = f" at {service['url']}, which {variable} names" if service["external"] else ""
            out.print(f"{title} does not run{where}; `workshop up {name}` starts it")
            continue
        where = variable if service["external"] else f"pid {service['pid']}, log {settings.shown(service['log'])}"
        if name == "arango":
            out.print(f"{title} {service['version']}: {service['url']} ({where})")
        else:
            out.print(f"{title} {service['version']}: HTTP {service['url']}, gRPC {service['grpc_url']} ({where})")
    if triton["running"]:
        table = Table("model", "version", "state", "reason", box=None)
        for model in triton["models"]:
            table.add_row(model["name"], model["version"] or "–", model["state"], _first_line(model["reason"]))
        out.print(table)


def _triton_status() -> dict[str, Any]:
    from workshop.triton import server

    running = None if server.external() else server.find()
    version = server.version() if running or server.external() else None
    models = server.models() if version else []
    return {
        **_service_status(running, version, server.external(), server.http_url()),
        "grpc_url": server.grpc_url(),
        "metrics_url": running.urls["metrics"] if running else None,
        "models": [vars(model) for model in models],
    }


def _arango_status() -> dict[str, Any]:
    from workshop import arango
    from workshop.arango import server

    running = None if server.external() else server.find()
    version = arango.version() if running or server.external() else None
    return {**_service_status(running, version, server.external(), server.url()), "database": arango.database_name()}


def _service_status(running: Any, version: str | None, external: bool, url: str) -> dict[str, Any]:
    return {
        "running": version is not None,
        "external": external,
        "url": url,
        "pid": running.pid if running else None,
        "version": version,
        "options": running.options if running else None,
        "log": running.log if running else None,
    }


@main.command()
@click.argument("models", nargs=-1)
@click.option("--force", is_flag=True, help="Build models that are built already too.")
def build(models: tuple[str, ...], force: bool) -> None:
    """Make the weights that the committed configurations ask for: all that are missing, or the MODELS named.

    The code that is run stands in the notebooks, in the cells tagged `build`. A running server loads what was built.
    """
    from workshop import build as building
    from workshop import recipes
    from workshop.triton import server

    wanted = list(models) or (list(recipes.RECIPES) if force else recipes.missing())
    if wanted:
        began = time.monotonic()
        with _progress(f"building {', '.join(wanted)}") as tell:
            building.build(wanted, progress=tell)
        out.print(f"built {', '.join(wanted)} in {time.monotonic() - began:.0f} s")
    else:
        out.print("all models are built")
    if server.version() is None:
        return
    ready = {model.name for model in server.models() if model.state == "READY"}
    names = [name for name in recipes.RECIPES if name in wanted or (not models and name not in ready)]
    if names:
        with _progress("loading") as tell:
            tell(f"loading {', '.join(names)}")
            problems = building.load(names)
        if problems:
            raise WorkshopError("the server could not load what was built:\n  " + "\n  ".join(problems))
        out.print(f"loaded {', '.join(names)}")


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--database", help='Restore into this database, made where it is missing.  [default: ARANGO_DB or "workshop"]')
@click.option("--force", is_flag=True, help="Restore what is there already too.")
def restore(folder: Path, database: str | None, force: bool) -> None:
    """Restore FOLDER, written by arangodump, into ArangoDB: the embedded one or the one that ARANGO_URL names."""
    from workshop.arango import dump

    dump.restore_command(folder, database, force, out)


@main.command()
def ask() -> None:
    """Ask each application one real question and print the answers."""
    from workshop import questions

    questions.ask(out)


@main.command()
@click.argument("notebooks", nargs=-1)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Where the HTML report goes.")
def run(notebooks: tuple[str, ...], report: Path | None) -> None:
    """Execute the course in order, or the NOTEBOOKS named (`01`, `01_serve_a_model`), and write an HTML report.

    The notebooks themselves are left as they are.
    """
    from workshop import running

    path = report or settings.home() / "report.html"
    results = running.run(list(notebooks), report=path, console=out)
    out.print(f"report: {settings.shown(path)}")
    failed = [result.name for result in results if result.error]
    if failed:
        raise WorkshopError(f"{len(failed)} of {len(results)} notebooks failed: {', '.join(failed)}")


@main.command()
@click.argument("names", nargs=-1)
@click.option("--quick", is_flag=True, help="Less data and fewer repetitions: a look, not a measurement.")
def bench(names: tuple[str, ...], quick: bool) -> None:
    """Run the benchmarks (all, or the NAMES given), print a table, write benchmarks/results/*.json."""
    from workshop import bench as benchmarks

    benchmarks.run(list(names), quick=quick, console=out)


@main.command()
def doctor() -> None:
    """Check the machine and say what is missing and how to get it."""
    from workshop import doctor as examination

    findings = examination.examine()
    table = Table("", "what", "found", box=None)
    for finding in findings:
        table.add_row({"ok": "ok", "note": "note", "problem": "PROBLEM"}[finding.level], finding.what, finding.text)
    out.print(table)
    problems = [finding for finding in findings if finding.level == "problem"]
    if problems:
        raise WorkshopError(f"{len(problems)} problem(s): {', '.join(finding.what for finding in problems)}")
