"""Nothing but packages is downloaded: the course builds, serves and answers where the network ends at the loopback."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support.small_models import free_ports
from workshop import settings
from workshop.course import recipes

LOOPBACK_UP = """
import fcntl, socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    IFF_UP, SIOCSIFFLAGS = 1, 0x8914
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError as error:
    assert error.errno == 101, error  # network is unreachable
else:
    raise SystemExit("the network is not blocked")
"""


def test_build_serve_and_answer_without_a_network(tmp_path):
    """Runs in a network namespace of its own, on a copy of the checkout without any built model or cache."""
    namespace = ["unshare", "--net", "--map-root-user"]
    try:
        allowed = subprocess.run([*namespace, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("this machine does not let the test make a network namespace (unshare --net)")
    copy = tmp_path / "checkout"
    shutil.copytree(settings.ROOT, copy, ignore=shutil.ignore_patterns(".*", "benchmarks", "tests"))
    for model, recipe in recipes.RECIPES.items():
        for file in recipe.files:
            (copy / "model_repository" / model / file).unlink(missing_ok=True)
    ports = " ".join(f"--{name.replace('_', '-')} {port}" for name, port in free_ports().items())
    script = f"""
        set -e
        "{sys.executable}" -c '{LOOPBACK_UP}'
        cd "{copy}"
        workshop() {{ "{sys.executable}" -m workshop "$@"; }}
        trap 'workshop down' EXIT
        workshop up {ports}
        workshop build sentence_bert sentence_bert_onnx sentence_embedder graph_embeddings
        workshop restore dump/movies
        workshop restore dump/products
        workshop ask
    """
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(copy), "WORKSHOP_HOME": str(tmp_path / "state")}
    for name in ("HF_HUB_OFFLINE", "TRITON_URL", "TRITON_GRPC_URL", "ARANGO_URL"):
        environment.pop(name, None)
    result = subprocess.run([*namespace, "bash", "-c", script], env=environment, capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "built sentence_bert, sentence_bert_onnx, sentence_embedder, graph_embeddings" in result.stdout
    assert "sport" in result.stdout and "Before Sunrise" in result.stdout and "(bought together before)" in result.stdout
