#!/usr/bin/env bash
# Creates .venv and installs the locked set into it, unless that was done already. Sourced by start.sh and test.sh;
# run by itself it only sets up.
#
#   PYTHON=python3.12 scripts/setup.sh     another Python (3.11 or 3.12)
#   UV_TORCH_BACKEND=cpu scripts/setup.sh  torch's CPU-only build, about 4 GB smaller
set -euo pipefail
# Dozens of processes will import the same large packages: the compiled ones are worth keeping.
unset PYTHONDONTWRITEBYTECODE
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { echo "setup: $*" >&2; exit 1; }

# The first Python of the right version that has venv and a shared libpython (Triton's model processes need it).
find_python() {
  local candidate message reason=""
  for candidate in ${PYTHON:-python3.12 python3.11 python3 python}; do
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null || continue
    if message=$("$candidate" workshop/triton/libpython.py 2>&1); then
      echo "$candidate"
      return
    fi
    reason=${reason:-$message}
  done
  fail "${reason:-no Python 3.11 or 3.12 with venv found (on Debian and Ubuntu: apt install python3-venv); name one with PYTHON=…}"
}

set_up() {
  [[ $(uname -sm) == "Linux x86_64" ]] || fail "the Triton wheel is for Linux on x86-64, this is $(uname -sm): use the container (README.md)"
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
  .venv/bin/uv pip install --quiet --python .venv/bin/python -r "$lock"
  .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
  echo "$state" >.venv/.installed
  echo "setup: done in $((SECONDS - began)) s"
}

set_up
