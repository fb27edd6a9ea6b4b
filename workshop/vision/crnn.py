"""A small network that reads price tags and meters: convolutions, a recurrent layer over the columns, and CTC.

The design is the convolutional recurrent neural network of Shi, Bai and Yao (2015, https://arxiv.org/abs/1507.05717), with a
twentieth of its 8.3 million weights. It is trained with connectionist temporal classification (Graves and others, 2006,
https://doi.org/10.1145/1143844.1143891): no one has to say which column shows which character.

What goes in and what comes out are those of PP-OCRv4's recogniser, names included, so that both can be versions of one
Triton model, which have one configuration: `x`, float32 [N, 3, 48, W], and `softmax_11.tmp_0`, float32 [N, T, classes].
Class 0 is the blank, the last class the space, and between them are the characters that the ONNX file's metadata lists, one
a line.
"""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from safetensors import SafetensorError
from safetensors.torch import safe_open
from torch import nn

from workshop import settings
from workshop.errors import WorkshopError
from workshop.vision.meters import CHARACTERS

CHECKPOINT = settings.ROOT / "checkpoints" / "meter_reader.safetensors"
"""The trained weights. The metrics stand beside them as JSON."""
HEIGHT, MULTIPLE = 48, 8
"""Every crop is made so high; a batch's width is such a multiple, in pixels."""
STRIDE = 4
"""Pixels a column: the network's output has T = ceil(W / 4) columns, PP-OCRv4's W / 8."""
INPUT, OUTPUT = "x", "softmax_11.tmp_0"
"""The names of the tensors in the ONNX file: PP-OCRv4's."""
OPSET = 17


class CRNN(nn.Module):
    """Five convolutions with pooling, one bidirectional LSTM and a linear layer: 0.4 million weights.

    Args:
        characters: what can be read, the space as the last one.

    Raises:
        ValueError: a character is there twice, or the space is not the last one.
    """

    def __init__(self, characters: str = CHARACTERS, hidden: int = 96):
        super().__init__()
        if len(set(characters)) < len(characters) or not characters.endswith(" "):
            raise ValueError(f"characters are distinct and end with the space: {characters!r}")
        self.characters, self.hidden = characters, hidden
        self.columns = nn.Sequential(  # [N, 3, 48, W] to [N, 128, 1, W / 4]
            *_convolution(3, 16, stride=(2, 2)),
            *_convolution(16, 32),
            nn.MaxPool2d((2, 2), ceil_mode=True),
            *_convolution(32, 64),
            nn.MaxPool2d((2, 1)),
            *_convolution(64, 128),
            nn.MaxPool2d((2, 1)),
            *_convolution(128, 128, padding=(0, 1)),
        )
        self.context = nn.LSTM(128, hidden, batch_first=True, bidirectional=True)
        self.classes = nn.Linear(128 + 2 * hidden, len(characters) + 1)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Scores before the softmax, float32 [N, T, classes].

        The last layer sees the columns beside what the LSTM makes of them: the gradient has a short way to the convolutions.
        """
        columns = self.columns(x).squeeze(2).transpose(1, 2)
        return self.classes(torch.cat([columns, self.context(columns)[0]], dim=-1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities of each column, float32 [N, T, classes] with T = ceil(W / 4), of float32 [N, 3, 48, W], -1 to 1."""
        return self.logits(x).softmax(-1)


def _convolution(inward: int, outward: int, stride=(1, 1), padding=(1, 1)) -> list[nn.Module]:
    return [nn.Conv2d(inward, outward, 3, stride, padding, bias=False), nn.BatchNorm2d(outward), nn.ReLU()]


def prepare(crops: Sequence[np.ndarray], width: int = 0) -> np.ndarray:
    """Crops, each uint8 [height, width, 3], BGR, as one batch: float32 [N, 3, 48, W], -1 to 1.

    Each is scaled to the height of 48. W is the widest one's, or `width` where that is more, up to the next multiple of 8;
    to the right of narrower ones there are zeros. PP-OCRv4 takes its crops the same way.
    """
    widths = [max(1, round(crop.shape[1] * HEIGHT / crop.shape[0])) for crop in crops]
    batch = np.zeros((len(crops), 3, HEIGHT, -(-max(*widths, width, 1) // MULTIPLE) * MULTIPLE), np.float32)
    for row, crop, wide in zip(batch, crops, widths):
        row[..., :wide] = cv2.resize(crop, (wide, HEIGHT)).transpose(2, 0, 1) / 127.5 - 1
    return batch


def decode(probabilities: np.ndarray, characters: Sequence[str] = CHARACTERS) -> list[tuple[str, float]]:
    """Texts and how sure they are, of probabilities [N, T, classes], by the best class of each column.

    Repeats of a class are one character, then blanks, class 0, are left out. A text's score is the mean probability of its
    characters' columns, 0 for a text without any.

    Args:
        characters: those of the classes from 1 on, the space included.

    Raises:
        ValueError: there are not as many classes as characters and the blank.
    """
    if probabilities.shape[-1] != len(characters) + 1:
        raise ValueError(f"{probabilities.shape[-1]} classes, but {len(characters)} characters and the blank")
    best, score = probabilities.argmax(-1), probabilities.max(-1)
    first = np.diff(best, axis=1, prepend=0) != 0
    kept = first & (best != 0)
    return [
        ("".join(characters[one - 1] for one in row[mask]), float(sure[mask].mean()) if mask.any() else 0.0)
        for row, mask, sure in zip(best, kept, score)
    ]


def loss(model: CRNN, x: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
    """The CTC loss, a scalar: minus the logarithm of the texts' probability, a character, on average.

    Every column counts, those of the padding too: the network learns to leave it blank, and need not be told widths.
    """
    scores = model.logits(x).log_softmax(-1).transpose(0, 1)
    targets = torch.tensor([model.characters.index(character) + 1 for text in texts for character in text])
    lengths = torch.tensor([len(text) for text in texts])
    columns = torch.full((len(texts),), len(scores))
    return nn.functional.ctc_loss(scores, targets, columns, lengths, zero_infinity=True)


def save(model: CRNN, path: Path = CHECKPOINT) -> None:
    """Write the weights as safetensors, in one step, with the characters in the file's header."""
    from workshop.graph.checkpoint import write_tensors  # PyTorch Geometric comes along, which takes seconds

    write_tensors(path, model.state_dict(), {"characters": model.characters, "hidden": model.hidden})


def load(path: Path = CHECKPOINT) -> CRNN:
    """The network with its trained weights, in evaluation mode.

    Raises:
        WorkshopError: the file is missing, damaged or another network's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, a file is no dictionary
        model = CRNN(json.loads(metadata["characters"]), json.loads(metadata["hidden"]))
        model.load_state_dict(tensors)
    except FileNotFoundError as error:
        raise WorkshopError(f"there is no {settings.shown(path)}; scripts/train_meter_reader.py makes it") from error
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise WorkshopError(f"{settings.shown(path)} is no reader's checkpoint ({error}): train again") from error
    return model.eval()


def to_onnx(model: CRNN, path: Path) -> None:
    """Write the network in evaluation mode as ONNX, opset 17, for any N and W, its characters in the metadata.

    Triton 24.10's ONNX Runtime, 1.19, reads it. The key `character` has one character a line and, as in PP-OCRv4's file,
    neither the blank nor the space.
    """
    training = model.training
    with warnings.catch_warnings():
        # The exporter that needs no further package is the older one, and it warns of LSTMs and batches other than traced.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (torch.zeros(1, 3, HEIGHT, 160),),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "texts", 3: "width"}, OUTPUT: {0: "texts", 1: "columns"}},
            opset_version=OPSET,
            dynamo=False,
        )
    model.train(training)
    written = onnx.load(path)
    onnx.helper.set_model_props(written, {"character": "\n".join(model.characters[:-1])})
    onnx.save(written, path)
