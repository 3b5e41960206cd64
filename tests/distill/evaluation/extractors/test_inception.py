"""Inception weights are found or asked for quickly, and the network is torch-fidelity's."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
import torch

from distill.data import load_images
from distill.errors import FidelityError
from distill.evaluation.extractors import WEIGHTS_VARIABLE, check_extractor, load_extractor, weights
from tests.offline import move

FILE = "weights-inception-2015-12-05-6726825d.pth"


@pytest.fixture(scope="module")
def inception_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained weights of the right shapes."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", lambda *_, **__: {}
        )
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        module = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    torch.save(module.state_dict(), path)
    return path


def test_offline_the_error_names_the_file_and_the_flag_quickly() -> None:
    start = time.monotonic()
    with pytest.raises(FidelityError) as caught:
        load_extractor("inception")
    assert time.monotonic() - start < 5
    assert FILE in str(caught.value)
    assert "--extractor-weights" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_never_answers_does_not_hold_up_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        move(monkeypatch, "inception", f"http://127.0.0.1:{port}/{FILE}")
        start = time.monotonic()
        with pytest.raises(FidelityError, match=FILE):
            load_extractor("inception")
    assert time.monotonic() - start < 3


def test_a_name_server_that_never_answers_does_not_hold_up_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "CONNECT_SECONDS", 0.3)
    asked = threading.Event()

    def wait(*_: object, **__: object) -> None:
        asked.wait(5)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    start = time.monotonic()
    with pytest.raises(FidelityError, match=r"no answer within 0\.3 s"):
        load_extractor("inception")
    assert time.monotonic() - start < 3
    asked.set()


def test_inception_features_are_2048_numbers_also_of_grey_images(inception_weights: Path) -> None:
    network = load_extractor("inception", inception_weights)
    features, logits = network.outputs(load_images("digits", 16, 1).images[:2])
    assert features.shape == (2, 2048)
    assert torch.equal(features, network.features(load_images("digits", 16, 3).images[:2]))
    assert network.has_logits
    assert logits is not None
    assert logits.shape == (2, 1008)


def test_inception_weights_may_come_from_the_environment(
    inception_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(inception_weights))
    assert load_extractor("inception").digest == load_extractor("inception", inception_weights).digest


def test_inception_weights_that_torch_has_already_are_not_downloaded(
    inception_weights: Path, hub: Path
) -> None:
    kept = hub / "checkpoints" / FILE
    kept.parent.mkdir(parents=True)
    kept.symlink_to(inception_weights)
    assert load_extractor("inception").name == "inception"


def test_loading_says_nothing(inception_weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_extractor("inception", inception_weights)
    assert capfd.readouterr() == ("", "")


def test_weights_from_the_environment_that_are_missing_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "none.pth"))
    with pytest.raises(FidelityError, match=r"none\.pth"):
        load_extractor("inception")


def test_weights_of_another_network_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(FidelityError, match=r"other\.pth does not hold the weights of inception"):
        load_extractor("inception", path)


@pytest.mark.parametrize("way", ["flag", "environment", "folder of torch.hub", "download"])
def test_weights_that_are_missing_are_found_by_the_first_check_whatever_the_way_to_give_them(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = tmp_path / "none.pth"
    if way == "environment":
        monkeypatch.setenv(WEIGHTS_VARIABLE, str(none))
    if way == "folder of torch.hub":
        (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    with pytest.raises(FidelityError) as caught:
        check_extractor("inception", none if way == "flag" else None, download=way == "download")
    assert ("none.pth is not a file" if way in ("flag", "environment") else FILE) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_they_can_not_be_had_the_ways_out_are_named() -> None:
    with pytest.raises(FidelityError) as caught:
        check_extractor("inception")
    says = str(caught.value)
    assert f"inception can't be downloaded from http://127.0.0.1:9/{FILE} (" in says
    assert f"give {FILE} by --extractor-weights or {WEIGHTS_VARIABLE}" in says
    assert "digits for grey handwritten digits" in says
    assert "imagenet-lite0" in says  # where it is installed as it is, else with the line that installs it
    assert "cifar-resnet" not in says  # it needs a file, too
