"""What `workshop doctor` looks at: the machine, its software and its GPU. Nothing is changed and nothing leaves the machine.

Every check is a function that returns one `Finding`. None of them raises for a machine that lacks something, and none
waits longer than `PATIENCE` for a program.
"""

import dataclasses
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import psutil

from workshop import settings
from workshop.errors import WorkshopError
from workshop.machine import hardware, libpython, services

PATIENCE = 5.0
"""Seconds that a program such as docker or nvidia-smi may take to answer."""
GIB = 2**30
CONTROL_GROUP = Path("/sys/fs/cgroup")
LOCK = settings.ROOT / "requirements.lock"
SERVER_PACKAGES = ("nvidia-pytriton", "tritonclient")
CONTAINER = "use the container: `docker compose up`"
MACHINES = ("x86_64", "aarch64")
"""What nvidia-pytriton and tritonclient have wheels for."""

Level = Literal["ok", "note", "problem"]
Version = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report. A `note` can be lived with, a `problem` keeps the course from running."""

    level: Level
    what: str
    text: str


@dataclasses.dataclass(frozen=True)
class Gpu:
    """One line of nvidia-smi's answer. `memory` is in MiB; None stands for what the driver does not tell."""

    name: str
    driver: str
    memory: int | None
    compute: Version | None


@dataclasses.dataclass(frozen=True)
class Release:
    """A release of Triton: the container's name, the server's version."""

    name: str
    server: str


EMBEDDED = Release("24.10", "2.51.0")
"""What the nvidia-pytriton wheel carries; no newer server comes from a package registry."""
HOLES = "CVE-2025-23310, -23316, -23317, -23319, -23334 and later ones"
"""Holes of the embedded release. NVIDIA's security bulletins 5687 (August 2025) and 5691 (September 2025) tell of these."""
SAFE_SINCE = "26.07"
"""The release that NVIDIA's latest bulletin for Triton, 5875 (August 2026), asks for."""
CONTAINER_RELEASE = Release("26.11", "2.75.0")
"""What Dockerfile builds on: https://github.com/triton-inference-server/server/releases/tag/v2.75.0"""
CONTAINER_CUDA = 13
"""Its CUDA release; "Driver Requirements" of rel-26-10 in NVIDIA's release notes, the last page at hand, names 13.4."""
OLDEST_GPU = (7, 5)
"""The lowest compute capability that it has code for: "GPU Requirements" of the same page."""
# Table 1 of https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html: CUDA release to driver.
DRIVER_FOR_CUDA = {12: 525, 13: 580}


def examine() -> list[Finding]:
    """Look at everything; the findings in the order of the report."""
    checks = (system, glibc, python, packages, security, shared_memory, ports, memory, cores, disk, compiler, curl, docker)
    findings = [_safely(check) for check in checks]
    gpus, reason = _gpus()
    findings.append(gpu(gpus, reason))
    if gpus:
        findings.append(_safely(lambda: gpu_embedded(gpus, _torch_cuda()), "GPU, embedded"))
        findings.append(_safely(lambda: gpu_container(gpus), "GPU, container"))
    return [dataclasses.replace(finding, text=_without_home(finding.text)) for finding in findings]


def _safely(check: Callable[[], Finding], what: str = "") -> Finding:
    try:
        return check()
    except Exception as error:  # a report with one gap is worth more than none
        what = what or check.__name__.replace("_", " ")
        return Finding(
            "note", what, f"not checked ({type(error).__name__}: {error}); go on, `workshop up` says what it lacks"
        )


def _without_home(text: str) -> str:
    text = text.replace(f"{settings.ROOT}/", "")
    home = str(Path.home())
    return text.replace(f"{home}/", "~/") if len(home) > 1 else text


def _level() -> Level:
    """How bad it is when the embedded server cannot run: not very where another one is there to be used."""
    return "note" if os.environ.get("TRITON_URL") or shutil.which("tritonserver") else "problem"


def _run(*command: str) -> tuple[bool, str]:
    """Whether a program ended well, and what it wrote."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {PATIENCE:.0f} s"
    except (OSError, UnicodeDecodeError) as error:
        return False, str(error)
    return done.returncode == 0, done.stdout.strip()


def _version(text: str) -> Version:
    """`560.35.03` as (560, 35, 3); what follows the numbers is left out."""
    match = re.match(r"\d+(\.\d+)*", text.strip())
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


# --- the machine and its software ---


def system() -> Finding:
    """Operating system and architecture: the wheels with the embedded server are for Linux on x86-64 and aarch64."""
    here = f"{platform.system()} on {platform.machine()}"
    if platform.system() == "Linux" and platform.machine() in MACHINES:
        return Finding("ok", "system", f"{here}, kernel {platform.release()}")
    return Finding(
        _level(), "system", f"{here}: the embedded Triton server is for Linux on {' and '.join(MACHINES)}; {CONTAINER}"
    )


def wheel_glibc(wheel: str) -> Version | None:
    """The glibc that a wheel needs, from the text of its `WHEEL` file; PEP 600 says what `manylinux_2_35` means."""
    tags = re.findall(r"^Tag: \S*manylinux_(\d+)_(\d+)_", wheel, re.MULTILINE)
    return max(((int(major), int(minor)) for major, minor in tags), default=None)


def glibc() -> Finding:
    """The C library, against what the tag of the installed nvidia-pytriton wheel asks for."""
    library, found = platform.libc_ver()
    try:
        needed = wheel_glibc(importlib.metadata.distribution("nvidia-pytriton").read_text("WHEEL") or "")
    except importlib.metadata.PackageNotFoundError:
        needed = None
    if needed is None:
        return Finding(
            "note", "glibc", f"{found or 'none'}; what the Triton wheel needs is unknown: ./scripts/start.sh installs it"
        )
    wanted = ".".join(map(str, needed))
    if library == "glibc" and _version(found) >= needed:
        return Finding("ok", "glibc", f"{found}, the Triton wheel needs {wanted}")
    found = f"glibc {found}" if library == "glibc" else "no glibc"
    text = f"{found}, the Triton wheel needs {wanted}: a newer system (Ubuntu 22.04, Debian 12, RHEL 10), or {CONTAINER}"
    return Finding(_level(), "glibc", text)


def python() -> Finding:
    """The running Python and its shared library, which the server's model processes are linked to."""
    version = platform.python_version()
    if _version(version)[:2] not in ((3, 11), (3, 12)):
        text = f"{version}; the course runs on 3.11 and 3.12: ./scripts/start.sh finds one or brings its own"
        return Finding("problem", "python", text)
    if libpython.find() is None:
        return Finding(_level(), "python", libpython.MISSING)
    return Finding("ok", "python", f"{version} with the shared {libpython.NAME}")


def pins(lock: str) -> dict[str, str]:
    """Package to version, from the text of a requirements file; environment markers are left out."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", lock, re.MULTILINE))


def packages() -> Finding:
    """Server and client from the locked versions, which are of one release."""
    pinned = pins(LOCK.read_text())
    installed = {name: _installed(name) for name in SERVER_PACKAGES}
    wrong = [
        f"{name} is {installed[name] or 'missing'}, pinned is {pinned.get(name)}"
        for name in SERVER_PACKAGES
        if installed[name] != pinned.get(name)
    ]
    if wrong:
        return Finding("problem", "packages", f"{'; '.join(wrong)}: ./scripts/start.sh installs the pinned versions")
    release = EMBEDDED.name if installed["tritonclient"] == EMBEDDED.server else "unknown"
    names = ", ".join(f"{name} {installed[name]}" for name in SERVER_PACKAGES)
    return Finding("ok", "packages", f"{names}, as pinned (Triton release {release})")


def security() -> Finding:
    """What is published about the server that `workshop up` starts."""
    advice = f"NVIDIA advises {SAFE_SINCE} or later, which the container is (`docker compose up`)"
    if os.environ.get("TRITON_URL"):
        return Finding("ok", "security", f"the embedded server is not used; of the one that TRITON_URL names, {advice}")
    if shutil.which("tritonserver"):
        return Finding("note", "security", f"the tritonserver on PATH is started, on 127.0.0.1 only; {advice}")
    text = (
        f"release {EMBEDDED.name} has published holes ({HOLES}): it listens on 127.0.0.1 only; for anything else, {advice}"
    )
    return Finding("note", "security", text)


def shared_memory() -> Finding:
    """/dev/shm, through which the server and its model processes hand each other tensors."""
    usage = shutil.disk_usage(hardware.SHARED_MEMORY)
    sizes = f"{usage.free / 2**20:,.0f} MB free of {usage.total / 2**20:,.0f} MB"
    try:
        hardware.require_shared_memory()
    except WorkshopError as error:
        return Finding("note" if os.environ.get("TRITON_URL") else "problem", "/dev/shm", str(error))
    if usage.free < 256 * 2**20:
        return Finding("note", "/dev/shm", f"{sizes}: large batches want more, `mount -o remount,size=1g /dev/shm`")
    return Finding("ok", "/dev/shm", sizes)


def ports() -> Finding:
    """The three ports of the server: free, held by our own server, or by somebody else."""
    if url := os.environ.get("TRITON_URL"):
        return Finding("ok", "ports", f"none needed: TRITON_URL names the server at {url}")
    running = services.find_running("triton")
    if running is not None:
        held = ", ".join(f"{name} {url.rsplit(':', 1)[1]}" for name, url in running.urls.items())
        return Finding("ok", "ports", f"held by the course's own Triton server: {held} (pid {running.pid})")
    wanted = {f"--{name.replace('_', '-')}": port for name, port in services.next_ports("triton").items()}
    taken = {}
    for option, port in wanted.items():
        try:
            services.require_free(port, option)
        except WorkshopError as error:
            taken[option] = str(error).partition(";")[0]  # who holds it; the remedy is the same for all
    if taken:
        options = " ".join(f"{option} N" for option in taken)
        url = f"TRITON_URL=127.0.0.1:{wanted['--http-port']}"
        text = f"{', '.join(taken.values())}: choose others with {options}, or use it with {url} if it is a Triton"
        return Finding("problem", "ports", text)
    return Finding("ok", "ports", f"{', '.join(map(str, wanted.values()))} are free")


def group_limit(text: str) -> int | None:
    """Bytes from a control group's `memory.max`, or None for `max`."""
    return int(text) if text.strip().isdigit() else None


def group_cores(text: str) -> float | None:
    """Cores from a control group's `cpu.max` (quota and period in microseconds), or None for `max`."""
    quota, _, period = text.strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _group(name: str) -> str:
    """A file of this process's control group as containers see it (version 2), or an empty text."""
    try:
        return (CONTROL_GROUP / name).read_text()
    except OSError:
        return ""


def memory() -> Finding:
    """Main memory, with the limit of a container taken into account."""
    whole = psutil.virtual_memory()
    limit = group_limit(_group("memory.max")) or whole.total
    total = min(whole.total, limit)
    available = whole.available
    if limit < whole.total:
        cached = re.search(r"^file (\d+)$", _group("memory.stat"), re.MULTILINE)  # given back when it is asked for
        used = (group_limit(_group("memory.current")) or 0) - (int(cached[1]) if cached else 0)
        available = min(available, limit - used)
    sizes = f"{available / GIB:.1f} GB available of {total / GIB:.1f} GB"
    if available < 3 * GIB:
        return Finding(
            "note", "memory", f"{sizes}: a model process with PyTorch takes 0.7 GB, a notebook 1 GB; close something"
        )
    return Finding("ok", "memory", sizes)


def cores() -> Finding:
    """CPU cores that this process may run on: its affinity, and the share of a container."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = group_cores(_group("cpu.max"))
    text = f"{usable} usable of {os.cpu_count()}"
    if share is not None and share < usable:
        text += f", limited to the time of {share:g}"
    if min(usable, share or usable) < 2:
        return Finding("note", "CPU cores", f"{text}: server and client share it and are slow; give the machine two or more")
    return Finding("ok", "CPU cores", text)


def disk() -> Finding:
    """Free space where the checkout lies."""
    free = shutil.disk_usage(settings.ROOT).free
    text = f"{free / GIB:.1f} GB free"
    if free < GIB / 2:
        return Finding(
            "problem", "disk", f"{text}: the models that are built need 0.5 GB; free some, `uv cache clean` may do"
        )
    if free < 8 * GIB:
        return Finding(
            "note", "disk", f"{text}: enough for what is set up; setting up again takes 7 GB, so free some before"
        )
    return Finding("ok", "disk", text)


def compiler() -> Finding:
    """A C++ compiler, with which torch.export's AOTInductor makes a `.pt2` file."""
    names = (os.environ.get("CXX") or "g++", "g++", "clang++")
    found = next((name for name in names if shutil.which(name)), None)
    if found is None:
        return Finding("note", "C++ compiler", "none: one cell of notebook 02 is left out; `apt install g++` brings it")
    return Finding("ok", "C++ compiler", Path(found).name)


def curl() -> Finding:
    """The program `curl`, with which lesson 01 asks the server from outside Python."""
    if shutil.which("curl") is None:
        return Finding("note", "curl", "none: two cells of notebook 01 show nothing; `apt install curl` brings it")
    return Finding("ok", "curl", "there")


def docker() -> Finding:
    """Docker with its compose plugin: only the container needs them."""
    if shutil.which("docker") is None:
        return Finding(
            "note", "docker", "not installed: only the container needs it, https://docs.docker.com/engine/install"
        )
    answers, text = _run("docker", "version", "--format", "{{.Server.Version}}")
    if not answers:
        denied = "permission denied" in text.lower()
        remedy = "`sudo usermod -aG docker $USER`, log in again" if denied else "`sudo systemctl start docker`"
        text = "may not be used by you" if denied else "does not answer"
        return Finding("note", "docker", f"the engine {text}; only the container needs it: {remedy}")
    composes, compose = _run("docker", "compose", "version", "--short")
    if not composes:
        return Finding("note", "docker", f"engine {text}, no compose plugin: `apt install docker-compose-v2` brings it")
    return Finding("ok", "docker", f"engine {text}, compose {compose}")


# --- the GPU ---


def parse_gpus(answer: str) -> list[Gpu]:
    """GPUs from nvidia-smi's CSV lines: name, driver, memory in MiB and, with newer drivers, compute capability."""
    gpus = []
    for line in answer.splitlines():
        name, *rest = (part.strip() for part in line.split(","))
        if len(rest) >= 2 and _version(rest[0]):
            mebibytes = int(rest[1]) if rest[1].isdigit() else None
            gpus.append(Gpu(name, rest[0], mebibytes, (_version(rest[2]) if len(rest) > 2 else ()) or None))
    return gpus


def _gpus() -> tuple[list[Gpu], str]:
    """The GPUs that the driver shows, or none and the reason; an empty reason when there is no driver."""
    if shutil.which("nvidia-smi") is None:
        return [], ""
    fields = "name,driver_version,memory.total"
    form = "--format=csv,noheader,nounits"
    answers, answer = _run("nvidia-smi", f"--query-gpu={fields},compute_cap", form)
    if not answers and "not a valid field" in answer:  # drivers before R510
        answers, answer = _run("nvidia-smi", f"--query-gpu={fields}", form)
    gpus = parse_gpus(answer) if answers else []
    return gpus, "" if gpus else next(iter(answer.splitlines()), "nvidia-smi lists no GPU")


def gpu(gpus: list[Gpu], reason: str = "") -> Finding:
    """The GPUs and their driver. None is no fault: everything runs on the CPU."""
    if reason:
        text = f"{reason}: the CPU is used; install or restart the driver, https://www.nvidia.com/drivers"
        return Finding("note", "NVIDIA GPU", text)
    if not gpus:
        return Finding("ok", "NVIDIA GPU", "none; everything runs on the CPU")
    first = gpus[0]
    size = "" if first.memory is None else f", {first.memory / 1024:.0f} GB"
    count = f"{len(gpus)} × " if len(gpus) > 1 else ""
    return Finding("ok", "NVIDIA GPU", f"{count}{first.name}{size}, driver {first.driver}")


def _torch_cuda() -> str | None:
    """The CUDA release that the installed PyTorch brings libraries of; None for its CPU-only build."""
    return _installed("nvidia-cuda-runtime") or _installed("nvidia-cuda-runtime-cu12")


def gpu_embedded(gpus: list[Gpu], cuda: str | None) -> Finding:
    """Whether the embedded server's models can use the GPU: PyTorch's CUDA libraries against the driver."""
    if cuda is None:
        text = "unused: PyTorch is the CPU-only build: set up again without UV_TORCH_BACKEND=cpu"
        return Finding("note", "GPU, embedded", text)
    release, driver = _version(cuda), _version(gpus[0].driver)
    needed = DRIVER_FOR_CUDA.get(release[0])
    if needed is not None and driver[0] < needed:
        text = f"unused: CUDA {release[0]} of PyTorch needs driver {needed}, not {gpus[0].driver}: update it"
        return Finding("note", "GPU, embedded", text)
    # CUDA 13 dropped the architectures before Turing: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/
    if release[0] >= 13 and any(_too_old(found) for found in gpus):
        return Finding("note", "GPU, embedded", f"unused: CUDA {release[0]} of PyTorch has no code for GPUs before Turing")
    return Finding("ok", "GPU, embedded", f"driver {gpus[0].driver} runs PyTorch's CUDA {'.'.join(map(str, release[:2]))}")


def _too_old(found: Gpu) -> bool:
    return found.compute is not None and found.compute < OLDEST_GPU


def gpu_container(gpus: list[Gpu]) -> Finding:
    """Whether the release of NVIDIA's container fits GPU and driver, and whether containers can see the GPU."""
    release, driver = f"release {CONTAINER_RELEASE.name} (CUDA {CONTAINER_CUDA})", gpus[0].driver
    needed = DRIVER_FOR_CUDA[CONTAINER_CUDA]
    if any(_too_old(found) for found in gpus):
        text = f"{release} has no code for GPUs before Turing, older ones have published holes: `docker compose up triton`"
        return Finding("note", "GPU, container", f"{text} serves on the CPU")
    if any(_version(found.driver)[0] < needed for found in gpus):
        text = f"{release} asks for driver {needed}, not {driver}: update it; older releases have published holes"
        return Finding("note", "GPU, container", text)
    if shutil.which("nvidia-ctk") is None:
        toolkit = "containers need the NVIDIA Container Toolkit: https://docs.nvidia.com/datacenter/cloud-native/"
        return Finding("note", "GPU, container", f"{release} fits driver {driver}; {toolkit}")
    return Finding("ok", "GPU, container", f"{release} fits driver {driver}")
