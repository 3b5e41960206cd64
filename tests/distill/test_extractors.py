"""Extractors are had by name, and what can't be had is said quickly, with the fix."""

from __future__ import annotations

import pickle
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from distill import extractors
from distill._torch_fidelity import FeatureExtractorBase, create_feature_extractor
from distill.data import load_images
from distill.digits.classifier import WEIGHTS
from distill.errors import FidelityError
from distill.extractors import EXTRACTORS, WEIGHTS_VARIABLE, load_extractor

FILE = "weights-inception-2015-12-05-6726825d.pth"


@pytest.fixture(autouse=True)
def _no_weights_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor torch's own folder offers weights, and nothing is ever downloaded."""
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(extractors, "URL_INCEPTION_V3", f"http://127.0.0.1:9/{FILE}")


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


def test_importing_it_first_makes_torch_fidelity_importable() -> None:
    script = "import distill.extractors, torch_fidelity, torchvision; torchvision.transforms"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(FidelityError, match="no extractor 'vgg': choose one of digits, inception"):
        load_extractor("vgg")


def test_a_new_extractor_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRACTORS, "mine", EXTRACTORS["digits"])
    assert load_extractor("mine").name == "mine"


# --- digits


def test_digit_features_are_64_numbers_of_bytes_in_grey_or_colour() -> None:
    digits = load_extractor("digits")
    grey = digits.features(load_images("digits", 16, 1).images[:40])
    colour = digits.features(load_images("digits", 16, 3).images[:40])
    assert grey.shape == (40, 64)
    assert grey.dtype == torch.float64
    assert torch.allclose(grey, colour, atol=1e-4)


def test_digit_features_do_not_prefer_a_colour() -> None:
    digits, images = load_extractor("digits"), load_images("digits", 16, 3).images[:40].clone()
    images[:, 0] = 0
    assert torch.allclose(digits.features(images), digits.features(images.flip(1)), atol=1e-4)


def test_torch_fidelity_itself_knows_the_digits() -> None:
    module = create_feature_extractor("handwritten-digits", ["64"], cuda=False, verbose=False)
    assert isinstance(module, FeatureExtractorBase)
    (features,) = module(load_images("digits", 16, 1).images[:4])
    assert module.convert_features_tuple_to_dict((features,))["64"].shape == (4, 64)
    assert torch.equal(
        features.double(), load_extractor("digits").features(load_images(None, 16, 1).images[:4])
    )


def test_the_digest_is_of_the_weights(tmp_path: Path) -> None:
    copy = tmp_path / "copy.safetensors"
    shutil.copy(WEIGHTS, copy)
    assert load_extractor("digits").digest == load_extractor("digits", copy).digest
    changed = bytearray(copy.read_bytes())
    changed[-1] ^= 1
    copy.write_bytes(changed)
    assert load_extractor("digits").digest != load_extractor("digits", copy).digest


# --- inception


def test_offline_the_error_names_the_file_and_the_flag_quickly() -> None:
    start = time.monotonic()
    with pytest.raises(FidelityError) as caught:
        load_extractor("inception")
    assert time.monotonic() - start < 5
    assert FILE in str(caught.value)
    assert "--extractor-weights" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_never_answers_does_not_hold_up_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractors, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setattr(extractors, "URL_INCEPTION_V3", f"http://127.0.0.1:{port}/{FILE}")
        start = time.monotonic()
        with pytest.raises(FidelityError, match=FILE):
            load_extractor("inception")
    assert time.monotonic() - start < 3


def test_a_name_server_that_never_answers_does_not_hold_up_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractors, "CONNECT_SECONDS", 0.3)
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
    inception = load_extractor("inception", inception_weights)
    features = inception.features(load_images("digits", 16, 1).images[:2])
    assert features.shape == (2, 2048)
    assert torch.equal(features, inception.features(load_images("digits", 16, 3).images[:2]))


def test_inception_weights_may_come_from_the_environment(
    inception_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(inception_weights))
    assert load_extractor("inception").digest == load_extractor("inception", inception_weights).digest


def test_inception_weights_that_torch_has_already_are_not_downloaded(
    inception_weights: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "hub" / "checkpoints" / FILE
    kept.parent.mkdir(parents=True)
    kept.symlink_to(inception_weights)
    assert load_extractor("inception").name == "inception"


def test_loading_says_nothing(inception_weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_extractor("inception", inception_weights)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["digits", "inception"])
def test_missing_weights_are_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(FidelityError, match=r"none\.pth is not a file: give .* --extractor-weights"):
        load_extractor(name, tmp_path / "none.pth")


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


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_weights_that_carry_code_are_refused_before_it_runs(tmp_path: Path) -> None:
    path, mark = tmp_path / "trap.pth", tmp_path / "sprung"
    torch.save({"weight": Trap(mark)}, path)
    with pytest.raises(FidelityError, match=r"trap\.pth holds no readable extractor weights"):
        load_extractor("inception", path)
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(FidelityError, match=r"trap\.pth holds no readable extractor weights"):
        load_extractor("inception", path)
    assert not mark.exists()
