"""A checkpoint in the common CIFAR-10 layout becomes an extractor, to the number."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from distill.errors import FidelityError
from distill.evaluation.extractors import load_extractor

IMAGES = torch.randint(256, (5, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def random_state(blocks: int, classes: int = 10) -> dict[str, Tensor]:
    """Random weights under the names and shapes of the published checkpoints, without `module.`."""
    rng = torch.Generator().manual_seed(1)
    state: dict[str, Tensor] = {}

    def convolution(name: str, norm: str, inputs: int, outputs: int) -> None:
        state[f"{name}.weight"] = 0.1 * torch.randn(outputs, inputs, 3, 3, generator=rng)
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{part}"] = 0.5 + torch.rand(outputs, generator=rng)

    convolution("conv1", "bn1", 3, 16)
    inputs = 16
    for stage, outputs in enumerate((16, 32, 64), start=1):
        for block in range(blocks):
            where = f"layer{stage}.{block}"
            convolution(f"{where}.conv1", f"{where}.bn1", inputs, outputs)
            convolution(f"{where}.conv2", f"{where}.bn2", outputs, outputs)
            inputs = outputs
    state["linear.weight"] = torch.randn(classes, 64, generator=rng)
    state["linear.bias"] = torch.randn(classes, generator=rng)
    return state


def expected(state: dict[str, Tensor], images: Tensor, blocks: int) -> tuple[Tensor, Tensor]:
    """The network of He et al. 2016, section 4.2, with shortcuts that pad zero channels, written out."""

    def convolved(x: Tensor, name: str, norm: str, stride: int = 1) -> Tensor:
        x = F.conv2d(x, state[f"{name}.weight"], stride=stride, padding=1)
        weight, bias, mean, var = (
            state[f"{norm}.{part}"].view(-1, 1, 1)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / (var + 1e-5).sqrt() * weight + bias

    x = images / 255 - torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
    x = convolved(x / torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1), "conv1", "bn1").relu()
    for stage in (1, 2, 3):
        for block in range(blocks):
            where, shortcut, stride = f"layer{stage}.{block}", x, 1
            if stage > 1 and block == 0:
                stride, zeros = 2, torch.zeros_like(x[:, : x.shape[1] // 2, ::2, ::2])
                shortcut = torch.cat((zeros, x[:, :, ::2, ::2], zeros), dim=1)
            x = convolved(x, f"{where}.conv1", f"{where}.bn1", stride).relu()
            x = (convolved(x, f"{where}.conv2", f"{where}.bn2") + shortcut).relu()
    features = x.flatten(2).mean(dim=2)
    return features, features @ state["linear.weight"].T + state["linear.bias"]


@pytest.mark.parametrize("blocks", [3, 5])  # ResNet-20, ResNet-32
@pytest.mark.parametrize("prefix", ["module.", ""])
def test_features_and_logits_are_those_of_the_network_that_was_trained(
    tmp_path: Path, blocks: int, prefix: str
) -> None:
    state = random_state(blocks)
    saved = {prefix + name: tensor for name, tensor in state.items()}
    torch.save({"state_dict": saved, "best_prec1": 91.7}, tmp_path / "resnet.th")
    network = load_extractor("cifar-resnet", tmp_path / "resnet.th")
    features, logits = network.outputs(IMAGES)
    wanted_features, wanted_logits = expected(state, IMAGES, blocks)
    assert features.shape == (5, 64)
    assert torch.allclose(features.float(), wanted_features, rtol=1e-4, atol=1e-5)
    assert network.has_logits
    assert logits is not None
    assert torch.allclose(logits, wanted_logits, rtol=1e-4, atol=1e-4)


def test_images_of_other_sizes_and_grey_ones_are_taken(tmp_path: Path) -> None:
    torch.save({"state_dict": random_state(1)}, tmp_path / "resnet.th")
    network = load_extractor("cifar-resnet", tmp_path / "resnet.th")
    flat = torch.full((2, 3, 32, 32), 77, dtype=torch.uint8)
    assert torch.allclose(network.features(flat), network.features(flat[:, :1].repeat(1, 1, 2, 2)), atol=1e-4)


@pytest.mark.parametrize("missing", ["linear.weight", "layer2.0.bn2.running_var", "layer3.0.conv1.weight"])
def test_weights_of_another_network_are_an_error(tmp_path: Path, missing: str) -> None:
    state = random_state(1)
    del state[missing]
    torch.save({"state_dict": state}, tmp_path / "other.th")
    with pytest.raises(FidelityError, match=r"other\.th does not hold the weights of cifar-resnet"):
        load_extractor("cifar-resnet", tmp_path / "other.th")
