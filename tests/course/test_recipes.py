"""Which models a server is started with."""

import re

import pytest

from tests.support.small_models import ECHO_CONFIG, add_model
from workshop import settings
from workshop.course import recipes
from workshop.errors import WorkshopError
from workshop.triton import configuration

CALLS = (
    ECHO_CONFIG
    + """
parameters [
  { key: "network", value: { string_value: "base" } },
  { key: "encoder_on_cpu", value: { string_value: "small" } },
  { key: "encoder_on_gpu", value: { string_value: "large" } },
  { key: "engine_where_loaded", value: { string_value: "apart" } },
  { key: "table", value: { string_value: "no model" } }
]
"""
)
ENSEMBLE = 'platform: "ensemble" ensemble_scheduling { step { model_name: "caller" model_version: -1 } }'


@pytest.fixture
def models(tmp_path):
    """A repository in which an ensemble has a step that calls other models."""
    for name in ("base", "small", "large", "apart"):
        add_model(tmp_path, name, ECHO_CONFIG, {"1/model.py": b"x"})
    add_model(tmp_path, "caller", CALLS, {"1/model.py": b"x"})
    add_model(tmp_path, "whole", ENSEMBLE, {"1/.keep": b""})
    return tmp_path


@pytest.mark.parametrize(
    ("names", "gpu", "ordered"),
    [
        (["apart"], False, ["apart"]),
        (["caller"], False, ["small", "base", "caller"]),
        (["caller"], True, ["large", "base", "caller"]),
        (["whole", "base", "apart"], False, ["small", "base", "caller", "whole", "apart"]),
        ([], False, []),
    ],
)
def test_what_a_model_calls_is_loaded_before_it(models, names, gpu, ordered):
    assert configuration.with_called(names, models, gpu=gpu) == ordered


def test_models_that_call_each_other_end_somewhere(models):
    add_model(
        models, "base", ECHO_CONFIG + 'parameters { key: "b", value { string_value: "caller" } }', {"1/model.py": b"x"}
    )
    assert sorted(configuration.with_called(["caller"], models)) == ["base", "caller", "small"]


@pytest.mark.parametrize(
    ("option", "chosen"),
    [(None, None), ("none", []), ("small", ["small"]), (" small, base,", ["small", "base"])],
)
def test_what_the_option_names(models, option, chosen):
    assert recipes.chosen(models, option) == chosen


def test_all_is_without_models_whose_weights_somebody_has_to_bring():
    loaded = recipes.chosen(settings.MODEL_REPOSITORY, "all")
    assert "sentence_embedder" in loaded or "ocr_ensemble" in loaded
    assert recipes.BY_NAME and not set(recipes.BY_NAME) & {*loaded, *recipes.RECIPES}
    named = recipes.chosen(settings.MODEL_REPOSITORY, ",".join(recipes.BY_NAME))
    assert recipes.to_load(settings.MODEL_REPOSITORY, named) == list(recipes.BY_NAME)


def test_all_and_a_name_that_is_not_there(models):
    assert recipes.chosen(models, "all") == ["apart", "base", "caller", "large", "small", "whole"]
    with pytest.raises(WorkshopError, match="--models: there is no ecko in .*; there are: apart, base, caller"):
        recipes.chosen(models, "ecko,base")


def test_of_another_repository_all_is_loaded(models):
    assert sorted(recipes.to_load(models)) == ["apart", "base", "caller", "large", "small", "whole"]


def test_of_our_own_what_the_first_answers_need_and_is_built(monkeypatch):
    monkeypatch.setattr(recipes, "missing", lambda: [])
    first = recipes.to_load(settings.MODEL_REPOSITORY)
    assert first == ["sentence_bert_onnx", "sentence_embedder", "graph_embeddings", "product_embedder"]
    assert "sentence_bert" in recipes.to_load(settings.MODEL_REPOSITORY, gpu=True)
    monkeypatch.setattr(recipes, "missing", lambda: ["sentence_bert_onnx", "sentence_embedder", "graph_embeddings"])
    assert recipes.to_load(settings.MODEL_REPOSITORY) == ["product_embedder"]


CONFIGURATIONS = sorted(
    path for path in settings.MODEL_REPOSITORY.glob("*/config.pbtxt") if not path.parent.name.startswith("my_")
)


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.parent.name)
def test_a_configuration_begins_with_what_the_model_is_and_its_licence(path):
    header = re.match(r"(?:#[^\n]*\n)+", path.read_text())
    assert header and re.search(r"Apache-2\.0|BSD-3-Clause|BSD 3-Clause|GPL-2\.0|CC BY|licence", header[0]), path
