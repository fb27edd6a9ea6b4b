"""Any model that classifies one picture: what its configuration says of its input, and pictures as it wants them.

What Triton knows of a tensor is in the configuration that the server gives out, which its backend has completed:
https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto
It has no field for the range of numbers that a network was trained on: that is the client's to say, or a parameter's,
`scaling`, which the models of this course have where it matters.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from PIL import Image
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import triton_to_np_dtype

from workshop.errors import WorkshopError
from workshop.vision import pictures, preprocessing

LITE = "EFFICIENTNET_LITE"
VGG_MEANS = np.float32([123, 117, 104])
"""Of ImageNet's pictures: red, green, blue."""
SCALINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "NONE": lambda pixels: pixels,
    "INCEPTION": lambda pixels: pixels / np.float32(127.5) - 1,
    "VGG": lambda pixels: pixels - (VGG_MEANS if pixels.shape[-1] == 3 else np.float32(128)),
    LITE: lambda pixels: preprocessing.scale(pixels).transpose(1, 2, 0),
}
"""What becomes of pixels float32 [height, width, channels] from 0 to 255: they stay, become −1 to 1, or their distance from
a mean. The last one is EfficientNet-Lite's, which comes with a cut and an interpolation of its own (`preprocessing.fit`)."""
RANKED = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP32", "FP64")
"""Types of outputs that the server ranks by value. It refuses FP16 and BF16, and ends at a STRING (release 24.10)."""


@dataclasses.dataclass(frozen=True)
class ImageModel:
    """A model with one input for a picture and one output with a number for each class.

    Attributes:
        name: the model's.
        input: the input's name.
        datatype: the input's type, as clients say it: FP32, UINT8, …; BYTES where it takes the files as they are.
        channels_first: whether a picture is [channels, height, width] (NCHW) and not [height, width, channels] (NHWC).
        channels: 3 for red, green and blue, 1 for grey.
        height: in pixels; None where the model takes any.
        width: likewise.
        leading: whether a dimension stands in front of a picture's own.
        most: pictures that a request may hold.
        output: the output's name.
        scaling: what the parameter `scaling` of its configuration says; empty where it has none.
    """

    name: str
    input: str
    datatype: str
    channels_first: bool
    channels: int
    height: int | None
    width: int | None
    leading: bool
    most: int
    output: str
    scaling: str

    def __str__(self) -> str:
        """In a line: name, type, dims and order of the input, the output, and how many pictures a request may hold."""
        sides = ["any" if side is None else str(side) for side in (self.height, self.width)]
        dims = [str(self.channels), *sides] if self.channels_first else [*sides, str(self.channels)]
        order = "NCHW" if self.channels_first else "NHWC"
        taken = "BYTES, files as they are" if self.datatype == "BYTES" else f"{self.datatype} [{', '.join(dims)}] ({order})"
        pictures = "picture" if self.most == 1 else "pictures"
        return f"{self.name} takes {self.input} {taken}, gives {self.output}; at most {self.most} {pictures} a request"


def of(config: model_config_pb2.ModelConfig) -> ImageModel:
    """What a model's configuration says.

    Where the input's `format` says nothing, the channels are where one or three of them fit, first or last.

    Raises:
        WorkshopError: the model does not classify one picture; why not.
    """
    sides = (("input", config.input), ("output", config.output))
    if several := [f"{len(side)} {kind}s ({', '.join(t.name for t in side)})" for kind, side in sides if len(side) != 1]:
        raise _unfit(config, f"it has {' and '.join(several)}; one of each is asked for")
    if config.model_transaction_policy.decoupled:
        raise _unfit(config, "it is decoupled: it may answer a request any number of times")
    (taken,), (given,) = config.input, config.output
    batching = config.max_batch_size > 0
    dims, kind = list(taken.dims), _type(taken)
    leading = batching or (len(dims) == 4 and dims[0] in (1, -1))
    dims = dims[1:] if leading and not batching else dims
    encoded = kind == "STRING" and list(taken.dims) == [1] and "image" in taken.name.lower()
    if kind in ("STRING", "BOOL") and not encoded:
        raise _unfit(config, f"its input {taken.name} is {kind}")
    if len(dims) == 4 and not batching:
        raise _unfit(config, f"its input {taken.name} {dims} holds {dims[0]} pictures, no more and no fewer")
    if len(dims) != 3 and not encoded:
        raise _unfit(config, f"its input {taken.name} {dims} has other dims than height, width and channels")
    first = taken.format == taken.FORMAT_NCHW or (taken.format == taken.FORMAT_NONE and dims[0] in (1, 3))
    channels, height, width = (3, -1, -1) if encoded else dims if first else (dims[2], *dims[:2])
    if channels not in (1, 3):
        raise _unfit(config, f"its input {taken.name} {dims} has neither one channel nor three, first or last")
    if _type(given) not in RANKED:
        raise _unfit(config, f"its output {given.name} is {_type(given)}, which the server does not rank")
    classes = list(given.dims)[1:] if leading and not batching and len(given.dims) > 1 else given.dims
    if sum(dim != 1 for dim in classes) > 1:
        raise _unfit(config, f"its output {given.name} {list(given.dims)} is not one number for each class")
    return ImageModel(
        name=config.name,
        input=taken.name,
        datatype="BYTES" if encoded else kind,
        channels_first=first,
        channels=channels,
        height=height if height > 0 else None,
        width=width if width > 0 else None,
        leading=leading,
        most=max(1, config.max_batch_size),
        output=given.name,
        scaling=config.parameters["scaling"].string_value if "scaling" in config.parameters else "",
    )


def _type(tensor: model_config_pb2.ModelInput | model_config_pb2.ModelOutput) -> str:
    return model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")


def _unfit(config: model_config_pb2.ModelConfig, reason: str) -> WorkshopError:
    return WorkshopError(f"{config.name} is no model that classifies one picture: {reason}")


def scaling_of(model: ImageModel, wanted: str | None) -> str:
    """A key of `SCALINGS`: the one wanted, else the one that the model's configuration names, else NONE.

    Raises:
        WorkshopError: the configuration names one that is not known, or what it makes of pixels is nothing for the model.
    """
    scaling = wanted or model.scaling or "NONE"
    if scaling not in SCALINGS:
        raise WorkshopError(
            f"the configuration of {model.name} has the parameter scaling {scaling!r}, which is not known here: "
            f"give --scaling, one of {', '.join(SCALINGS)}"
        )
    if model.datatype == "BYTES" and scaling != "NONE":
        raise WorkshopError(f"{model.name} takes files as they are: leave out --scaling {scaling}")
    if scaling == LITE and (model.channels != 3 or model.height is None or model.height != model.width):
        raise WorkshopError(f"--scaling {LITE} makes squares of one size in colour, which {model.name} does not take")
    kind = np.dtype(triton_to_np_dtype(model.datatype))
    made = SCALINGS[scaling](np.tile(np.arange(256, dtype=np.float32)[:, None, None], (1, 1, model.channels)))
    if kind.kind in "iu" and ((made % 1).any() or made.min() < np.iinfo(kind).min or made.max() > np.iinfo(kind).max):
        raise WorkshopError(
            f"{model.name} takes {model.datatype}: that does not hold the {'fractions' if (made % 1).any() else 'numbers'} "
            f"from {made.min():.3g} to {made.max():.3g} that --scaling {scaling} makes of pixels"
        )
    return scaling


def require_fitting(model: ImageModel, batch: int, size: tuple[int, int] | None) -> None:
    """See to it that a model takes so many pictures in a request and that their size, where one is given, is open.

    Raises:
        WorkshopError: it does not.
    """
    if batch > model.most:
        most = "one picture" if model.most == 1 else f"at most {model.most} pictures"
        raise WorkshopError(f"{model.name} takes {most} in a request, not --batch-size {batch}")
    if size and (model.datatype == "BYTES" or (model.height and model.width)):
        raise WorkshopError(f"{model.name} has a size of its own: leave out --size")


def of_file(data: bytes, model: ImageModel, scaling: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """A picture's file as a model takes it: [channels, height, width] or [height, width, channels], or the file [1] itself.

    Raises:
        PictureError: it is none that can be read.
    """
    pixels = pictures.decode(data)
    return np.array([data], object) if model.datatype == "BYTES" else prepared(pixels, model, scaling, size)


def prepared(pixels: np.ndarray, model: ImageModel, scaling: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """A picture as a model takes it.

    It is stretched to the model's width and height, nothing cut off, whatever its shape is; only EFFICIENTNET_LITE cuts a
    square out of its middle.

    Args:
        pixels: uint8 [height, width, 3], blue, green, red, as `pictures.decode` gives them.
        model: what takes it.
        scaling: what `scaling_of` gives for the model.
        size: width and height where the model takes any; without it the picture keeps its own.

    Returns:
        [channels, height, width] or [height, width, channels], of the model's type.
    """
    pixels = np.ascontiguousarray(pixels[:, :, ::-1])
    width, height = size or pixels.shape[1::-1]
    width, height = model.width or width, model.height or height
    if scaling == LITE:
        fitted = preprocessing.fit(pixels, height)
    else:
        picture = Image.fromarray(pixels).convert("L" if model.channels == 1 else "RGB")
        fitted = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR)).reshape(height, width, -1)
    values = SCALINGS[scaling](fitted.astype(np.float32))
    ordered = values.transpose(2, 0, 1) if model.channels_first else values
    return np.ascontiguousarray(ordered.astype(triton_to_np_dtype(model.datatype)))
