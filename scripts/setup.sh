#!/usr/bin/env bash
# Creates .venv and installs the locked set into it, unless that was done already. Sourced by start.sh and test.sh;
# run by itself it only sets up.
#
#   PYTHON=python3.12 scripts/setup.sh     another Python (3.11 or 3.12)
#   UV_TORCH_BACKEND=cpu scripts/setup.sh  torch's CPU-only build, about 4 GB smaller
#
# Where no Python fits, uv brings its own 3.12. UV_PYTHON_INSTALL_MIRROR names another place for it than uv's own, and
# UV_PYTHON_DOWNLOADS_JSON_URL a list of what is there; both may begin with file://.
set -euo pipefail
# Dozens of processes will import the same large packages: the compiled ones are worth keeping.
unset PYTHONDONTWRITEBYTECODE
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { echo "setup: $*" >&2; exit 1; }

# The first Python of the right version that has venv and a shared libpython (Triton's model processes need it), or uv's.
find_python() {
  local candidate message reason=""
  for candidate in ${PYTHON:-python3.12 python3.11 python3 python}; do
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null || continue
    if message=$("$candidate" workshop/machine/libpython.py 2>&1); then
      echo "$candidate"
      return
    fi
    reason=${reason:-$message}
  done
  [[ -z ${PYTHON:-} ]] || fail "${reason:-no Python 3.11 or 3.12 with venv at PYTHON=$PYTHON; without PYTHON set-up finds or brings one}"
  bring_python
}

# uv's own Python has the shared library. It lies where uv keeps them, outside the checkout.
bring_python() {
  local uv folder message
  echo "setup: no Python 3.11 or 3.12 with venv and a shared libpython here; uv brings its own 3.12" >&2
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  uv=$(command -v uv) || uv=$(bring_uv "$folder") || exit 1
  message=$("$uv" python install --no-progress --no-bin 3.12 2>&1) ||
    fail "uv brought no Python 3.12 ($(tail -n 1 <<<"$message" | sed 's/^ *//')); name a mirror with UV_PYTHON_INSTALL_MIRROR=…, or a Python 3.11 or 3.12 with PYTHON=…"
  "$uv" python find --no-project --managed-python 3.12
}

# The lock's uv, in a folder that any Python makes.
bring_uv() {
  local candidate pin
  pin=$(grep '^uv==' requirements.lock)
  for candidate in python3 python python3.14 python3.13 python3.10; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
    if "$candidate" -m venv "$1" >/dev/null 2>&1 && "$1/bin/python" -m pip install --quiet --disable-pip-version-check "$pin" >&2; then
      echo "$1/bin/uv"
      return
    elif "$candidate" -m pip install --quiet --disable-pip-version-check --target "$1" "$pin" >/dev/null 2>&1; then
      echo "$1/bin/uv"
      return
    fi
  done
  fail "no Python here has venv or pip to get uv with: apt install python3-venv, or install uv; a Python 3.11 or 3.12 is named with PYTHON=…"
}

set_up() {
  case $(uname -sm) in
    "Linux x86_64" | "Linux aarch64") ;;
    *) fail "the Triton wheel is for Linux on x86-64 and aarch64, this is $(uname -sm): use the container (README.md)" ;;
  esac
  local state
  state=$(cat requirements.lock pyproject.toml <(echo "${UV_TORCH_BACKEND:-} $PWD") | sha256sum | cut -c1-64)
  [[ $(cat .venv/.installed 2>/dev/null) != "$state" ]] || return 0
  local began=$SECONDS python
  if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    echo "setup: creating .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
  fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check "$(grep '^uv==' requirements.lock)"
  echo "setup: installing $(grep -c '==' requirements.lock) packages (6 GB on disk with torch's CUDA libraries)"
  local lock=requirements.lock
  if [[ ${UV_TORCH_BACKEND:-} == cpu ]]; then
    lock=.venv/requirements-cpu.lock
    grep -vE '^(triton|cuda-[a-z]+|nvidia-(c|n)[a-z0-9-]+)==' requirements.lock >"$lock"
  fi
  # --no-deps: the lock is whole, and on Python 3.12 it has a later geventhttpclient than tritonclient asks for (pyproject.toml).
  .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps -r "$lock"
  .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
  # What is built later comes from uv's cache, also without a network.
  if [[ -f model_repository/stemmer_pinned/environment.yml ]]; then
    .venv/bin/python scripts/pack_environment.py stemmer_pinned --way venv >/dev/null ||
      echo "setup: stemmer_pinned is left out; workshop build stemmer_pinned packs its environment"
  fi
  echo "$state" >.venv/.installed
  echo "setup: done in $((SECONDS - began)) s"
}

set_up
