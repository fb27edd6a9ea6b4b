"""The reader of price tags and meters: decoding, learning, its files, and how well the committed weights read."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from workshop.errors import WorkshopError
from workshop.vision import crnn, meters, training

SEED = 77_000_001  # neither training's nor that of the published metrics


@pytest.fixture(scope="module")
def reader():
    return crnn.load()


@pytest.fixture(scope="module")
def exported(reader, tmp_path_factory):
    path = tmp_path_factory.mktemp("reader") / "model.onnx"
    crnn.to_onnx(reader, path)
    return path


@pytest.fixture(scope="module")
def session(exported):
    return onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])


def columns(classes, count=4):
    """Probabilities [1, T, count] whose best classes are these, each 0.7."""
    rows = np.full((1, len(classes), count), 0.3 / (count - 1), np.float32)
    rows[0, range(len(classes)), classes] = 0.7
    return rows


@pytest.mark.parametrize(
    "classes, text",
    [
        ([0, 0, 0], ""),
        ([1, 1, 0, 2], "ab"),
        ([1, 0, 1, 1], "aa"),
        ([0, 1, 3, 2, 2], "a b"),
        ([2, 1, 2], "bab"),
    ],
)
def test_decode(classes, text):
    (found, score), *_ = crnn.decode(columns(classes), "ab ")
    assert found == text
    assert score == (pytest.approx(0.7) if text else 0)


def test_decode_counts_the_classes():
    with pytest.raises(ValueError, match="4 classes, but 2 characters and the blank"):
        crnn.decode(columns([0]), "a ")


def test_prepare():
    black, white = np.zeros((24, 50, 3), np.uint8), np.full((48, 203, 3), 255, np.uint8)
    batch = crnn.prepare([black, white])
    assert batch.shape == (2, 3, 48, 208) and batch.dtype == np.float32
    assert (batch[0, ..., :100] == -1).all() and (batch[0, ..., 100:] == 0).all()
    assert (batch[1, ..., :203] == 1).all() and (batch[1, ..., 203:] == 0).all()
    assert crnn.prepare([black], width=320).shape == (1, 3, 48, 320)


def test_channels_stay_blue_green_red():
    crop = np.zeros((48, 48, 3), np.uint8)
    crop[..., 0] = 255
    assert crnn.prepare([crop])[0, :, 0, 0].tolist() == [1, -1, -1]


@pytest.mark.parametrize("characters", ["012", "00 ", ""])
def test_characters_are_distinct_and_end_with_the_space(characters):
    with pytest.raises(ValueError, match="distinct and end with the space"):
        crnn.CRNN(characters)


def test_it_learns_a_handful_of_crops():
    torch.manual_seed(0)
    crops = list(meters.drawn(5, 6))
    x, texts = torch.from_numpy(crnn.prepare([crop.image for crop in crops])), [crop.text for crop in crops]
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


@pytest.mark.parametrize("one, other, count", [("", "12", 2), ("12.5", "12.5", 0), ("125", "12.5", 1), ("72", "12", 1)])
def test_edits(one, other, count):
    assert training.edits(one, other) == training.edits(other, one) == count


def test_it_is_small(reader):
    assert sum(weight.numel() for weight in reader.parameters()) < 1_000_000
    assert crnn.CHECKPOINT.stat().st_size <= 4_000_000


def test_the_committed_weights_read_new_crops(reader):
    crops = sorted(meters.drawn(SEED, 200), key=lambda crop: crop.image.shape[1] / crop.image.shape[0])
    right = 0
    for at in range(0, len(crops), 8):
        batch = crops[at : at + 8]
        with torch.inference_mode():
            found = reader(torch.from_numpy(crnn.prepare([crop.image for crop in batch]))).numpy()
        assert np.allclose(found.sum(-1), 1, atol=1e-5)
        right += sum(text == crop.text for (text, _), crop in zip(crnn.decode(found), batch))
    assert right >= 160


def test_padding_changes_few_texts(reader):
    """Of twenty crops, next to a crop of 480 pixels, at most four are read otherwise."""
    crops = [crop.image for crop in meters.drawn(SEED, 20)]
    with torch.inference_mode():
        alone = [crnn.decode(reader(torch.from_numpy(crnn.prepare([crop]))).numpy())[0][0] for crop in crops]
        together = crnn.decode(reader(torch.from_numpy(crnn.prepare(crops, width=480))).numpy())
    assert sum(text != other for text, (other, _) in zip(alone, together)) <= 4


@pytest.mark.parametrize("texts", [1, 3])
@pytest.mark.parametrize("width", [8, 64, 160, 320, 328, 331])
def test_the_export_is_the_same(reader, session, texts, width):
    x = torch.rand(texts, 3, 48, width, generator=torch.Generator().manual_seed(width)) * 2 - 1
    with torch.inference_mode():
        wanted = reader(x).numpy()
    (found,) = session.run(None, {"x": x.numpy()})
    assert found.shape == wanted.shape == (texts, -(-width // crnn.STRIDE), len(meters.CHARACTERS) + 1)
    assert found.dtype == np.float32 and abs(found - wanted).max() <= 1e-4


def test_what_triton_reads(exported, session):
    """Versions of one model have one configuration: the tensors are those of PP-OCRv4's file, by name and type."""
    written = onnx.load(exported)
    onnx.checker.check_model(written)
    assert written.ir_version <= 10 and {one.domain: one.version for one in written.opset_import} == {"": crnn.OPSET}
    other = onnxruntime.InferenceSession(training.pp_ocr(), providers=["CPUExecutionProvider"])
    for one, theirs in zip(session.get_inputs() + session.get_outputs(), other.get_inputs() + other.get_outputs()):
        assert (one.name, one.type, len(one.shape)) == (theirs.name, theirs.type, len(theirs.shape))
    assert session.get_inputs()[0].shape[1:3] == [3, 48]
    characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    assert "".join([*characters, " "]) == meters.CHARACTERS


def test_exporting_leaves_the_mode(tmp_path):
    model = crnn.CRNN().train()
    crnn.to_onnx(model, tmp_path / "model.onnx")
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
    assert ours["all"]["crops"] >= 1000 and ours["all"]["exact"] >= 0.85
    assert all(ours[kind]["exact"] > theirs[kind]["restricted"] for kind in meters.KINDS)
