"""Environments of models: what environment.yml may say, how archives are packed, and how a real server takes them."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import types
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from tests.support.small_models import add_model, free_ports
from workshop import settings
from workshop.errors import WorkshopError
from workshop.machine import libpython
from workshop.triton import environment, healing, processes, server

BASE_PYTHON = Path(getattr(sys, "_base_executable", sys.executable))
PINNED = "dependencies:\n  - python={python}\n  - pip\n  - pip:\n      - numpy==1.26.4\n      - snowballstemmer==2.2.0\n"
OTHER = "3.12" if environment.SERVERS_PYTHON != "3.12" else "3.11"
"""A version of Python that the server's model processes do not have."""


@pytest.fixture(autouse=True)
def without_conda(monkeypatch):
    """A PATH on which there is no conda; uv is found beside the Python that runs."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


@pytest.fixture
def model(tmp_path):
    """A model's folder with what asks for another stemmer, and its function to write another environment.yml."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "environment.yml").write_text(PINNED.format(python=environment.SERVERS_PYTHON))
    return folder


def write(model, text):
    (model / "environment.yml").write_text(text)
    return model


# --- what environment.yml says ---


@pytest.mark.parametrize(
    ("constraint", "version"),
    [
        ("python=3.10", "3.10"),
        ("python==3.10.12", "3.10"),
        ("python = 3.9", "3.9"),
        ("python>=3.11,<3.13", environment.SERVERS_PYTHON),
        ("python>=3.8,<3.10", "3.9"),
    ],
)
def test_the_python_that_is_asked_for(model, constraint, version):
    wanted = environment.read(write(model, f"dependencies: ['{constraint}', pip, libgomp, {{pip: [numpy<2, -r more.txt]}}]"))
    assert (wanted.python, wanted.conda, wanted.pip) == (version, ("libgomp",), ("numpy<2", "-r more.txt"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dependencies: [pip]", "does not say which Python: write python="),
        ("dependencies: [python]", "does not say which Python"),
        ("dependencies: [python-dateutil=3.0]", "does not say which Python"),
        ("name: x", "not in conda's format"),
        ("dependencies: 3", "not in conda's format"),
        ("dependencies: [", "not in conda's format"),
        ("", "not in conda's format"),
    ],
)
def test_what_is_wrong_with_an_environment_yml(model, text, reason):
    with pytest.raises(WorkshopError, match=reason) as raised:
        environment.read(write(model, text))
    assert "\n" not in str(raised.value)


def test_every_environment_yml_of_the_repository_can_be_packed_for_this_python():
    files = sorted(settings.MODEL_REPOSITORY.glob("*/environment.yml"))
    assert "stemmer_pinned" in [file.parent.name for file in files]
    for file in files:
        wanted = environment.read(file.parent)
        assert wanted.python == environment.SERVERS_PYTHON and not wanted.conda, file
        assert any(line.startswith("numpy") for line in wanted.pip), file


# --- packing ---


def pack(model, **options):
    return environment.pack(model, tell=lambda text: None, **options)


def test_an_archive_without_conda_has_what_the_server_looks_for(model):
    archive = pack(model)
    assert archive == model / "environment.tar.gz" and sorted(path.name for path in model.iterdir()) == [
        "environment.tar.gz",
        "environment.yml",
    ]
    with tarfile.open(archive) as entries:
        names = entries.getnames()
    packages = f"lib/python{environment.SERVERS_PYTHON}/site-packages"
    assert {"bin/activate", "bin/python3", "pyvenv.cfg", f"{packages}/numpy/__init__.py"} <= set(names)
    assert f"{packages}/snowballstemmer-2.2.0.dist-info/METADATA" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("/", ".."))]


def test_the_same_environment_makes_the_same_bytes(model, tmp_path):
    first, second = (pack(model, output=tmp_path / name).read_bytes() for name in ("first.tar.gz", "second.tar.gz"))
    assert first == second


def test_what_cannot_be_packed_is_told_in_one_line(model, monkeypatch):
    monkeypatch.setenv("UV_OFFLINE", "1")  # the registry is not asked for what does not exist
    python = environment.SERVERS_PYTHON
    for text, reason in {
        f"dependencies: [python={python}, {{pip: [numpy==1.26.4, no-such-package==1.0]}}]": "no-such-package",
        f"dependencies: [python={python}, {{pip: [snowballstemmer==2.2.0]}}]": "brings no numpy",
        f"dependencies: [python={python}, ffmpeg, {{pip: [numpy==1.26.4]}}]": "asks conda for ffmpeg",
        f"dependencies: [python={OTHER}, {{pip: [numpy==1.26.4]}}]": rf"asks for Python {OTHER}.* run Python {python}:",
    }.items():
        with pytest.raises(WorkshopError, match=reason) as raised:
            pack(write(model, text))
        assert "\n" not in str(raised.value)
    with pytest.raises(WorkshopError, match="another one"):
        pack(write(model, PINNED.format(python=OTHER)), python=str(BASE_PYTHON))
    with pytest.raises(WorkshopError, match="has model processes for 3.8, 3.9, 3.10"):
        pack(write(model, PINNED.format(python="3.7")), python="3.7")
    (model / "environment.yml").unlink()
    with pytest.raises(WorkshopError, match="model has no environment.yml: write one"):
        pack(model)
    assert list(model.iterdir()) == []


CONDA = """\
#!/bin/sh
echo "conda $* PYTHONNOUSERSITE=$PYTHONNOUSERSITE" >>{log}
cat "$5" >>{log}
mkdir -p "$7/lib/python3.11/site-packages/numpy" && touch "$7/lib/python3.11/site-packages/numpy/__init__.py"
"""
CONDA_PACK = '#!/bin/sh\necho "conda-pack $*" >>{log}\necho packed >"$5"\n'


@pytest.fixture
def conda(tmp_path, monkeypatch):
    """Stand-ins for conda and conda-pack that note what they are asked; the notes' file, and the folder they lie in."""
    folder, log = tmp_path / "programs", tmp_path / "log"
    folder.mkdir()
    for name, script in {"conda": CONDA, "conda-pack": CONDA_PACK}.items():
        (folder / name).write_text(script.format(log=log))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return log, folder


def test_with_conda_its_environment_is_packed(model, conda):
    log, _ = conda
    write(model, PINNED.format(python="3.12").replace("python=3.12", "python>=3.11,<3.13  # either"))
    assert pack(model).read_text() == "packed\n"
    create, *wanted, packed = log.read_text().splitlines()
    assert create.startswith("conda env create --quiet --file ") and create.endswith("PYTHONNOUSERSITE=1")
    assert f"  - python={environment.SERVERS_PYTHON}# either" in wanted and "      - snowballstemmer==2.2.0" in wanted
    assert packed.startswith("conda-pack --quiet --prefix ") and create.split(" --prefix ")[1].split()[0] in packed


def test_conda_says_what_it_lacks(model, conda):
    _, folder = conda
    (folder / "conda").write_text("#!/bin/sh\necho ResolvePackageNotFound: >&2\necho '  - nothing=1' >&2\nexit 1\n")
    with pytest.raises(WorkshopError, match="environment of model cannot be packed: ResolvePackageNotFound: - nothing=1"):
        pack(model)


def test_conda_without_conda_pack_gives_way_to_a_virtual_environment(conda):
    told = []
    assert environment.way_here(told.append) == "conda"
    (conda[1] / "conda-pack").unlink()
    assert environment.way_here(told.append) == "venv" and "conda install -c conda-forge conda-pack" in told[0]


def test_what_lies_in_the_users_home_does_not_count_as_installed(model, tmp_path, monkeypatch):
    packages = tmp_path / "user" / "lib" / f"python{environment.SERVERS_PYTHON}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "only_at_home.py").write_text("")
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "user"))
    monkeypatch.delenv("PYTHONNOUSERSITE", raising=False)
    command = [str(BASE_PYTHON), "-c", "import only_at_home"]
    assert subprocess.run(command).returncode == 0
    with pytest.raises(WorkshopError, match="No module named 'only_at_home'"):
        environment._run(command, environment.read(model))


def test_the_script_says_what_it_made_or_what_is_wrong(model, tmp_path):
    def script(*arguments):
        command = [sys.executable, str(settings.ROOT / "scripts" / "pack_environment.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    (model / "config.pbtxt").write_text('backend: "python"')
    made = script(str(model), "--output", str(tmp_path / "out.tar.gz"))
    assert made.returncode == 0 and f"{tmp_path}/out.tar.gz: 1" in made.stdout and "does not name it yet" in made.stdout
    assert "--python PYTHON" in script("--help").stdout
    for argument, reason in {
        "nothing_of_this_name": "there is no model nothing_of_this_name",
        "ocr": "has no environment.yml",
    }.items():
        refused = script(argument)
        assert refused.returncode == 1 and reason in refused.stderr and refused.stderr.count("\n") == 1


def test_what_servers_left_unpacked_is_removed_when_none_that_old_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "UNPACKED", tmp_path)
    now = 1_000_000.0
    monkeypatch.setattr(environment.time, "time", lambda: now)
    for name, age in {"python_env_aaaaaa": 500, "python_env_bbbbbb": 50, "python_env_cccccc": 0, "python_env": 500}.items():
        (tmp_path / name / "0").mkdir(parents=True)
        os.utime(tmp_path / name, (now - age, now - age))

    def left(*servers):
        running = [{"name": "tritonserver", "create_time": now - age} for age in servers]
        others = [{"name": "python", "create_time": 0.0}]
        processes = [types.SimpleNamespace(info=info) for info in running + others]
        monkeypatch.setattr(environment.psutil, "process_iter", lambda fields: processes)
        environment.remove_abandoned()
        return sorted(path.name for path in tmp_path.iterdir())

    assert len(left(600, 10)) == 4
    assert left(100, 10) == ["python_env", "python_env_bbbbbb", "python_env_cccccc"]
    assert left() == ["python_env", "python_env_cccccc"]


# --- a real server ---

PROBE = b"""
import os
import site

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answer = f"{site.ENABLE_USER_SITE} {np.__file__}".encode()
        return [pb_utils.InferenceResponse([pb_utils.Tensor("word", np.array([answer], np.object_))]) for _ in requests]
"""
WORDS = ["evening", "university", "geologists", "added"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The archive of `stemmer_pinned`, packed anew, and a folder of the same content."""
    folder = tmp_path_factory.mktemp("packed")
    packed = environment.pack(
        settings.MODEL_REPOSITORY / "stemmer_pinned", folder / "environment.tar.gz", way="venv", tell=lambda text: None
    )
    with tarfile.open(packed) as entries:
        entries.extractall(folder / "environment", filter="fully_trusted")
    return packed, folder / "environment"


@pytest.fixture(scope="module")
def client(tmp_path_factory, archive):
    """A client of a server with models of several environments, none of them loaded.

    The server is stopped in order, with no connection open: else what it unpacked would stay in /tmp.
    """
    packed, unpacked = archive
    folder = tmp_path_factory.mktemp("environments")
    models = folder / "models"
    for name in ("stemmer", "stemmer_pinned"):
        shutil.copytree(settings.MODEL_REPOSITORY / name, models / name, ignore=shutil.ignore_patterns("*.tar.gz"))
    shutil.copy(packed, models / "stemmer_pinned")
    program = (models / "stemmer" / "1" / "model.py").read_bytes()
    config = (models / "stemmer" / "config.pbtxt").read_text().replace('name: "stemmer"', "")

    def add(name, place, program=program):
        path = f'parameters [ {{ key: "EXECUTION_ENV_PATH", value: {{ string_value: "{place}" }} }} ]'
        add_model(models, name, config + path, {"1/model.py": program})

    add("missing", "$$TRITON_MODEL_DIRECTORY/environment.tar.gz")
    add("without_activate", "$$TRITON_MODEL_DIRECTORY/empty")
    (models / "without_activate" / "empty").mkdir()
    # Packages of another Python lie where the model process does not look.
    other = folder / "other"
    shutil.copytree(unpacked, other, symlinks=True)
    (other / "lib" / f"python{environment.SERVERS_PYTHON}").rename(other / "lib" / "python3.99")
    add("other_python", other)
    moved = folder / "moved"
    shutil.copytree(unpacked, moved, symlinks=True)
    (moved / "bin" / "python").unlink()
    (moved / "bin" / "python").symlink_to("/no/such/python3")
    add("moved", moved)
    add_like_conda(folder / "like_conda", unpacked)
    add("like_conda", folder / "like_conda")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_HOME", str(folder / "home"))
        patch.delenv("TRITON_URL", raising=False)
        patch.setenv("PYTHONUSERBASE", str(folder / "user"))
        patch.delenv("PYTHONNOUSERSITE", raising=False)
        try:
            address = server.up(model_repository=models, models=[], **free_ports())[0].urls["http"]
            with httpclient.InferenceServerClient(address, network_timeout=60, connection_timeout=60) as client:
                yield client
        finally:
            server.down()


def add_like_conda(folder, unpacked):
    """An environment with a Python of its own, as conda's are; the standard library is linked, not copied.

    In the user's home, which Python itself would look into first, lies another stemmer.
    """
    library = folder / "lib" / f"python{environment.SERVERS_PYTHON}"
    library.mkdir(parents=True)
    for path in Path(sysconfig.get_path("stdlib")).iterdir():
        if path.name != "site-packages":
            (library / path.name).symlink_to(path)
    shutil.copytree(unpacked / "lib" / library.name / "site-packages", library / "site-packages")
    (folder / "bin").mkdir()
    shutil.copy(BASE_PYTHON.resolve(), folder / "bin" / "python3")
    (folder / "bin" / "activate").write_text(f'export PATH="{folder}/bin:$PATH"\n')
    at_home = folder.parent / "user" / "lib" / library.name / "site-packages"
    at_home.mkdir(parents=True)
    (at_home / "snowballstemmer.py").write_text("raise ImportError('taken from the home folder')\n")


def ask(client, name, words=WORDS):
    tensor = httpclient.InferInput("word", [len(words), 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[word] for word in words], np.object_))
    answer = client.infer(name, [tensor])
    return [[value.decode() for value in answer.as_numpy(output)[:, 0]] for output in ("stem", "version", "folder")]


def refusal(client, name):
    with pytest.raises(InferenceServerException) as raised:
        client.load_model(name)
    return raised.value.message()


def test_two_models_of_one_server_have_two_versions_of_a_library(client):
    for name in ("stemmer", "stemmer_pinned"):
        client.load_model(name)
    stems, versions, folders = ask(client, "stemmer")
    assert stems == ["evening", "universiti", "geolog", "add"] and versions[0].startswith("3.")
    assert Path(folders[0]).is_relative_to(sysconfig.get_path("purelib"))
    stems, versions, folders = ask(client, "stemmer_pinned")
    assert stems == ["even", "univers", "geologist", "ad"] and set(versions) == {"2.2.0"}
    assert folders[0].startswith("/tmp/python_env_") and not Path(folders[0]).is_relative_to(sysconfig.get_path("purelib"))


def test_a_process_with_an_environment_of_its_own_is_missed_when_it_dies(client):
    client.load_model("stemmer_pinned")
    assert healing.dead() == {}
    for stub in processes.stubs(server.find()):
        if stub.instance.startswith("stemmer_pinned"):
            stub.process.kill()
    assert healing.dead() == {"stemmer_pinned": "1 of 1 process died"}
    assert healing.heal(["stemmer_pinned"], print) == {} and healing.dead() == {}
    assert set(ask(client, "stemmer_pinned")[1]) == {"2.2.0"}


def test_both_have_the_same_program():
    first, second = (settings.MODEL_REPOSITORY / name / "1" / "model.py" for name in ("stemmer", "stemmer_pinned"))
    assert first.read_bytes() == second.read_bytes()


def test_a_changed_archive_is_unpacked_again(client, archive, tmp_path):
    client.load_model("stemmer_pinned")
    before = ask(client, "stemmer_pinned")
    served = Path(server.find().options["model_repository"]) / "stemmer_pinned" / "environment.tar.gz"
    time = served.stat().st_mtime
    unpacked = tmp_path / "changed"
    shutil.copytree(archive[1], unpacked, symlinks=True)
    (metadata,) = unpacked.glob("lib/*/site-packages/snowballstemmer-2.2.0.dist-info/METADATA")
    metadata.write_text(metadata.read_text().replace("Version: 2.2.0", "Version: 2.2.0+changed"))
    try:
        environment._archive(unpacked, served)
        os.utime(served, (time + 5, time + 5))
        client.unload_model("stemmer_pinned")
        client.load_model("stemmer_pinned")
        assert ask(client, "stemmer_pinned")[1] == ["2.2.0+changed"] * len(WORDS) != before[1]
    finally:
        shutil.copy(archive[0], served)
        os.utime(served, (time + 10, time + 10))
        client.unload_model("stemmer_pinned")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "Failed to get the canonical path for {models}/missing/environment.tar.gz."),
        ("without_activate", "Path {models}/without_activate/empty/bin/activate does not exist."),
        ("other_python", "ModuleNotFoundError: No module named 'numpy'"),
        ("moved", "ImportError: this environment was packed for Python"),
    ],
)
def test_what_the_server_says_of_an_environment_that_does_not_fit(client, name, message):
    models = server.find().options["model_repository"]
    assert message.format(models=models) in refusal(client, name)


def test_the_others_are_served_beside_a_model_that_is_refused(client):
    client.load_model("stemmer")
    refusal(client, "missing")
    assert ask(client, "stemmer", ["running"])[0] == ["run"]


def test_a_model_process_does_not_look_into_the_users_home(client):
    client.load_model("like_conda")
    stems, versions, _ = ask(client, "like_conda")
    assert set(versions) == {"2.2.0"} and stems[0] == "even"


@pytest.fixture(scope="module")
def other_python():
    """An interpreter of another version than the server's, with its shared library."""
    found = [shutil.which(f"python{OTHER}", path="/usr/local/bin:/usr/bin")]
    found += [str(path) for path in Path.home().glob(f".pyenv/versions/{OTHER}.*/bin/python{OTHER}")]
    has_library = str(Path(libpython.__file__))
    for python in filter(None, found):
        if subprocess.run([python, has_library], capture_output=True).returncode == 0:
            return python
    pytest.skip(f"no Python {OTHER} with a shared library here")


def test_a_model_with_another_python_than_the_servers(client, other_python):
    models = Path(server.find().options["model_repository"])
    model = models / "own_stub"
    shutil.copytree(models / "stemmer_pinned", model, ignore=shutil.ignore_patterns("*.tar.gz"))
    (model / "config.pbtxt").write_text((model / "config.pbtxt").read_text().replace('name: "stemmer_pinned"', ""))
    archive = pack(write(model, PINNED.format(python=OTHER)), python=other_python)
    with tarfile.open(archive) as entries:
        assert f"lib/libpython{OTHER}.so.1.0" in entries.getnames()
    client.load_model("own_stub")
    _, versions, folders = ask(client, "own_stub")
    assert set(versions) == {"2.2.0"} and f"/lib/python{OTHER}/" in folders[0]
    pack(write(model, PINNED.format(python=environment.SERVERS_PYTHON)))
    assert not (model / processes.STUB).exists()
