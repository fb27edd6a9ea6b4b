"""From pixels to text: what stands before, between and behind the networks of an OCR pipeline.

Detection is Differentiable Binarization (Liao et al., 2020, https://arxiv.org/abs/1911.08947): a map of probabilities
becomes boxes. Recognition ends in Connectionist Temporal Classification (Graves et al., 2006): a class for each of some
steps from left to right becomes a text. Constants are those that PP-OCRv4's publishers use.

Pictures are uint8 [height, width, 3], channels blue, green, red. Boxes are float32 [boxes, 4, 2]: corners x, y in pixels,
clockwise from the top left of the text. Needs NumPy, OpenCV and pyclipper alone: Python models have a copy of this file in
their version folders.
"""

import dataclasses
import math
import os
from collections.abc import Sequence

import cv2
import numpy as np
import pyclipper

LONGEST, SHORTEST = 2000, 30
"""Pixels that a picture's longer side has at most, and its shorter at least, before text is looked for."""
FLATTEST = 8
"""A picture longer than so many times its shorter side gets black margins: the network saw no strips."""
DETECTION_SIDE, GRID = 736, 32
"""The shorter side of what the detector sees, and what both sides are multiples of: the network halves five times."""
LIKELY, BOX_SCORE, UNCLIP = 0.3, 0.5, 1.6
"""Above which a pixel may be text, above which mean a box is kept, and how far a box is grown."""
SMALLEST, MOST_BOXES = 3, 1000
"""Pixels that a box's shorter side has at least, and boxes that a page has at most."""
LINE_HEIGHT, ANGLE_WIDTH = 48, 192
"""Height of a line that is read, and the width in which the classifier of angles sees it."""
WIDTHS = (320, 480, 720, 1080, 1620, 2430)
"""Columns that a line may be filled up to, each half as wide again as the one before. What is read depends a little on how
much stands empty behind it, so this depends on the line alone, not on the lines that it shares a batch with."""
TURNED = 0.9
"""Above which probability a line is taken to stand on its head."""
TEXT_SCORE = 0.5
"""The mean probability of its characters below which a line is not told."""
ANGLES = 64
"""Lines whose angle is asked for in one request."""
BATCH = 6
"""Lines that are read together, unless somebody knows better: the model `ocr` has its own number."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A picture in the size in which text is looked for, and the way back to the picture's own pixels.

    `pixels`: uint8 [height, width, 3]. A point p of it lies at (p - `margin`) * `scale` in the picture, which is `size`
    pixels wide and high; each of the three is a pair for x and y.
    """

    pixels: np.ndarray
    scale: tuple[float, float]
    margin: tuple[int, int]
    size: tuple[int, int]

    def back(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes in the pixels of the picture, within it."""
        placed = (boxes - np.float32(self.margin)) * np.float32(self.scale)
        return np.clip(placed, 0, np.float32(self.size)).astype(np.float32)


def fit(picture: np.ndarray) -> Fitted:
    """A picture scaled down if it is large or up if it is tiny, with margins if it is a strip."""
    height, width = picture.shape[:2]
    pixels = picture
    if max(height, width) > LONGEST:
        pixels = _scaled(pixels, LONGEST / max(height, width))
    if min(pixels.shape[:2]) < SHORTEST:
        pixels = _scaled(pixels, min(SHORTEST / min(pixels.shape[:2]), LONGEST / max(pixels.shape[:2])))
    high, wide = pixels.shape[:2]
    scale = width / wide, height / high
    margin = [0, 0]
    for axis, (long, short) in enumerate(((high, wide), (wide, high))):
        if long > FLATTEST * short or (axis and high <= SHORTEST):
            margin[axis] = (max(long // FLATTEST, SHORTEST) * 2 - short) // 2
    across, down = margin
    pixels = cv2.copyMakeBorder(pixels, down, down, across, across, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return Fitted(pixels, scale, (across, down), (width, height))


def _scaled(pixels: np.ndarray, factor: float) -> np.ndarray:
    return cv2.resize(pixels, tuple(_on_grid(int(side * factor)) for side in pixels.shape[1::-1]))


def _on_grid(side: int) -> int:
    return max(GRID, round(side / GRID) * GRID)


def detection_input(pixels: np.ndarray) -> np.ndarray:
    """The detector's input for a fitted picture: float32 [1, 3, height, width] from -1 to 1, sides multiples of `GRID`."""
    return _scaled_to_one(_scaled(pixels, max(1, DETECTION_SIDE / min(pixels.shape[:2]))))[None]


def _scaled_to_one(pixels: np.ndarray) -> np.ndarray:
    """uint8 [height, width, 3] as float32 [3, height, width] from -1 to 1."""
    return ((pixels.astype(np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1)


def find_boxes(probability: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes of text out of the detector's map.

    Each connected area of likely pixels gives its smallest rectangle, turned as it may be. The map is trained to mark the
    core of a line, shrunk from its outline, so the rectangle is grown again (unclip): by its area over its perimeter, times
    `UNCLIP`.

    Args:
        probability: float32 [height, width], of the detector.
        size: width and height of the fitted picture.

    Returns:
        Boxes in pixels of the fitted picture, in reading order, float32 [boxes, 4, 2].
    """
    likely = cv2.dilate((probability > LIKELY).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(likely, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    ratio = np.float32(size) / np.float32(probability.shape[::-1])
    last = np.float32(size) - 1
    boxes = []
    for contour in contours[:MOST_BOXES]:
        corners, shorter = _rectangle(contour)
        if shorter < SMALLEST or _mean_within(probability, corners) < BOX_SCORE:
            continue
        corners, shorter = _rectangle(unclip(corners))
        if shorter < SMALLEST + 2:
            continue
        box = np.clip(np.round(corners * ratio), 0, last)
        if min(int(np.linalg.norm(box[0] - box[1])), int(np.linalg.norm(box[0] - box[3]))) > SMALLEST:
            boxes.append(box)
    return in_reading_order(np.array(boxes, np.float32).reshape(-1, 4, 2))


def unclip(corners: np.ndarray, ratio: float = UNCLIP) -> np.ndarray:
    """The outline of a rectangle grown on all sides by area / perimeter × `ratio`, with round corners: int32 [points, 2]."""
    distance = cv2.contourArea(corners) * ratio / cv2.arcLength(corners, True)
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(corners, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    grown = offset.Execute(distance)
    return np.array(grown[0] if grown else corners, np.int32)


def _rectangle(points: np.ndarray) -> tuple[np.ndarray, float]:
    """The smallest rectangle around points, float32 [4, 2] clockwise from the top left, and its shorter side."""
    found = cv2.minAreaRect(points)
    return clockwise(cv2.boxPoints(found)), min(found[1])


def clockwise(corners: np.ndarray) -> np.ndarray:
    """Four corners in order: top left, top right, bottom right, bottom left, where the two on the left have the least x."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (pair[np.argsort(pair[:, 1], kind="stable")] for pair in (by_x[:2], by_x[2:]))
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def _mean_within(probability: np.ndarray, corners: np.ndarray) -> float:
    """The mean of the map's pixels within a box."""
    high, wide = probability.shape
    low = np.clip(np.floor(corners.min(axis=0)), 0, (wide - 1, high - 1)).astype(int)
    top = np.clip(np.ceil(corners.max(axis=0)), 0, (wide - 1, high - 1)).astype(int)
    within = np.zeros((top[1] - low[1] + 1, top[0] - low[0] + 1), np.uint8)
    cv2.fillPoly(within, [(corners - low).astype(np.int32)], 1)
    return cv2.mean(probability[low[1] : top[1] + 1, low[0] : top[0] + 1], within)[0]


def in_reading_order(boxes: np.ndarray) -> np.ndarray:
    """Boxes line by line from the top, each line from the left.

    A box belongs to a line if its middle is no farther from the middle of the line's last box than half of the lower one's
    height, and if it stands beside all boxes of the line: where the lines of two columns are not level, each is near the
    next, and a page would be one line.
    """
    middles, heights = boxes[:, :, 1].mean(axis=1), np.ptp(boxes[:, :, 1], axis=1)
    left, right = boxes[:, :, 0].min(axis=1), boxes[:, :, 0].max(axis=1)

    def near(one: int, other: int) -> bool:
        return middles[one] - middles[other] <= min(heights[one], heights[other]) / 2

    def beside(one: int, other: int) -> bool:
        common = min(right[one], right[other]) - max(left[one], left[other])
        return common <= min(right[one] - left[one], right[other] - left[other]) / 2

    lines: list[list[int]] = []
    for number in np.argsort(middles, kind="stable"):
        if lines and near(number, lines[-1][-1]) and all(beside(number, other) for other in lines[-1]):
            lines[-1].append(number)
        else:
            lines.append([number])
    order = [number for line in lines for number in sorted(line, key=lambda number: boxes[number, :, 0].min())]
    return boxes[np.array(order, int)]


def crop(pixels: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The part of a picture within a box, set upright by a perspective transformation; a column of text is laid down."""
    wide = int(max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[2] - box[3])))
    high = int(max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2])))
    upright = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    transformation = cv2.getPerspectiveTransform(box, upright)
    found = cv2.warpPerspective(pixels, transformation, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.rot90(found) if high >= 1.5 * wide else found


def line(crop: np.ndarray, widest: int = WIDTHS[-1]) -> np.ndarray:
    """A crop in the height in which lines are read, uint8 [`LINE_HEIGHT`, width, 3]; squeezed to `widest` columns."""
    wide = math.ceil(LINE_HEIGHT * crop.shape[1] / crop.shape[0])
    return cv2.resize(np.ascontiguousarray(crop), (min(wide, widest), LINE_HEIGHT))


def filled_width(columns: int) -> int:
    """How many columns a line of so many is filled up to: the least of `WIDTHS` that holds it."""
    return next(width for width in WIDTHS if columns <= width)


def upright(line: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """A line, turned by 180° where it stands on its head; `angle`: the classifier's probabilities of 0° and of 180°."""
    return line[::-1, ::-1] if angle[1] > TURNED else line


def line_input(lines: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Lines as a batch for a network.

    Args:
        lines: uint8 [`LINE_HEIGHT`, at most `width`, 3] each.
        width: columns of the batch.

    Returns:
        float32 [lines, 3, `LINE_HEIGHT`, width] from -1 to 1; zeros to the right of each line.
    """
    batch = np.zeros((len(lines), 3, LINE_HEIGHT, width), np.float32)
    for row, found in zip(batch, lines):
        row[:, :, : found.shape[1]] = _scaled_to_one(found)
    return batch


def angle_input(crops: Sequence[np.ndarray]) -> np.ndarray:
    """Crops as a batch for the classifier of angles, float32 [crops, 3, `LINE_HEIGHT`, `ANGLE_WIDTH`]."""
    return line_input([line(crop, ANGLE_WIDTH) for crop in crops], ANGLE_WIDTH)


def batches(lines: Sequence[np.ndarray], size: int = BATCH) -> list[tuple[int, list[int]]]:
    """Which lines are read together: for each batch its width, and the numbers of its lines, which are filled up to that."""
    found = []
    for width in WIDTHS:
        rows = [number for number, one in enumerate(lines) if filled_width(one.shape[1]) == width]
        found += [(width, rows[start : start + size]) for start in range(0, len(rows), size)]
    return found


def decode_ctc(classes: np.ndarray, probabilities: np.ndarray, characters: Sequence[str]) -> list[tuple[str, float]]:
    """Greedy decoding: the likeliest class of each step, repetitions once, blanks left out.

    Args:
        classes: int64 [texts, steps], the likeliest class of each step; 0 is the blank.
        probabilities: float32 [texts, steps], its probability.
        characters: what class 1 and those after it stand for.

    Returns:
        For each text its characters and the mean of their probabilities; 0 where there are none.
    """
    told = classes > 0
    told[:, 1:] &= classes[:, 1:] != classes[:, :-1]
    return [
        ("".join(characters[one - 1] for one in row[keep]), float(value[keep].mean()) if keep.any() else 0.0)
        for row, value, keep in zip(classes, probabilities, told)
    ]


def together(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays of one number of dimensions as one, each in the corner of zeros as large as the largest of them."""
    shape = np.max([array.shape for array in arrays], axis=0)
    found = np.zeros((len(arrays), *shape), arrays[0].dtype)
    for place, array in zip(found, arrays):
        place[tuple(map(slice, array.shape))] = array
    return found


def characters(folder: str | os.PathLike[str]) -> list[str]:
    """What a recogniser's classes 1, 2, 3 … stand for: the lines of `characters.txt` in a folder."""
    with open(os.path.join(folder, "characters.txt"), encoding="utf-8") as file:
        return file.read().split("\n")


def answer(pictures: Sequence[Sequence[tuple[np.ndarray, str, float]]]) -> dict[str, np.ndarray]:
    """Box, text and score of each line of some pictures as the tensors that the pipeline answers with.

    Returns:
        `boxes` float32 [pictures, lines, 4, 2], `texts` bytes [pictures, lines], `scores` float32 [pictures, lines]. A
        picture with fewer lines than another one of the same request ends in empty texts with score 0.
    """
    most = max(map(len, pictures), default=0)
    boxes = np.zeros((len(pictures), most, 4, 2), np.float32)
    texts = np.full((len(pictures), most), b"", object)
    scores = np.zeros((len(pictures), most), np.float32)
    for number, lines in enumerate(pictures):
        for row, (box, text, score) in enumerate(lines):
            boxes[number, row], texts[number, row], scores[number, row] = box, text.encode(), score
    return {"boxes": boxes, "texts": texts, "scores": scores}
