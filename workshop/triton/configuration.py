"""What stands in a model's config.pbtxt, read as the protobuf text that it is, and what of a model repository can be loaded.

Versions and files are judged as Triton does:
https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_configuration.md
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

UNREADABLE = (text_format.ParseError, UnicodeDecodeError, OSError)


def loadable(repository: Path) -> list[str]:
    """The models of a repository that have something to load, sorted.

    A fresh clone holds configurations whose weights are still to be built: asking the server for those would only bring
    errors. Nor is a Python model without its file asked for, see `without_file`. What cannot be read is left to the
    server, which says what is wrong with it.
    """
    left_out = without_file(repository)
    return [model.name for model in _folders(repository) if model.name not in left_out and _has_something(model)]


def with_called(names: Iterable[str], repository: Path, *, gpu: bool = False) -> list[str]:
    """Models and those that they call, each after the ones that it calls.

    A model calls the steps of its ensemble, and a Python model the models of the repository that its parameters name; of a
    parameter whose key ends in `_on_cpu` or `_on_gpu` the one that fits, and none of one whose key ends in `_where_loaded`.
    """
    ordered: list[str] = []

    def add(name: str, callers: tuple[str, ...]) -> None:
        if name in ordered or name in callers:
            return
        for called in _called(repository / name, gpu):
            if (repository / called).is_dir():
                add(called, (*callers, name))
        ordered.append(name)

    for name in names:
        add(name, ())
    return ordered


def _called(model: Path, gpu: bool) -> Iterator[str]:
    config = _config(model)
    if config is None:
        return
    yield from (step.model_name for step in config.ensemble_scheduling.step)
    for key in sorted(config.parameters):
        value = config.parameters[key].string_value
        if value and not key.endswith(("_on_cpu" if gpu else "_on_gpu", "_where_loaded")):
            yield value


def without_file(repository: Path) -> list[str]:
    """The Python models with a version folder to be loaded that lacks the model's file: this release hangs at them."""
    return [model.name for model in _folders(repository) if _lacks_file(model)]


def _folders(repository: Path) -> list[Path]:
    return sorted(path for path in repository.iterdir() if path.is_dir() and not path.name.startswith("."))


def fault(model: Path) -> str:
    """Why a model's configuration cannot be read, with line and column; empty where it can."""
    try:
        _read(model)
    except UNREADABLE as error:
        return str(error)
    return ""


def as_json(model: Path) -> dict[str, Any]:
    """The configuration in a model's folder as JSON values, the form that a request to load takes."""
    return json_format.MessageToDict(_read(model), preserving_proto_field_name=True)


def _read(model: Path) -> model_config_pb2.ModelConfig:
    """The model's configuration, empty where there is no file: Triton completes it then."""
    file = model / "config.pbtxt"
    return text_format.Parse(file.read_text() if file.exists() else "", model_config_pb2.ModelConfig())


def _config(model: Path) -> model_config_pb2.ModelConfig | None:
    try:
        return _read(model)
    except UNREADABLE:
        return None


def _has_something(model: Path) -> bool:
    """Whether there are files in a version folder, or an ensemble, which needs none."""
    config = _config(model)
    if config is None or config.HasField("ensemble_scheduling") or config.platform == "ensemble":
        return True
    return any(any(version.iterdir()) for version in _versions(model))


def _lacks_file(model: Path) -> bool:
    config = _config(model)
    if config is None or config.backend != "python":
        return False
    file = config.default_model_filename or "model.py"
    return not all((version / file).exists() for version in _chosen(model, config))


def _versions(model: Path) -> list[Path]:
    """The version folders, oldest first."""
    return sorted((path for path in model.iterdir() if path.is_dir() and path.name.isdecimal()), key=lambda p: int(p.name))


def _chosen(model: Path, config: model_config_pb2.ModelConfig) -> list[Path]:
    """The version folders that the version policy loads: by default the latest one."""
    versions, policy = _versions(model), config.version_policy
    if policy.HasField("all"):
        return versions
    if policy.HasField("specific"):
        return [version for version in versions if int(version.name) in policy.specific.versions]
    return versions[-(policy.latest.num_versions or 1) :]
