"""Extractors are had by name, and what can't be had is said in one line, with the fix."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from distill.digits.classifier import WEIGHTS
from distill.errors import FidelityError
from distill.evaluation.extractors import EXTRACTORS, check_extractor, extractor_file, load_extractor
from distill.evaluation.extractors.registry import CLIP_URL, DINOV2_URL, INCEPTION_URL
from distill.evaluation.extractors.sources import Installed
from tests.offline import ADDRESSES, INCEPTION_FILE

NAMES = [
    name
    for name, entry in sorted(EXTRACTORS.items())
    if entry.source.is_at_hand() or not isinstance(entry.source, Installed)
]
"""The extractors whose networks are installed."""


def test_importing_it_first_makes_torch_fidelity_importable() -> None:
    script = "import distill._torch_fidelity, torch_fidelity, torchvision; torchvision.transforms"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_an_unknown_name_lists_the_known_ones() -> None:
    known = (
        "cifar-resnet, clip, digits, dinov2, imagenet-lite0, imagenet-lite1, imagenet-lite2, inception, or a"
    )
    with pytest.raises(
        FidelityError, match=f"no extractor 'vgg': choose one of {known} TorchScript .pt file"
    ):
        load_extractor("vgg")


def test_a_new_extractor_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRACTORS, "mine", EXTRACTORS["digits"])
    assert load_extractor("mine").name == "mine"


def test_the_digest_is_of_the_weights(tmp_path: Path) -> None:
    copy = tmp_path / "copy.safetensors"
    shutil.copy(WEIGHTS, copy)
    assert load_extractor("digits").digest == load_extractor("digits", copy).digest
    changed = bytearray(copy.read_bytes())
    changed[-1] ^= 1
    copy.write_bytes(changed)
    assert load_extractor("digits").digest != load_extractor("digits", copy).digest


@pytest.mark.parametrize("name", NAMES)
def test_missing_weights_are_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(FidelityError, match=r"none\.pth is not a file: give .* --extractor-weights"):
        load_extractor(name, tmp_path / "none.pth")


@pytest.mark.parametrize("name", NAMES)
def test_weights_that_are_none_are_one_line_with_the_flag(name: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"not weights")
    with pytest.raises(FidelityError, match=r"photo\.jpg .*") as caught:
        load_extractor(name, tmp_path / "photo.jpg")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "content",
    [
        {1: 2, "state_dict": 5},
        {"state_dict": {1: 2}},
        {"layer1.0.conv1.weight": 3, "linear.weight": 4},
        {"cls_token": torch.tensor(3.0)},
        [1],
    ],
    ids=["number", "key", "values", "scalar", "list"],
)
def test_tensors_of_something_else_are_an_error(name: str, content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(FidelityError, match=r"odd\.pt "):
        load_extractor(name, tmp_path / "odd.pt")


@pytest.mark.parametrize("name", NAMES)
def test_weights_that_carry_code_are_refused_before_it_runs(name: str, trap: tuple[Path, Path]) -> None:
    path, mark = trap
    with pytest.raises(FidelityError, match=r"trap\.pt "):
        load_extractor(name, path)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["cifar-resnet", *ADDRESSES])
def test_without_weights_and_offline_the_error_names_the_flag(name: str) -> None:
    with pytest.raises(FidelityError, match="--extractor-weights") as caught:
        load_extractor(name)
    assert "\n" not in str(caught.value)


def test_checking_an_extractor_imports_no_torch_fidelity(hub: Path) -> None:
    (hub / "checkpoints").mkdir(parents=True)
    for file in (INCEPTION_FILE, "ViT-B-32.pt"):
        (hub / "checkpoints" / file).touch()
    script = (
        f"import sys, torch\ntorch.hub.set_dir({str(hub)!r})\n"
        "import sys\nfrom distill.evaluation.extractors import check_extractor\n"
        "check_extractor('digits')\ncheck_extractor('inception')\n"
        "check_extractor('clip', download=True)\nassert 'torch_fidelity' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("name", "weights", "says"),
    [
        ("vgg", None, "no extractor 'vgg': choose one of"),
        ("digits", "none.pth", r"none\.pth is not a file: give .* --extractor-weights"),
        ("cifar-resnet", None, "cifar-resnet has no weights of its own: give .* --extractor-weights"),
        ("nowhere.pt", None, r"--extractor nowhere\.pt is not a file"),
    ],
)
def test_an_extractor_that_can_not_be_had_is_reported_before_it_is_loaded(
    name: str, weights: str | None, says: str
) -> None:
    with pytest.raises(FidelityError, match=says):
        check_extractor(name, None if weights is None else Path(weights))


@pytest.mark.parametrize("name", ["cifar-resnet", "inception"])
def test_a_file_that_holds_something_else_is_reported_when_it_is_checked(name: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pth"
    torch.save({"weight": torch.zeros(3)}, wrong)
    with pytest.raises(FidelityError, match=r"does not hold the weights of .*: give "):
        check_extractor(name, wrong)


def test_weights_are_looked_for_where_their_publishers_keep_them() -> None:
    from distill._torch_fidelity import CLIP_URLS, URL_INCEPTION_V3
    from distill.evaluation.extractors import clip, dinov2

    assert INCEPTION_URL == URL_INCEPTION_V3
    assert CLIP_URLS[clip.NAME] == CLIP_URL
    assert f"{dinov2.DEFAULT}_pretrain.pth" in DINOV2_URL


def test_the_file_of_an_extractor_is_known_once_it_is_on_this_machine(hub: Path) -> None:
    assert extractor_file("inception") is None
    assert extractor_file("digits") == WEIGHTS
    kept = hub / "checkpoints" / INCEPTION_FILE
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert extractor_file("inception") == kept


def test_every_extractor_says_what_images_it_is_for() -> None:
    assert all(entry.domain.words for entry in EXTRACTORS.values())
