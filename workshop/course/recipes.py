"""Which notebook builds which model, the files that a built model has, and which models a server is started with."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from workshop import settings
from workshop.errors import WorkshopError
from workshop.triton import configuration

FIRST = ("sentence_embedder", "product_embedder")
"""What the first answers need (`workshop ask`): the other models are loaded by the lessons that use them."""

BY_NAME = ("seamless-m4t-v2-large",)
"""Models whose weights somebody has to have brought: no cell builds them, and `--models all` leaves them out."""

TRANSLATION = "09_translation_service.ipynb"
READING = "10_reading_text_in_images.ipynb"
CLASSIFYING = "11_image_classification.ipynb"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The notebook that builds a model, and the files that it leaves in the model's folder: none where all are committed.

    A model with parts `from_outside` cannot be built on every machine, nor offline: where it cannot, the others are.
    """

    notebook: str
    files: tuple[str, ...]
    from_outside: bool = False

    def built(self, name: str) -> bool:
        """Whether every file is there."""
        return all((settings.MODEL_REPOSITORY / name / file).exists() for file in self.files)


RECIPES = {
    "sentence_bert": Recipe("02_trace_a_transformer.ipynb", ("1/model.pt",)),
    "bert_classifier": Recipe("02_trace_a_transformer.ipynb", ("1/model.pt", "2/model.pt")),
    "sentence_bert_onnx": Recipe("08_batching_and_performance.ipynb", ("1/model.onnx",)),
    "sentence_bert_int8": Recipe("08_batching_and_performance.ipynb", ("1/model.onnx",)),
    "sentence_embedder": Recipe("03_zero_shot_classification.ipynb", ("1/tokenizer.json",)),
    "graph_embeddings": Recipe("06_serve_graphsage.ipynb", ("1/model.pt",)),
    "product_embedder": Recipe("07_product_recommendations.ipynb", ()),
    "fasttext-language-identification": Recipe(TRANSLATION, ("1/lid.176.ftz",)),
    "apertium": Recipe(TRANSLATION, ("1/direction.py", "1/root.txt"), from_outside=True),
    "translate": Recipe(TRANSLATION, ()),
    "stemmer": Recipe(TRANSLATION, ()),
    "stemmer_pinned": Recipe(TRANSLATION, ("environment.tar.gz",), from_outside=True),
    "text_detection": Recipe(READING, ("1/model.onnx",)),
    "text_angle": Recipe(READING, ("1/model.onnx",)),
    "text_recognition": Recipe(READING, ("1/model.onnx", "2/model.onnx")),
    "ocr": Recipe(READING, ("1/pictures.py", "1/reading.py", "1/characters.txt")),
    "ocr_pixels": Recipe(READING, ("1/pictures.py", "1/reading.py")),
    "ocr_crops": Recipe(READING, ("1/reading.py",)),
    "ocr_upright": Recipe(READING, ("1/reading.py",)),
    "ocr_texts": Recipe(READING, ("1/reading.py", "1/characters.txt")),
    "ocr_ensemble": Recipe(READING, ()),
    "efficientnet_lite0": Recipe(CLASSIFYING, ("1/model.pt",)),
    "efficientnet_lite0_onnx": Recipe(CLASSIFYING, ("1/model.onnx",)),
    "efficientnet_lite0_pixels": Recipe(CLASSIFYING, ("1/model.pt",)),
    "image_preprocess": Recipe(CLASSIFYING, ("1/pictures.py", "1/preprocessing.py")),
    "image_classification": Recipe(CLASSIFYING, ()),
}


def missing() -> list[str]:
    """The models whose weights are still to be built, in the order in which they are built."""
    return [name for name, recipe in RECIPES.items() if not recipe.built(name)]


def chosen(repository: Path, models: str | None) -> list[str] | None:
    """What `--models` names: names divided by commas, `all` (without `BY_NAME`), `none`; None where it was not given.

    Raises:
        WorkshopError: the repository has no model of such a name.
    """
    if models is None:
        return None
    if models == "none":
        return []
    if models == "all":
        ours = repository == settings.MODEL_REPOSITORY
        return [name for name in configuration.loadable(repository) if not (ours and name in BY_NAME)]
    names = [name.strip() for name in models.split(",") if name.strip()]
    there = sorted(path.name for path in repository.iterdir() if path.is_dir() and not path.name.startswith("."))
    if unknown := [name for name in names if name not in there]:
        raise WorkshopError(
            f"--models: there is no {', '.join(unknown)} in {settings.shown(repository)}; there are: {', '.join(there)}"
        )
    return names


def to_load(repository: Path, chosen: Sequence[str] | None = None, *, gpu: bool = False) -> list[str]:
    """What a server is started with: the models chosen and those that they call, of the course's own those that are built.

    Args:
        repository: the server's.
        chosen: names; None stands for `FIRST` of the course's own repository, and for all models of another one.
        gpu: whether the server has a GPU.
    """
    ours = repository == settings.MODEL_REPOSITORY
    if chosen is None:
        chosen = FIRST if ours else configuration.loadable(repository)
    unbuilt = missing() if ours else []
    return [name for name in configuration.with_called(chosen, repository, gpu=gpu) if name not in unbuilt]
