"""The reader of price tags and meters: learning, its files, and how well the committed weights read."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from workshop.errors import WorkshopError
from workshop.vision import crnn, meters, reading, training, weights

SEED = 77_000_001  # neither training's nor that of the published metrics


@pytest.fixture(scope="module")
def reader():
    return crnn.load()


@pytest.fixture(scope="module")
def exported(reader):
    return crnn.to_onnx(reader)


@pytest.fixture(scope="module")
def session(exported):
    return onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])


def batch(crops, width=reading.WIDTHS[0]):
    """Crops as a model's input, all filled up to one width."""
    return torch.from_numpy(reading.line_input([reading.line(crop.image, width) for crop in crops], width))


@pytest.mark.parametrize("characters", ["012", "00 ", ""])
def test_characters_are_distinct_and_end_with_the_space(characters):
    with pytest.raises(ValueError, match="distinct and end with the space"):
        crnn.CRNN(characters)


def test_it_learns_a_handful_of_crops():
    torch.manual_seed(0)
    crops = list(meters.drawn(5, 6))
    x, texts = batch(crops), [crop.text for crop in crops]
    model = crnn.CRNN().train()
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    losses = []
    for _ in range(40):
        loss = crnn.loss(model, x, texts)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] / 5


def test_the_same_seed_trains_the_same_weights(monkeypatch):
    monkeypatch.setattr(training, "CHUNK", 8)
    monkeypatch.setattr(training, "BATCH", 4)
    told = []
    one, other = (training.train(steps=3, every=1, tell=told.append)[0].state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [step.step for step in told] == [1, 2, 3] * 2 and told[0].loss != told[1].loss


def test_it_is_small(reader):
    assert sum(weight.numel() for weight in reader.parameters()) < 1_000_000
    assert crnn.CHECKPOINT.stat().st_size <= 4_000_000


def test_the_committed_weights_read_new_crops(exported):
    crops = list(meters.drawn(SEED, 200))
    texts = training.Reader(exported).texts([crop.image for crop in crops])
    assert sum(text == crop.text for text, crop in zip(texts, crops)) >= 190


def test_probabilities_are_some(reader):
    with torch.inference_mode():
        found = reader(batch(list(meters.drawn(SEED, 8)))).numpy()
    assert np.allclose(found.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("texts", [1, 3])
@pytest.mark.parametrize("width", [8, 64, 160, 320, 328, 331])
def test_the_export_is_the_same(reader, session, texts, width):
    x = torch.rand(texts, 3, 48, width, generator=torch.Generator().manual_seed(width)) * 2 - 1
    with torch.inference_mode():
        wanted = reader(x).numpy()
    (found,) = session.run(None, {"x": x.numpy()})
    assert found.shape == wanted.shape == (texts, -(-width // 4), len(meters.CHARACTERS) + 1)
    assert found.dtype == np.float32 and abs(found - wanted).max() <= 1e-4


def test_what_triton_reads(exported):
    """Versions of one model have one configuration: as they are served, both have the same tensors."""
    onnx.checker.check_model(exported)
    assert exported.ir_version <= 10 and {one.domain: one.version for one in exported.opset_import} == {"": crnn.OPSET}
    tensors = []
    for model in (exported, onnx.load(weights.bundled("recognition"))):
        served = onnxruntime.InferenceSession(weights.decided(model).SerializeToString(), providers=["CPUExecutionProvider"])
        tensors.append([(one.name, one.type, len(one.shape)) for one in served.get_inputs() + served.get_outputs()])
    assert tensors[0] == tensors[1]
    assert "".join(weights.characters(exported)) == meters.CHARACTERS


def test_exporting_leaves_the_mode():
    model = crnn.CRNN().train()
    crnn.to_onnx(model)
    assert model.training and not crnn.load().training


def test_a_checkpoint_comes_back(tmp_path):
    model = crnn.CRNN("01 ", hidden=8)
    crnn.save(model, tmp_path / "reader.safetensors")
    back = crnn.load(tmp_path / "reader.safetensors")
    assert (back.characters, back.hidden) == ("01 ", 8)
    assert all(torch.equal(tensor, back.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_a_checkpoint_that_is_none_is_told(tmp_path):
    with pytest.raises(WorkshopError, match="train_meter_reader.py makes it"):
        crnn.load(tmp_path / "missing.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"no weights")
    with pytest.raises(WorkshopError, match="is no reader's checkpoint"):
        crnn.load(tmp_path / "damaged.safetensors")
    with pytest.raises(WorkshopError, match="is no reader's checkpoint"):
        crnn.load(crnn.CHECKPOINT.with_name("mlp-category.safetensors"))


def test_the_metrics_are_of_these_weights(reader):
    metrics = json.loads(crnn.CHECKPOINT.with_suffix(".json").read_text())
    assert metrics["characters"] == reader.characters == meters.CHARACTERS
    assert metrics["parameters"] == sum(weight.numel() for weight in reader.parameters())
    assert metrics["bytes"]["checkpoint"] == crnn.CHECKPOINT.stat().st_size
    ours, theirs = metrics["held_out"]["meter_reader"], metrics["held_out"]["pp_ocr"]
    assert ours["all"]["crops"] >= 1000 and ours["all"]["exact"] >= 0.95
    assert all(ours[kind]["exact"] > theirs[kind]["without_spaces"] for kind in meters.KINDS)
