#!/usr/bin/env bash
# Sets up .venv if needed and runs every test, notebooks included. Arguments go to pytest, for example -k backend, --slow.
set -euo pipefail
source "$(dirname "$0")/setup.sh"
export PATH="$PWD/.venv/bin:$PATH"
exec pytest "$@"
