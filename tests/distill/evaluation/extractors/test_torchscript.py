"""A user's own TorchScript file is an extractor when it does what extractors do."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from distill.errors import FidelityError
from distill.evaluation.extractors import load_extractor

IMAGES = torch.randint(256, (6, 3, 20, 20), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


class Means(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.float().mean(dim=[2, 3])


class Classified(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        means = images.float().mean(dim=[2, 3])
        return means, means[:, :2]


class OneSize(nn.Module):
    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels * side * side, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(images.float().flatten(1))


class Maps(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.float()


class Bytes(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images[:, :, 0, 0]


class Unaware(nn.Module):
    """Takes floats only."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.convolution(images).mean(dim=[2, 3])


class Careless(nn.Module):
    """Writes to what it is given."""

    def forward(self, images: Tensor) -> Tensor:
        means = images.float().mean(dim=(2, 3))
        images.zero_()
        return means


def scripted(module: nn.Module, path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), str(path))
    return str(path)


def test_a_torchscript_file_is_an_extractor_and_its_digest_is_the_files(tmp_path: Path) -> None:
    network = load_extractor(scripted(Means(), tmp_path / "means.pt"))
    assert torch.allclose(network.features(IMAGES), IMAGES.double().mean(dim=(2, 3)), rtol=1e-5)
    assert not network.has_logits
    assert network.name == str(tmp_path / "means.pt")
    assert network.digest != load_extractor(scripted(Classified(), tmp_path / "other.pt")).digest


def test_a_frozen_one_works_too(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        frozen = torch.jit.freeze(torch.jit.script(OneSize(3, 20).eval()))
        torch.jit.save(frozen, str(tmp_path / "frozen.pt"))
        with pytest.raises(FidelityError, match=r"fails on uint8 images of 3×64×64"):
            load_extractor(str(tmp_path / "frozen.pt"))  # 20 is not a size that is tried
        frozen = torch.jit.freeze(torch.jit.script(OneSize(3, 32).eval()))
        torch.jit.save(frozen, str(tmp_path / "frozen.pt"))
    assert load_extractor(str(tmp_path / "frozen.pt")).features(torch.zeros(2, 3, 32, 32).byte()).shape == (
        2,
        5,
    )


def test_one_that_writes_to_its_images_does_not_change_ours(tmp_path: Path) -> None:
    images = torch.full((4, 3, 16, 16), 7, dtype=torch.uint8)
    load_extractor(scripted(Careless(), tmp_path / "careless.pt")).features(images)
    assert (images == 7).all()


def test_a_second_output_is_class_logits(tmp_path: Path) -> None:
    network = load_extractor(scripted(Classified(), tmp_path / "classified.pt"))
    features, logits = network.outputs(IMAGES)
    assert network.has_logits
    assert logits is not None
    assert torch.equal(logits.double(), features[:, :2])


def test_one_that_takes_grey_images_gets_grey_ones(tmp_path: Path) -> None:
    network = load_extractor(scripted(OneSize(1, 16), tmp_path / "grey.pt"))
    images = IMAGES[:, :, :16, :16]
    grey = images.float().mean(dim=1, keepdim=True).round().byte()
    assert torch.equal(network.features(images), network.features(grey))


def test_images_that_it_can_not_take_are_an_error(tmp_path: Path) -> None:
    network = load_extractor(scripted(OneSize(3, 32), tmp_path / "fixed.pt"))
    with pytest.raises(FidelityError, match=r"fixed\.pt fails on uint8 images of 3×20×20 .*: give a"):
        network.features(IMAGES)


def test_the_same_images_give_the_same_bits_however_often(tmp_path: Path) -> None:
    network = load_extractor(scripted(OneSize(3, 32), tmp_path / "fixed.pt"))
    images = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    first = network.features(images)
    assert all(torch.equal(network.features(images), first) for _ in range(5))


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (Maps(), r"makes \(2, 3, 64, 64\) torch.float32 of 2 images"),
        (Bytes(), r"makes \(2, 3\) torch.uint8 of 2 images"),
        (Unaware(), r"fails on uint8 images of 3×64×64"),
    ],
)
def test_one_that_does_something_else_is_refused_in_a_line(
    tmp_path: Path, module: nn.Module, says: str
) -> None:
    with pytest.raises(FidelityError, match=says) as caught:
        load_extractor(scripted(module, tmp_path / "other.pt"))
    assert "\n" not in str(caught.value)
    assert "uint8 (N, 3, H, W)" in str(caught.value)


def test_a_file_that_is_no_torchscript_is_refused_and_code_in_it_never_runs(trap: tuple[Path, Path]) -> None:
    path, mark = trap
    with pytest.raises(FidelityError, match=r"trap\.pt is no TorchScript file"):
        load_extractor(str(path))
    assert not mark.exists()


def test_a_file_that_is_not_there_or_needs_no_weights_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FidelityError, match=r"none\.pt is not a file: give a TorchScript module"):
        load_extractor(str(tmp_path / "none.pt"))
    (tmp_path / "weights.pth").touch()
    with pytest.raises(FidelityError, match=r"brings its own weights: leave --extractor-weights .* out"):
        load_extractor(scripted(Means(), tmp_path / "means.pt"), tmp_path / "weights.pth")


def test_loading_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = scripted(Means(), tmp_path / "means.pt")
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_extractor(path).features(IMAGES)
    assert capfd.readouterr() == ("", "")
