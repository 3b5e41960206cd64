"""A ResNet classifier of CIFAR-10 as an extractor: small, and at home on 32 px images."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distill.errors import FidelityError
from distill.evaluation.extractors.network import Network
from distill.evaluation.extractors.weights import read_tensors

RESOLUTION = 32
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
EXAMPLE = "a CIFAR-10 ResNet such as resnet20.th"


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut without parameters (He et al. 2016, section 3.3, option A)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride = outputs // inputs  # a stage that doubles the channels halves the image
        self.padding = (outputs - inputs) // 2  # zero channels on either side
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + shortcut)


class CifarResNet(nn.Module):
    """He et al. 2016, section 4.2: `6 · blocks + 2` layers in stages of 16, 32 and 64 channels.

    The names of its parameters are those of the `akamaster/pytorch_resnet_cifar10` checkpoints.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, blocks: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(16, 16, blocks)
        self.layer2 = _stage(16, 32, blocks)
        self.layer3 = _stage(32, 64, blocks)
        self.linear = nn.Linear(64, classes)
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", 255 * torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """`(N, 3, H, W)`, uint8 ⇒ `(N, 64)` globally pooled features and `(N, classes)` logits."""
        x = images.float()
        if x.shape[-2:] != (RESOLUTION, RESOLUTION):
            x = F.interpolate(x, (RESOLUTION, RESOLUTION), mode="bilinear", antialias=True)
        x = F.relu(self.bn1(self.conv1((x - self.mean) / self.deviation)))
        features = self.layer3(self.layer2(self.layer1(x))).mean(dim=(2, 3))
        return features, self.linear(features)


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(Block(inputs, outputs), *(Block(outputs, outputs) for _ in range(blocks - 1)))


def build(weights: Path) -> Network:
    """64 features and the logits; the depth (20, 32, 44, 56, …) is counted in the weights.

    Raises:
        FidelityError: the file holds something else.
    """
    state = read_tensors(weights, EXAMPLE)
    state = state.get("state_dict", state) if isinstance(state, dict) else {}
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    blocks = sum(name.startswith("layer1.") and name.endswith(".conv1.weight") for name in state)
    if not blocks or "linear.weight" not in state:
        raise FidelityError(
            f"{weights} does not hold the weights of cifar-resnet: give {EXAMPLE} by --extractor-weights"
        )
    network = CifarResNet(blocks, len(state["linear.weight"]))
    network.load_state_dict(state)
    return Network(network.requires_grad_(False).eval(), has_logits=True)
