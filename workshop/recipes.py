"""Which notebook builds which model, and the files that a built model has."""

import dataclasses

from workshop import settings


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The notebook that builds a model, and the files that it leaves in the model's folder: none where all are committed."""

    notebook: str
    files: tuple[str, ...]

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
}


def missing() -> list[str]:
    """The models whose weights are still to be built, in the order in which they are built."""
    return [name for name, recipe in RECIPES.items() if not recipe.built(name)]
