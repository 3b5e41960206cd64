"""The digit classifier that ships with the package is what its file says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distill.data import digits_labels, load_images, to_float
from distill.digits.classifier import FEATURES, WEIGHTS, classifier_metadata, load_classifier
from distill.errors import FidelityError
from tools.digits import train_classifier


def test_it_tells_the_held_out_digits_as_well_as_its_metadata_says() -> None:
    images, labels = load_images("digits", 16, 1).images, digits_labels()
    metadata = classifier_metadata()
    _, test = train_classifier.split(labels, metadata["seed"])
    measured = train_classifier.accuracy(load_classifier(), images[test], labels[test])
    assert measured == pytest.approx(metadata["test_accuracy"], abs=1 / len(test))
    assert measured >= 0.98
    assert metadata["test_images"] == len(test)


def test_it_is_small_and_says_how_it_was_made() -> None:
    assert WEIGHTS.stat().st_size < 1_000_000
    metadata = classifier_metadata()
    assert metadata["classes"] == list(range(10))
    assert metadata["trained_by"] == "python -m tools.digits.train_classifier"


def test_training_and_test_images_are_apart_and_hold_every_digit_alike() -> None:
    labels = digits_labels()
    train, test = train_classifier.split(labels)
    assert sorted([*train.tolist(), *test.tolist()]) == list(range(len(labels)))
    shares = labels[test].bincount() / labels.bincount()
    assert torch.allclose(shares, torch.full((10,), 0.2), atol=0.01)


def test_no_feature_is_dead_and_none_outweighs_the_others() -> None:
    features = load_classifier().features(to_float(load_images("digits", 16, 1).images))
    assert features.shape == (1797, FEATURES)
    assert features.std(dim=0).min() > 0.5
    assert features.std(dim=0).max() < 2


def test_images_of_another_size_have_about_the_same_features() -> None:
    classifier = load_classifier()
    small, large = (classifier.features(to_float(load_images("digits", size, 1).images)) for size in (16, 32))
    unlike = (small - large.roll(1, 0)).norm(dim=1).mean()
    assert (small - large).norm(dim=1).mean() < 0.5 * unlike


def test_it_is_loaded_ready_for_use() -> None:
    classifier = load_classifier()
    assert not classifier.training
    assert not any(parameter.requires_grad for parameter in classifier.parameters())


def test_training_writes_a_classifier_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "classifier.safetensors"
    monkeypatch.setattr("sys.argv", ["train_classifier", "-o", str(path), "--epochs", "1"])
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    train_classifier.main()
    assert classifier_metadata(path)["epochs"] == 1
    assert "test accuracy" in capsys.readouterr().out
    load_classifier(path)


@pytest.mark.parametrize("content", [b"", b"not safetensors", None])
def test_a_file_that_is_no_classifier_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "other.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FidelityError, match=r"other\.safetensors is not a digit classifier"):
        load_classifier(path)
