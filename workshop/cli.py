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

SERVICES = click.Choice(["triton"])
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

    TRITON_URL and TRITON_GRPC_URL name a Triton server that already runs; then none is started. WORKSHOP_HOME is the
    state folder, by default .workshop in the checkout.
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
def up(service: str | None, **options: Any) -> None:
    """Start the services in the background; return when they are ready, or say why not."""
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
    """Stop the services with everything that they started."""
    from workshop.triton import server

    with _progress("stopping Triton") as tell:
        tell("stopping Triton")
        stopped = server.down()
    out.print("Triton stopped" if stopped else "Triton was not running")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show each service: url, pid, version, models and their state."""
    from workshop.triton import server

    running = None if server.external() else server.find()
    version = server.version() if running or server.external() else None
    models = server.models() if version else []
    triton = {
        "running": version is not None,
        "external": server.external(),
        "url": server.http_url(),
        "grpc_url": server.grpc_url(),
        "metrics_url": running.urls["metrics"] if running else None,
        "pid": running.pid if running else None,
        "version": version,
        "options": running.options if running else None,
        "log": running.log if running else None,
        "models": [vars(model) for model in models],
    }
    if as_json:
        click.echo(json.dumps({"triton": triton}, indent=2))
        return
    if not triton["running"]:
        if running:
            raise WorkshopError(
                f"Triton (pid {running.pid}) runs but does not answer at {triton['url']}; its log is "
                f"{settings.shown(running.log)}. `workshop down`, then `workshop up`"
            )
        where = f" at {triton['url']}, which TRITON_URL names" if triton["external"] else ""
        out.print(f"Triton does not run{where}; `workshop up` starts it")
        return
    where = "TRITON_URL" if triton["external"] else f"pid {triton['pid']}, log {settings.shown(triton['log'])}"
    out.print(f"Triton {version}: HTTP {triton['url']}, gRPC {triton['grpc_url']} ({where})")
    table = Table("model", "version", "state", "reason", box=None)
    for model in models:
        table.add_row(model.name, model.version or "–", model.state, _first_line(model.reason))
    out.print(table)


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
@click.option("--quick", is_flag=True, help="Fewer texts and repetitions: a look, not a measurement.")
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
