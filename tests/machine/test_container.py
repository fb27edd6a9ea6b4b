"""compose.yaml and Dockerfile: what can be checked of them without Docker, and one test that builds and starts them."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as httpclient
import yaml

import workshop
from workshop import settings
from workshop.course import recipes
from workshop.machine import doctor, services
from workshop.triton import configuration, server

COMPOSE = yaml.safe_load((settings.ROOT / "compose.yaml").read_text())
DOCKERFILE = (settings.ROOT / "Dockerfile").read_text()
PACKAGES_OF = importlib.metadata.packages_distributions()
MODELS = sorted(settings.MODEL_REPOSITORY.glob("*/*/model.py"))
IN_IMAGE = {"numpy", "triton_python_backend_utils"}
OPTIONAL = {"workshop"}  # asked for the embedded ArangoDB's address; a model must do without it (test_product_embedder)
OWN_PACKAGES = {
    path.parts[-3] for path in MODELS if "EXECUTION_ENV_PATH" in configuration.as_json(path.parents[1]).get("parameters", {})
} | set(recipes.BY_NAME)
STANDARD_LIBRARY = sys.stdlib_module_names
SERVICES = sorted(name for name in COMPOSE["services"] if name.startswith("triton"))


def installed() -> list[str]:
    """The packages that the Dockerfile installs."""
    return re.search(r'^ARG PACKAGES="([^"]*)"$', DOCKERFILE, re.MULTILINE)[1].split()


def importable() -> set[str]:
    """The modules that those packages bring, by whose names they are imported."""
    modules = set(re.search(r'^ARG MODULES="([^"]*)"$', DOCKERFILE, re.MULTILINE)[1].split())
    brought = {module for module in modules if set(PACKAGES_OF.get(module, [])) & set(installed())}
    assert brought == modules and len(modules) == len(installed())
    return modules


def image() -> str:
    """The image that the Dockerfile builds on."""
    return re.search(r"^FROM (\S+)$", DOCKERFILE, re.MULTILINE)[1]


def service(name: str) -> dict:
    """A service with what it takes over from another one, for the plain keys that are looked at here."""
    own = COMPOSE["services"][name]
    base = service(own["extends"]["service"]) if "extends" in own else {}
    return {**base, **own}


def third_party(source: str) -> set[str]:
    """The packages that a source imports, without those of Python itself."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names} - STANDARD_LIBRARY


# --- Dockerfile ---


def test_image_is_a_release_without_the_holes_of_the_embedded_one():
    def order(release):
        return tuple(map(int, release.split(".")))

    assert order(doctor.EMBEDDED.name) < order(doctor.SAFE_SINCE) <= order(doctor.CONTAINER_RELEASE.name)
    assert image().endswith(f"/tritonserver:{doctor.CONTAINER_RELEASE.name}-py3")


def test_no_other_file_names_the_image():
    assert image() not in (settings.ROOT / "compose.yaml").read_text()
    assert DOCKERFILE.count("tritonserver:") == 1


def test_versions_come_from_the_lock():
    assert installed()
    assert set(installed()) <= set(doctor.pins(doctor.LOCK.read_text()))
    assert "COPY requirements.lock" in DOCKERFILE
    assert not re.search(r"[=~<>]=\s*\d", DOCKERFILE), "the Dockerfile has a version of its own"


def test_the_build_takes_its_packages_from_the_lock_and_stops_at_unknown_ones(tmp_path):
    loop = re.search(r"^RUN (for name in \$PACKAGES; do grep .*?; done)", DOCKERFILE, re.MULTILINE)[1]
    loop = loop.replace("/tmp/requirements.lock", str(doctor.LOCK))

    def chosen(packages):
        return subprocess.run(["sh", "-c", loop], env={**os.environ, "PACKAGES": packages}, capture_output=True, text=True)

    lines = chosen("tokenizers numpy").stdout.splitlines()
    pinned = doctor.pins(doctor.LOCK.read_text())
    assert lines == [f"tokenizers=={pinned['tokenizers']}", f"numpy=={pinned['numpy']}"]
    assert chosen("tokenizers no-such-package").returncode != 0


# --- the models ---


def test_there_are_python_models():
    assert MODELS


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.parts[-3])
def test_imports_of_a_model_are_in_the_image(model):
    if model.parts[-3] in OWN_PACKAGES:
        pytest.skip("its packages come with an environment of its own: docs/environments.md")
    recipe = recipes.RECIPES.get(model.parts[-3])
    beside = {Path(file).stem for file in recipe.files if file.endswith(".py")} if recipe else set()
    copied = [path for name in beside for path in Path(workshop.__path__[0]).rglob(f"{name}.py")]
    sources = [path.read_text() for path in (model, *copied)]
    assert set().union(*map(third_party, sources)) <= IN_IMAGE | OPTIONAL | beside | importable()


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.parts[-3])
def test_model_is_in_the_language_of_the_image(model):
    ast.parse(model.read_text(), feature_version=(3, 12))


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.parts[-3])
def test_model_takes_its_files_from_its_own_folder(model):
    if model.parts[-3] in recipes.BY_NAME:
        pytest.skip("its weights are not the course's: a parameter says where they are")
    outside = r"site-packages|sysconfig|importlib(?!\.metadata)|find_spec|expanduser|[\"']/\w+/|huggingface|from_pretrained"
    assert not re.search(outside, model.read_text())


def test_imports_are_found_wherever_they_stand():
    source = "import os, numpy.linalg\ntry:\n    from torch.nn import Linear\nexcept ImportError:\n    import tomli as t\n"
    assert third_party(source) == {"numpy", "torch", "tomli"}


# --- compose.yaml ---


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_on_this_machine_only(name):
    ports = service(name)["ports"]
    assert [port.rsplit(":", 1)[1] for port in ports] == ["8000", "8001", "8002"]
    for port in ports:
        assert re.fullmatch(r"127\.0\.0\.1:\$\{TRITON_[A-Z]+_PORT:-(\d+)\}:\1", port)


@pytest.mark.parametrize("name", SERVICES)
def test_models_are_mounted_read_only(name):
    [mount] = service(name)["volumes"]
    source, target, options = mount.split(":")
    assert (settings.ROOT / source).resolve() == settings.MODEL_REPOSITORY
    assert "ro" in options.split(",")
    assert f"--model-repository={target}" in service(name)["command"]


@pytest.mark.parametrize("name", SERVICES)
def test_server_is_started_as_the_embedded_one_is(name):
    wanted = {"--model-control-mode=explicit", "--load-model=*", "--exit-on-error=false", "--strict-readiness=false"}
    wanted.add("--metrics-config=summary_latencies=true")
    assert wanted <= set(service(name)["command"])
    assert service(name)["command"][0] == "tritonserver"
    assert service(name)["shm_size"] == "1g"
    assert not [flag for flag in service(name)["command"] if "client-shm" in flag]
    assert server.MEMORY.items() <= service(name)["environment"].items()
    assert service(name)["healthcheck"]["test"][-1].endswith("/v2/health/ready")


def test_only_the_gpu_service_asks_for_a_gpu_and_only_when_named():
    assert "deploy" not in COMPOSE["services"]["triton"] and "profiles" not in COMPOSE["services"]["triton"]
    extra = COMPOSE["services"]["triton-gpu"]
    assert extra["profiles"] == ["gpu"]
    [device] = extra["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia" and device["capabilities"] == ["gpu"]


def test_arangodb_has_its_vector_indexes_a_password_and_only_this_machine():
    arangodb = COMPOSE["services"]["arangodb"]
    assert arangodb["image"] == "arangodb:3.12" and arangodb["profiles"] == ["arangodb"]
    assert arangodb["command"] == ["arangod", "--vector-index", "true"]
    assert arangodb["environment"] == {"ARANGO_ROOT_PASSWORD": "${ARANGO_PASSWORD:-}"}
    assert arangodb["ports"] == ["127.0.0.1:${ARANGO_PORT:-8529}:8529"]
    assert [volume.split(":")[0] for volume in arangodb["volumes"]] == ["arangodb"]
    assert set(COMPOSE["volumes"]) == {"arangodb", "prometheus"}


@pytest.mark.parametrize(("name", "port"), [("prometheus", 9090), ("grafana", 3000)])
def test_what_watches_starts_when_asked_on_this_machine_only(name, port):
    watching = COMPOSE["services"][name]
    assert watching["profiles"] == ["metrics"]
    assert watching["ports"] == [f"127.0.0.1:${{{name.upper()}_PORT:-{port}}}:{port}"]
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", watching["image"]), "the version is not pinned"
    for mount in watching["volumes"]:
        source, _, options = mount.partition(":")
        if source not in COMPOSE["volumes"]:
            assert (settings.ROOT / source).is_dir() and options.endswith(":ro,z")


def test_nobody_signs_in_to_the_dashboard():
    environment = COMPOSE["services"]["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert environment["GF_AUTH_BASIC_ENABLED"] == "false"
    assert not [key for key in environment if "PASSWORD" in key]


def test_prometheus_finds_either_server_by_the_same_name():
    assert COMPOSE["services"]["triton-gpu"]["networks"] == {"default": {"aliases": ["triton"]}}


# --- with Docker ---


def docker(*arguments: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["docker", *arguments],
        cwd=settings.ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def require_docker(*, base_image: bool) -> None:
    """Skip where Docker or its compose plugin is missing, or NVIDIA's image, which no test downloads (many GB)."""
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    if docker("compose", "version").returncode:
        pytest.skip("docker has no compose plugin")
    if base_image and docker("version", "--format", "{{.Server.Version}}").returncode:
        pytest.skip("no Docker engine answers")
    if base_image and docker("image", "inspect", image()).returncode:
        pytest.skip(f"NVIDIA's image is not on this machine; `docker pull {image()}` brings it")


@pytest.mark.docker
def test_compose_reads_the_file():
    require_docker(base_image=False)
    done = docker("compose", "--profile", "gpu", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    resolved = json.loads(done.stdout)["services"]
    assert {port["host_ip"] for one in resolved.values() for port in one["ports"]} == {"127.0.0.1"}
    assert resolved["triton-gpu"]["command"] == resolved["triton"]["command"]


@pytest.mark.docker
@pytest.mark.timeout(1200)
def test_container_serves_the_same_models():
    require_docker(base_image=True)
    names = ("TRITON_HTTP_PORT", "TRITON_GRPC_PORT", "TRITON_METRICS_PORT")
    ports = {name: str(port) for name, port in zip(names, services.free_ports(len(names)))}
    project = f"triton-workshop-test-{uuid.uuid4().hex[:8]}"
    try:
        done = docker("compose", "-p", project, "up", "--build", "--wait", "triton", timeout=900, **ports)
        assert done.returncode == 0, done.stderr[-2000:] + docker("compose", "-p", project, "logs").stdout[-4000:]
        client = httpclient.InferenceServerClient(f"127.0.0.1:{ports['TRITON_HTTP_PORT']}")
        states = {model["name"]: model for model in client.get_model_repository_index()}
        built = [path.parent.name for path in settings.MODEL_REPOSITORY.glob("*/1") if has_weights(path)]
        assert {name: states[name].get("state") for name in built} == dict.fromkeys(built, "READY"), states
        if {"sentence_embedder", "sentence_bert", "sentence_bert_onnx"} <= set(built):
            text = httpclient.InferInput("text", [2, 1], "BYTES")
            text.set_data_from_numpy(np.array([["a cat"], ["a kitten"]], dtype=np.object_))
            vectors = client.infer("sentence_embedder", [text]).as_numpy("embedding")
            assert vectors.shape == (2, 384)
            assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    finally:
        docker("compose", "-p", project, "down", "--volumes", "--timeout", "10", timeout=120, **ports)


def has_weights(version: Path) -> bool:
    """Whether a version folder holds what `workshop build` makes."""
    return any(path.suffix in (".pt", ".onnx", ".json", ".ftz") for path in version.iterdir())
