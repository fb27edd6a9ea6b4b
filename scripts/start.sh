#!/usr/bin/env bash
# From a fresh clone to answers: sets up .venv, starts the services, builds missing models, restores the dumps, asks one
# real question of each application and prints the answers, then opens JupyterLab on the notebooks.
set -euo pipefail
case ${1:-} in
  "" | --no-lab) ;;
  *)
    echo "usage: $0 [--no-lab]    set up, start, build, answer; then JupyterLab unless --no-lab"
    [[ $1 == -h || $1 == --help ]] && exit 0 || exit 2
    ;;
esac
source "$(dirname "$0")/setup.sh"
export PATH="$PWD/.venv/bin:$PATH"
workshop up
workshop build
workshop restore dump/movies
workshop restore dump/products
workshop ask
if [[ ${1:-} != --no-lab ]]; then
  as_root=()
  [[ $EUID -ne 0 ]] || as_root=(--allow-root)
  exec jupyter lab "${as_root[@]}" --notebook-dir=. notebooks/00_welcome.ipynb
fi
echo "Next: ./scripts/start.sh opens JupyterLab; ./scripts/test.sh runs every test; .venv/bin/workshop down stops the services."
