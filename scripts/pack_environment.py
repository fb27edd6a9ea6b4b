#!/usr/bin/env python
"""Pack the environment of a Python model that needs other packages than the server: scripts/pack_environment.py MODEL.

Reads environment.yml in the model's folder (conda's format) and leaves environment.tar.gz beside it. The model's
configuration names it:

  parameters { key: "EXECUTION_ENV_PATH" value { string_value: "$$TRITON_MODEL_DIRECTORY/environment.tar.gz" } }
"""

import argparse
import sys
import time
from pathlib import Path

from workshop import settings
from workshop.errors import WorkshopError
from workshop.triton import configuration, environment


def main() -> None:
    """Pack, and say what was made and how the model comes to use it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, epilog="More: docs/environments.md"
    )
    parser.add_argument("model", metavar="MODEL", help="a model of the repository, or the path of a model's folder")
    parser.add_argument("--output", type=Path, help="the archive to write (environment.tar.gz in the model's folder)")
    parser.add_argument(
        "--model-repository", type=Path, default=settings.MODEL_REPOSITORY, help="where MODEL is (the course's)"
    )
    parser.add_argument(
        "--way", choices=environment.WAYS, help="conda and conda-pack, or a virtual environment (what this machine has)"
    )
    parser.add_argument(
        "--python",
        help="an interpreter of the version that environment.yml names, or that version, where the server has another; then "
        "the model process for it is put into the model's folder too",
    )
    arguments = parser.parse_args()
    given = Path(arguments.model)
    model = given if given.is_dir() else arguments.model_repository / arguments.model
    began = time.monotonic()
    try:
        if not model.is_dir():
            raise WorkshopError(f"there is no model {arguments.model} in {settings.shown(str(arguments.model_repository))}")
        archive = environment.pack(model.resolve(), arguments.output, way=arguments.way, python=arguments.python)
    except WorkshopError as error:
        sys.exit(f"pack_environment.py: {error}")
    size = archive.stat().st_size / 2**20
    print(f"{settings.shown(str(archive))}: {size:.0f} MiB in {time.monotonic() - began:.0f} s")
    if "EXECUTION_ENV_PATH" not in configuration.as_json(model).get("parameters", {}):
        named = f"$$TRITON_MODEL_DIRECTORY/{environment.ARCHIVE}"
        print(f"{model.name}/config.pbtxt does not name it yet: EXECUTION_ENV_PATH, {named}")


if __name__ == "__main__":
    main()
