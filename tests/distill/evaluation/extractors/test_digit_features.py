"""The digit classifier as an extractor."""

from __future__ import annotations

import torch

from distill._torch_fidelity import FeatureExtractorBase, create_feature_extractor
from distill.data import digits_labels, load_images
from distill.evaluation.extractors import load_extractor


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


def test_digit_logits_tell_the_digit() -> None:
    digits = load_extractor("digits")
    assert digits.has_logits
    _, logits = digits.outputs(load_images("digits", 16, 1).images[:200])
    assert logits is not None
    assert logits.shape == (200, 10)
    assert (logits.argmax(dim=1) == digits_labels()[:200]).float().mean() > 0.95


def test_torch_fidelity_itself_knows_the_digits() -> None:
    module = create_feature_extractor("handwritten-digits", ["64"], cuda=False, verbose=False)
    assert isinstance(module, FeatureExtractorBase)
    images = load_images("digits", 16, 1).images[:4]
    (features,) = module(images)
    assert module.convert_features_tuple_to_dict((features,))["64"].shape == (4, 64)
    assert torch.equal(features.double(), load_extractor("digits").features(images))
