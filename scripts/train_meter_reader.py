#!/usr/bin/env python
"""Train the reader of price tags and meters on drawn crops and leave its weights with their metrics.

    scripts/train_meter_reader.py                     a few minutes on one core
    scripts/train_meter_reader.py --seconds 60        shorter and worse
    scripts/train_meter_reader.py --go-on --seed 1    trains the weights that are there further, on other crops
    scripts/train_meter_reader.py --out /tmp/reader   leaves the course's own weights alone

The metrics are of crops that training did not see, for the reader and for PP-OCRv4's recogniser on the very same crops.
Ctrl-C stops it; what was there before stays.
"""

import argparse
import json
import math
import platform
import sys
import tempfile
import time
from pathlib import Path

from workshop import settings
from workshop.errors import WorkshopError


def main() -> None:
    """Train, with a line now and then, measure, and write both files."""
    arguments = _arguments()
    try:
        # Only now: --help need not wait for the libraries.
        import torch

        from workshop.graph.checkpoint import write_json
        from workshop.vision import crnn, training

        torch.set_num_threads(arguments.threads)
        weights = arguments.out / crnn.CHECKPOINT.name
        model, runs = None, []
        if arguments.go_on:
            model, runs = crnn.load(weights), json.loads(weights.with_suffix(".json").read_text())["runs"]
        began, used = time.monotonic(), time.process_time()
        model, done = training.train(
            steps=arguments.steps, seconds=arguments.seconds, seed=arguments.seed, model=model, tell=_tell
        )
        took, used = time.monotonic() - began, time.process_time() - used
        print(f"trained in {took:.0f} s, {used:.0f} s of processors; measuring {arguments.crops:,} crops", flush=True)
        run = {"seed": arguments.seed, "steps": done, "training_s": round(took, 1), "training_cpu_s": round(used, 1)}
        metrics = _metrics(model, arguments) | {"runs": [*runs, run]}
        crnn.save(model, weights)
        metrics["bytes"]["checkpoint"] = weights.stat().st_size
        write_json(weights.with_suffix(".json"), metrics)
    except WorkshopError as error:
        sys.exit(f"train_meter_reader.py: {error}")
    except KeyboardInterrupt:
        sys.exit("\ntrain_meter_reader.py: stopped; nothing is written")
    for version in ("pp_ocr", "meter_reader"):
        for kind, row in metrics["held_out"][version].items():
            print(
                f"{version:12} {kind:8} {row['exact']:6.1%} exact, {row['without_spaces']:6.1%} without spaces, "
                f"{row['restricted']:6.1%} with our characters alone, {row['character_errors']:.2%} character errors"
            )
    print(f"milliseconds a crop: {metrics['milliseconds_a_crop']}")
    print(f"{settings.shown(weights)} and .json")


def _metrics(model, arguments: argparse.Namespace) -> dict:
    import onnxruntime
    import torch

    from workshop.vision import crnn, training
    from workshop.vision.meters import CHARACTERS, drawn

    crops = list(drawn(training.HELD_OUT, arguments.crops))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        crnn.to_onnx(model, path)
        readers = {
            "pp_ocr": training.Reader(training.pp_ocr(), arguments.threads),
            "meter_reader": training.Reader(path, arguments.threads),
        }
        sizes = {name: reader.path.stat().st_size for name, reader in readers.items()}
        return {
            "characters": CHARACTERS,
            "parameters": sum(weight.numel() for weight in model.parameters()),
            "bytes": sizes,
            "batch_size": training.BATCH,
            "learning_rate": training.LEARNING_RATE,
            "held_out_seed": training.HELD_OUT,
            "held_out": {name: training.measure(reader, crops) for name, reader in readers.items()},
            "milliseconds_a_crop": {f"batch_{size}": training.milliseconds(readers, crops[:48], size) for size in (1, 8)},
            "threads": arguments.threads,
            "hardware": platform.machine(),
            "versions": {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__},
        }


def _tell(step) -> None:
    print(f"step {step.step:>5} of {step.steps}: loss {step.loss:.3f}, {step.seconds:.0f} s", flush=True)


def _arguments() -> argparse.Namespace:
    summary, _, description = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1200, metavar="N", help="of 32 crops each (default: 1200)")
    parser.add_argument("--seconds", type=float, default=math.inf, metavar="S", help="end after so many (default: no limit)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and crops, below 1,000,003 (default: 0)")
    parser.add_argument("--go-on", action="store_true", help="train the weights in DIR further; give another seed")
    parser.add_argument("--threads", type=int, default=1, help="of torch and ONNX Runtime (default: 1)")
    parser.add_argument("--crops", type=int, default=1500, metavar="N", help="to measure on (default: 1500)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", default=settings.ROOT / "checkpoints", help="(default: checkpoints)"
    )
    arguments = parser.parse_args()
    if min(arguments.steps, arguments.crops, arguments.threads) < 1 or arguments.seconds <= 0:
        parser.error("--steps, --seconds, --crops and --threads are above 0")
    if not 0 <= arguments.seed < 1_000_003:
        parser.error("--seed is a whole number from 0 to 1,000,002")
    return arguments


if __name__ == "__main__":
    main()
