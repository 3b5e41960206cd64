"""Distances of translated images to their input and to their target, an image at a time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from distill.data import ImageSet, to_float
from distill.errors import FidelityError
from distill.evaluation.translations.base import Measure, Resources, Shown, Values
from distill.perceptual import DEFAULT, load_maps
from distill.tasks import EvalSet

SHRINKS = 4  # content is compared at a quarter of the side


def content(one: EvalSet, resources: Resources) -> Measure:
    """L1 between output and input at a quarter of the size, in [-1, 1]: what a translation changes coarsely.

    Colours are averaged where one side is grey. Ours, as the content loss of stuStarGAN's student.
    """

    def measure(shown: Shown) -> Values:
        made, given = shown.images, shown.input_image
        if made.shape[1] != given.shape[1]:
            made, given = (x.mean(dim=1, keepdim=True) for x in (made, given))
        sides = (max(1, made.shape[-2] // SHRINKS), max(1, made.shape[-1] // SHRINKS))
        return {"content": _l1(*(F.adaptive_avg_pool2d(x, sides) for x in (made, given)))}

    return measure


def target(one: EvalSet, resources: Resources) -> Measure:
    """L1 between output and target, in [-1, 1]: mean over pixels.

    Raises:
        FidelityError: the set has no targets.
    """
    targets = _targets(one, "target")
    return lambda shown: {"target": _l1(shown.images, _beside(shown, targets))}


def perceptual(one: EvalSet, resources: Resources) -> Measure:
    """Distance of output and target in the feature maps of an ImageNet classifier.

    As LPIPS (Zhang et al. 2018, equation 1) without its learned weights: channels of unit length, squared
    difference, mean over positions, sum over four resolutions. Not comparable with published LPIPS.

    Raises:
        FidelityError: the set has no targets.
        MissingPackageError: the network's packages are not installed.
    """
    targets = _targets(one, "perceptual")
    maps = resources.once(DEFAULT, lambda: load_maps(DEFAULT, str(resources.device)))
    assert maps is not None

    @torch.no_grad()
    def measure(shown: Shown) -> Values:
        pairs = zip(maps(shown.images), maps(_beside(shown, targets)), strict=True)
        return {"perceptual": torch.stack([_unit_distance(a, b) for a, b in pairs]).sum(dim=0)}

    return measure


def _targets(one: EvalSet, metric: str) -> ImageSet:
    if one.targets is None:
        raise FidelityError(
            f"--metrics {metric}: the images of {one.name} have no targets: leave it out, or give pairs"
        )
    return one.targets


def _beside(shown: Shown, targets: ImageSet) -> Tensor:
    """The targets of the images of `shown`."""
    positions = torch.arange(shown.first, shown.first + len(shown.images))
    return to_float(targets.pixels(positions).to(shown.images.device))


def _l1(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of each of the images (N, C, H, W): (N,)."""
    return (made - wanted).abs().flatten(1).mean(dim=1)


def _unit_distance(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean over positions of the squared distance of unit channels (N, C, H, W): (N,)."""
    made, wanted = F.normalize(made, dim=1), F.normalize(wanted, dim=1)
    return (made - wanted).square().sum(dim=1).flatten(1).mean(dim=1)
