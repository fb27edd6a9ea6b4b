#!/usr/bin/env python
"""Ask a model on a Triton server what pictures show, with the options of the official client of the same name.

    scripts/image_client.py cat.jpg                           the best class, by efficientnet_lite0
    scripts/image_client.py -c 5 -b 8 photos                  the five best of each picture of a folder, 8 to a request
    scripts/image_client.py -i gRPC --streaming photos        the requests over one stream
    scripts/image_client.py -m densenet -s INCEPTION -u gpu-machine:8000 cat.jpg

Any model will do that has one input for a picture ([channels, height, width] or [height, width, channels], one channel or
three, any type of numbers) and one output with a number for each class. The server ranks the classes and names them, where
the model's configuration has a `label_filename`. A line for each reads "value (class) = name": the value is what the model
gives, a logit or a probability. The last request holds the pictures that are left: it is not filled up with the first ones
again, as the official client does it.

Pictures are stretched to the model's size, and their numbers scaled as --scaling says:
    NONE        0 to 255, as they are            VGG  minus the channels' means 123, 117, 104 (128 of grey)
    INCEPTION   x / 127.5 - 1: from -1 to 1      EFFICIENTNET_LITE  (x - 127) / 128 of the middle square, not stretched
Without --scaling, the parameter `scaling` of the model's configuration counts, else NONE.

A picture that cannot be read and a request that the server refuses are a line on stderr each; the others are done.
Exit code: 0 all pictures were classified (the last line is PASS), 1 some were not, 2 the options are wrong, 3 the server or
the model cannot be asked, 130 interrupted.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from workshop.errors import WorkshopError

SCALINGS = ("NONE", "INCEPTION", "VGG", "EFFICIENTNET_LITE")
PROTOCOLS = {"http": "HTTP", "grpc": "gRPC"}


def main() -> int:
    """Classify the pictures named; the exit code."""
    arguments = _arguments()
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may hold any bytes
    try:
        return _classify(arguments)
    except WorkshopError as error:
        _tell(error)
        return 3
    except KeyboardInterrupt:
        _tell("interrupted")
        return 130
    except BrokenPipeError:  # whoever reads what is printed has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _classify(arguments: argparse.Namespace) -> int:
    # Only now: --help need not wait for the libraries.
    from workshop.vision import image_models, image_requests

    connection = image_requests.Connection(arguments.protocol, arguments.url)
    config, versions = connection.find(arguments.model_name, arguments.model_version)
    model = image_models.of(config)
    scaling = image_models.scaling_of(model, arguments.scaling)
    image_models.require_fitting(model, arguments.batch_size, arguments.size)
    if arguments.verbose:
        _tell(f"{model}; scaling {scaling}; served: version {', '.join(versions)}")

    paths, failed = _files(arguments.pictures)
    prepared = _prepared(paths, failed, lambda data: image_models.of_file(data, model, scaling, arguments.size))
    way = "stream" if arguments.streaming else "async" if arguments.asynchronous else "one by one"
    for outcome in image_requests.outcomes(
        connection,
        image_requests.batches(prepared, arguments.batch_size, model),
        model,
        way=way,
        version=arguments.model_version,
        classes=arguments.classes,
    ):
        batch = outcome.batch
        if arguments.verbose:
            sent = f"{model.datatype} {list(batch.tensor.shape)}, {batch.size() / 1e6:.2f} MB"
            _tell(f"request {batch.number}: {sent}, answered after {outcome.seconds * 1000:.0f} ms")
        if outcome.refusal:
            failed += batch.names
            _tell(f"request {batch.number} ({', '.join(batch.names)}): {outcome.refusal}")
            continue
        print(f"Request {batch.number}, batch size {len(batch.names)}")
        for name, classes in zip(batch.names, outcome.classes):
            print(f"Image '{name}':")
            for found in classes:
                print(f"    {found.value} ({found.index}){f' = {found.label}' if found.label else ''}")
        sys.stdout.flush()
    if failed:
        return 1
    print("PASS")
    return 0


def _files(named: list[Path]) -> tuple[list[Path], list[str]]:
    """The files named and those of the folders named, sorted and without hidden ones; and what is not there."""
    files, missing = [], []
    for path in named:
        if not path.is_dir():
            files.append(path)
            continue
        try:
            found = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        except OSError as error:
            found, reason = [], error.strerror
        else:
            reason = "the folder holds no file"
        if not found:
            _tell(f"{path}: {reason}")
            missing.append(str(path))
        files += found
    return files, missing


def _prepared(files: Iterable[Path], failed: list[str], prepare: Callable[[bytes], Any]) -> Iterator[tuple[str, Any]]:
    """Name and tensor of one picture after the other; one that cannot be read is told, and added to `failed`."""
    from workshop.vision.pictures import PictureError

    for file in files:
        try:
            tensor = prepare(file.read_bytes())
        except OSError as error:
            reason = error.strerror
        except PictureError as error:
            reason = str(error)
        else:
            yield str(file), tensor
            continue
        _tell(f"{file}: {reason}")
        failed.append(str(file))


def _tell(reason: object) -> None:
    print(f"image_client.py: {reason}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    summary, _, description = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        usage="%(prog)s [options] IMAGE|FOLDER ...",
        description=summary,
        epilog=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pictures", nargs="+", type=Path, metavar="IMAGE|FOLDER", help="files, and folders of files")
    parser.add_argument("-m", "--model-name", default="efficientnet_lite0", metavar="MODEL", help="(default: %(default)s)")
    parser.add_argument("-x", "--model-version", default="", metavar="VERSION", help="(default: the latest that is served)")
    parser.add_argument("-c", "--classes", type=int, default=1, metavar="N", help="classes of each picture (default: 1)")
    parser.add_argument("-b", "--batch-size", type=int, default=1, metavar="N", help="pictures of a request (default: 1)")
    parser.add_argument("-s", "--scaling", type=str.upper, choices=SCALINGS, metavar="NAME", help="of pixels, see below")
    parser.add_argument(
        "--size", metavar="WIDTHxHEIGHT", help="for a model that takes any size (default: each picture's own)"
    )
    parser.add_argument(
        "-u", "--url", metavar="HOST:PORT", help="(default: TRITON_URL or TRITON_GRPC_URL, else the course's own server)"
    )
    parser.add_argument("-i", "--protocol", default="HTTP", metavar="HTTP|gRPC", help="(default: HTTP)")
    parser.add_argument(
        "-a", "--async", dest="asynchronous", action="store_true", help="do not wait for one answer after another"
    )
    parser.add_argument("--streaming", action="store_true", help="all requests over one stream; with gRPC alone")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="tell what is sent and how long answers take, on stderr"
    )
    arguments = parser.parse_args()
    if arguments.protocol.lower() not in PROTOCOLS:
        parser.error(f"--protocol is HTTP or gRPC, not {arguments.protocol}")
    arguments.protocol = PROTOCOLS[arguments.protocol.lower()]
    if arguments.streaming and arguments.protocol == "HTTP":
        parser.error("--streaming is for gRPC alone: give --protocol gRPC too")
    if min(arguments.classes, arguments.batch_size) < 1:
        parser.error("--classes and --batch-size are whole numbers from 1 on")
    if not re.fullmatch(r"[1-9]\d*|", arguments.model_version):
        parser.error(f"--model-version is a whole number from 1 on, not {arguments.model_version}")
    if arguments.size is not None:
        size = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", arguments.size)
        if size is None:
            parser.error(f"--size is WIDTHxHEIGHT, as in 224x224, not {arguments.size}")
        arguments.size = int(size[1]), int(size[2])
    return arguments


if __name__ == "__main__":
    sys.exit(main())
