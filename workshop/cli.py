"""The `workshop` command."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from workshop import settings
from workshop.errors import WorkshopError, first_line
from workshop.progress import progress

SERVICES = click.Choice(["triton", "arango"])
TRITON_OPTIONS = ("model_repository", "models", "http_port", "grpc_port", "metrics_port", "model_control_mode", "device")
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
        except Exception as error:
            from workshop.machine import lost

            line = error if isinstance(error, WorkshopError) else lost.explain(error)
            if line is None or context.params.get("debug"):
                raise
            click.echo(f"workshop: {line}", err=True)
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


@main.command()
@click.argument("service", type=SERVICES, required=False)
@click.option("--model-repository", type=click.Path(file_okay=False, path_type=Path), help="Folder of models to serve.")
@click.option("--http-port", type=click.IntRange(1, 65535), help="Port of HTTP.  [default: last time's, else 8000]")
@click.option("--grpc-port", type=click.IntRange(1, 65535), help="Port of gRPC.  [default: last time's, else 8001]")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Port of metrics.  [default: last time's, else 8002]")
@click.option(
    "--model-control-mode",
    type=click.Choice(["none", "explicit", "poll"]),
    help="explicit: load --models at the start, then on request; none: load all that is in the folder; poll: watch it too.  "
    "[default: explicit]",
)
@click.option(
    "--models",
    metavar="A,B|all|none",
    help="Models to load, with those that they call.  [default: what `workshop ask` needs; all of another repository]",
)
@click.option("--gpu", "device", flag_value="gpu", help="Refuse to start without a GPU.")
@click.option("--cpu", "device", flag_value="cpu", help="Hide the GPUs from the server.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of ArangoDB.  [default: last time's, else 8529]")
@click.option("--root-password", help="Password of ArangoDB's user root.  [default: made up, kept in the state folder]")
@click.option("--jwt-secret", help="What ArangoDB signs tokens with.  [default: made up, kept in the state folder]")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where ArangoDB keeps its data.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    help="Seconds to wait; a service that is not ready then is left to go on alone.",
)
@click.option("--watch", is_flag=True, help="Stay, and heal models whose process dies, until Ctrl-C; the services run on.")
def up(service: str | None, timeout: float | None, watch: bool, **options: Any) -> None:
    """Start the services in the background; return when they are ready, or say why not.

    Loading may take as long as it shows signs of work. The ports given hold for the next start too.
    """
    if watch and service == "arango":
        raise click.UsageError("--watch: not for arango; it watches the models of Triton")
    given = {name for name, value in options.items() if value is not None}
    foreign = given & set({"triton": ARANGO_OPTIONS, "arango": TRITON_OPTIONS}.get(service or "", ()))
    if foreign:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(foreign))
        raise click.UsageError(f"{names}: not for {service}")
    if service != "triton":
        _up_arango(timeout=timeout, **{name: options[name] for name in ARANGO_OPTIONS})
    if service != "arango":
        _up_triton(timeout=timeout, watch=watch, **{name: options[name] for name in TRITON_OPTIONS})
    if watch:
        from workshop.triton import watching

        try:
            watching.watch(_line)
        except KeyboardInterrupt:
            out.print("\nthe watching has ended; the services run on, `workshop down` stops them")


def _line(text: str) -> None:
    out.print(text, markup=False)


def _up_arango(**options: Any) -> None:
    from workshop import arango
    from workshop.arango import server

    if server.external():
        arango.connect("_system")
        out.print(f"ArangoDB {arango.version()} runs at {server.url()} (ARANGO_URL); nothing to start")
        return
    began = time.monotonic()
    with progress(out, "starting ArangoDB") as tell:
        running, started = server.up(progress=tell, **options)
    took = f"ready in {time.monotonic() - began:.1f} s" if started else "runs already"
    out.print(f"ArangoDB {arango.version()} (embedded) {took}: {running.urls['http']} (pid {running.pid})")


def _up_triton(models: str | None, watch: bool, **options: Any) -> None:
    from workshop.course import recipes
    from workshop.machine import hardware, serving
    from workshop.triton import configuration, loading, own, server

    if watch and server.external():
        raise click.UsageError("--watch: not with TRITON_URL: the processes of a server that runs elsewhere cannot be seen")
    own.remove_abandoned()  # else `--models all` would load them
    began = time.monotonic()
    if models is not None and (mode := options["model_control_mode"]) in ("none", "poll"):
        raise click.UsageError(f"--models: not with --model-control-mode {mode}, which loads all that is in the folder")
    repository = server.repository(options["model_repository"])
    gpu = options["device"] != "cpu" and hardware.has_gpu()
    wanted = recipes.to_load(repository, recipes.chosen(repository, models), gpu=gpu)
    if server.external():
        serving.ensure(server)
        out.print(f"Triton {server.version()} runs at {server.http_url()} (TRITON_URL); nothing to start")
        started = False
    else:
        with progress(out, "starting Triton and loading its models") as tell:
            running, started = server.up(models=wanted, progress=tell, **options)
        took = f"ready in {time.monotonic() - began:.1f} s" if started else "runs already"
        out.print(
            f"Triton {server.version()} {took}: HTTP {running.urls['http']}, gRPC {running.urls['grpc']}, "
            f"metrics {running.urls['metrics']} (pid {running.pid})"
        )
        repository = Path(running.options["model_repository"])
        if left_out := configuration.without_file(repository):
            out.print(f"  left out: {', '.join(left_out)}; the Python model's file is missing, at which this release hangs")
        if repository == settings.MODEL_REPOSITORY and (names := recipes.missing()):
            out.print(f"  not built yet: {', '.join(names)}; `workshop build` builds and loads what is missing")
    problems = {}
    if models is not None and not started and (missing := loading.not_served(wanted)):
        with progress(out, "loading") as tell:
            tell(f"loading {', '.join(missing)}")
            problems = loading.load(missing)
    failed = [model for model in loading.models() if model.state != "READY" and model.reason not in ("", "unloaded")]
    problems |= {f"{model.name}{f' version {model.version}' * bool(model.version)}": model.reason for model in failed}
    try:
        loading.raise_failed(problems)
    except WorkshopError as error:
        if not watch:
            raise
        _line(f"{error}")


@main.command()
@click.argument("service", type=SERVICES, required=False)
def down(service: str | None) -> None:
    """Stop the services with everything that they started. ArangoDB's data stays."""
    from workshop.arango import server as arango_server
    from workshop.triton import server as triton_server

    for name, title, server in (("triton", "Triton", triton_server), ("arango", "ArangoDB", arango_server)):
        if service in (None, name):
            with progress(out, f"stopping {title}") as tell:
                tell(f"stopping {title}")
                stopped = server.down()
            out.print(f"{title} stopped" if stopped else f"{title} was not running")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show each service: url, pid, version, models and their state, and models whose process died."""
    triton, arango = _triton_status(), _arango_status()
    if as_json:
        click.echo(json.dumps({"triton": triton, "arango": arango}, indent=2))
        return
    _show_service("ArangoDB", "arango", arango)
    _show_service("Triton", "triton", triton)
    if triton["running"]:
        table = Table("model", "version", "state", "processes", "MB", "reason", box=None)
        for column in (3, 4):
            table.columns[column].justify = "right"
        for model in triton["models"]:
            processes, memory, died = model["processes"], model["memory_bytes"], model["dead_processes"]
            figures = (
                f"{processes} of {processes + died}" if died else str(processes or ""),
                f"{memory / 1e6:,.0f}" if memory else "",
            )
            style = "bold red" if died else None
            state = f"{model['state']}, DEAD" if died else model["state"]
            table.add_row(model["name"], model["version"] or "–", state, *figures, first_line(model["reason"]), style=style)
        out.print(table)
        if triton["memory_bytes"]:
            out.print(
                f"memory of the server and its {triton['processes'] - 1} model processes: "
                f"{triton['memory_bytes'] / 1e6:,.0f} MB (proportional: what they share is counted once)"
            )
        if names := list(dict.fromkeys(model["name"] for model in triton["models"] if model["dead_processes"])):
            _line(
                f"PROBLEM: model processes died, and requests to {', '.join(names)} fail; `workshop heal` brings them back"
            )
        if triton["external"]:
            out.print("its processes cannot be seen from here: whether one died is not known")


def _show_service(title: str, name: str, service: dict[str, Any]) -> None:
    up, variable, url = f"`workshop up {name}`", f"{name.upper()}_URL", service["url"]
    log = settings.shown(service["log"] or "")
    if service["running"]:
        where = variable if service["external"] else f"pid {service['pid']}, log {log}"
        addresses = f"HTTP {url}, gRPC {service['grpc_url']}" if name == "triton" else url
        out.print(f"{title} {service['version']}: {addresses} ({where})")
    elif service["external"]:
        out.print(f"{title} does not run at {url}, which {variable} names; start it there, or name another one")
    elif service["died"]:
        out.print(f"{title} died: its log, {log}, ends at {service['died']['at']} with", markup=False)
        out.print(service["died"]["log_tail"], markup=False)
        out.print(f"  {up} starts it again")
    elif service["loading"]:
        out.print(f"{title} (pid {service['pid']}) is starting: {service['loading']}; {up} waits for it, its log is {log}")
    elif service["pid"]:
        raise WorkshopError(
            f"{title} (pid {service['pid']}) runs but does not answer at {url}; its log is {log}. "
            f"`workshop down {name}`, then {up}"
        )
    else:
        out.print(f"{title} does not run; {up} starts it at {url}")


def _triton_status() -> dict[str, Any]:
    from workshop.triton import healing, loading, processes, server

    running = None if server.external() else server.find()
    version = server.version()
    served = {(one.name, one.version): one for one in healing.look()} if version and running else {}
    models = loading.models() if version else []
    models += [
        loading.Model(*key, "READY", "has no folder in the repository") for key, one in served.items() if not one.listed
    ]
    used = processes.usage(running, {key: one.groups for key, one in served.items()}) if running else {}
    rows = []
    for model in models:
        of_one, state = used.get((model.name, model.version), processes.Usage(0, 0)), served.get((model.name, model.version))
        rows.append(
            {
                **vars(model),
                "reason": "; ".join(part for part in (state.fault if state else "", model.reason) if part),
                "processes": of_one.processes,
                "dead_processes": (state.died if state else 0) if running else None,
                "memory_bytes": of_one.memory,
            }
        )
    return {
        **_service_status(server.NAME, running, version, server.external(), server.http_url()),
        "grpc_url": server.grpc_url(),
        "metrics_url": running.urls["metrics"] if running else None,
        "loading": server.loading(running) if running and not version and not server.was_ready(running) else None,
        "processes": sum(of_one.processes for of_one in used.values()),
        "memory_bytes": sum(of_one.memory for of_one in used.values()),
        "models": rows,
    }


def _arango_status() -> dict[str, Any]:
    from workshop import arango
    from workshop.arango import server

    running = None if server.external() else server.find()
    status = _service_status(server.NAME, running, arango.version(), server.external(), server.url())
    return {**status, "loading": None, "database": arango.database_name()}


def _service_status(name: str, running: Any, version: str | None, external: bool, url: str) -> dict[str, Any]:
    from workshop.machine import services

    service = running or (None if external else services.find_dead(name))
    dead = service is not None and service is not running
    return {
        "running": version is not None,
        "external": external,
        "url": url,
        "pid": running.pid if running else None,
        "version": version,
        "options": service.options if service else None,
        "log": service.log if service else None,
        "died": {"at": services.died_at(service), "log_tail": services.log_tail(service, 5)} if dead else None,
    }


@main.command()
@click.argument("models", nargs=-1)
def heal(models: tuple[str, ...]) -> None:
    """Unload and load models whose process died (all of them, or the MODELS named, dead or not).

    A model comes back with the configuration that it had, and ensembles with it. The other models answer meanwhile.
    """
    from workshop.triton import healing

    healing.heal_command(models, _line)


@main.command()
@click.argument("models", nargs=-1)
@click.option("--force", is_flag=True, help="Build models that are built already too.")
def build(models: tuple[str, ...], force: bool) -> None:
    """Make the weights that the committed configurations ask for: all that are missing, or the MODELS named.

    The code that is run stands in the notebooks, in the cells tagged `build`. A running server loads the MODELS named, what
    it served before, and what the first answers need.
    """
    from workshop.course import build as building
    from workshop.course import recipes
    from workshop.triton import loading, server

    wanted = list(models) or (list(recipes.RECIPES) if force else recipes.missing())
    if wanted:
        began = time.monotonic()
        with progress(out, f"building {', '.join(wanted)}") as tell:
            wanted = building.build(wanted, progress=tell, without=None if models else out.print)
        out.print(f"built {', '.join(wanted) or 'nothing'} in {time.monotonic() - began:.0f} s")
    else:
        out.print("all models are built")
    if server.version() is None:
        return
    ready = loading.ready()
    first = [name for name in loading.needed(recipes.FIRST) if name not in ready]
    names = loading.needed([*models, *first, *(name for name in wanted if name in ready)])
    if names := [name for name in names if name in wanted or name not in ready]:
        with progress(out, "loading") as tell:
            tell(f"loading {', '.join(names)}")
            loading.raise_failed(loading.load(names))
        out.print(f"loaded {', '.join(names)}")


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--database", help='Restore into this database, made where it is missing.  [default: ARANGO_DB or "workshop"]')
@click.option("--force", is_flag=True, help="Restore what is there already too.")
def restore(folder: Path, database: str | None, force: bool) -> None:
    """Restore FOLDER, written by arangodump, into ArangoDB: the embedded one or the one that ARANGO_URL names."""
    from workshop.arango.dump import restore as restoring

    restoring.restore_command(folder, database, force, out)


@main.command()
def ask() -> None:
    """Ask each application one real question and print the answers."""
    from workshop.course import questions

    questions.ask(out)


@main.command()
@click.argument("notebooks", nargs=-1)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Where the HTML report goes.")
def run(notebooks: tuple[str, ...], report: Path | None) -> None:
    """Execute the course in order, or the NOTEBOOKS named (`01`, `01_serve_a_model`), and write an HTML report.

    The notebooks themselves are left as they are.
    """
    from workshop.course import running

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
    from workshop.machine import doctor as examination

    findings = examination.examine()
    table = Table("", "what", "found", box=None)
    for finding in findings:
        table.add_row({"ok": "ok", "note": "note", "problem": "PROBLEM"}[finding.level], finding.what, finding.text)
    out.print(table)
    problems = [finding for finding in findings if finding.level == "problem"]
    if problems:
        raise WorkshopError(f"{len(problems)} problem(s): {', '.join(finding.what for finding in problems)}")
