#!/usr/bin/env python
"""Put one of torchvision's networks into the model repository: scripts/add_torchvision.py NETWORK [--weights FILE].

Traces the network and writes the model's folder: `1/model.pt`, `config.pbtxt`, `labels.txt`. Without --weights they are
random: enough to see that all fits. torchvision publishes weights as files, its pages name them.
"""

import argparse
import sys
from pathlib import Path

from workshop import settings
from workshop.errors import WorkshopError
from workshop.vision import classification


def main() -> None:
    """Write the folder, and say how the server comes to serve it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", metavar="NETWORK", help="torchvision's name for it, such as resnet18")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="a state dict as torchvision publishes it (random)")
    parser.add_argument("--name", help="the model's name (my_NETWORK)")
    parser.add_argument(
        "--model-repository", type=Path, default=settings.MODEL_REPOSITORY, help="where the model goes (the course's)"
    )
    arguments = parser.parse_args()
    folder = arguments.model_repository / (arguments.name or f"my_{arguments.network}")
    try:
        if folder.exists():
            raise WorkshopError(f"{settings.shown(folder)} is there already: choose another --name, or remove it")
        classification.add_torchvision(folder, arguments.network, arguments.weights)
    except WorkshopError as error:
        sys.exit(f"add_torchvision.py: {error}")
    print(f"{settings.shown(folder)} is written; `workshop up triton --models {folder.name}` loads it")


if __name__ == "__main__":
    main()
