"""The generator is found below any wrapper and prefix, and averaged weights are never passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from search_spaces import CheckpointError, load_checkpoint
from search_spaces.dcgan import DCGANGenerator
from search_spaces.reading import find_networks

State = dict[str, Tensor]


def generator(seed: int) -> State:
    """A small DCGAN of torch's tutorial."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = [nn.ConvTranspose2d(10, 8, 4, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    for before, after in ((8, 7), (7, 6)):
        up = nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)
        layers += [up, nn.BatchNorm2d(after), nn.ReLU()]
    network = nn.Sequential(*layers, nn.ConvTranspose2d(6, 3, 4, 2, 1, bias=False), nn.Tanh())
    return {f"main.{name}": tensor for name, tensor in network.state_dict().items()}


def discriminator() -> State:
    convs = nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.Conv2d(4, 8, 4, 2, 1), nn.Conv2d(8, 1, 4))
    return {f"main.{name}": tensor for name, tensor in convs.state_dict().items()}


RAW, EMA, D = generator(1), generator(2), discriminator()


def below(prefix: str, state: Mapping[str, Tensor]) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def count() -> State:
    return {"n_averaged": torch.tensor(5)}


def loaded(content: Any, folder: Path) -> tuple[Tensor, Mapping[str, str]]:
    """The first layer's weight, which tells the networks apart, and the metadata."""
    torch.save(content, folder / "teacher.pt")
    read = load_checkpoint(folder / "teacher.pt")
    assert isinstance(read.generator, DCGANGenerator)
    return read.generator.layers[0].map.weight, read.metadata


@pytest.mark.parametrize(
    "content",
    [
        {"netG": RAW, "netD": D, "netG_ema": EMA},
        {"generator": RAW, "generator_ema": EMA},
        {"G": RAW, "Gs": EMA},
        {"g": RAW, "g_running": EMA},
        {"gen": RAW, "gen_shadow": EMA},
        {"netG": RAW, "netAvgG": EMA},
        {"G": RAW, "emaG": EMA, "D": D, "emaD": D},
        {"model": RAW, "model_ema": EMA},
        {"state_dict": RAW, "state_dict_ema": EMA},
        {"G": RAW, "G_ema": below("_orig_mod.module.", EMA)},
        {"G": RAW, "G_ema": below("module._orig_mod.module.", EMA)},
        {"G": RAW, "G_ema": {"state_dict": EMA}},
        {"G": RAW, "G_ema": {"model": {"module": EMA}, "decay": 0.999}},
        {"G": RAW, "G_ema": count() | below("module.", EMA)},
        {"G": RAW, "ema": {"generator": EMA, "discriminator": D}},
        {"models": [RAW, D], "ema": [EMA, D]},
        {"state_dict": below("generator.", RAW) | below("ema_generator.", EMA)},
        {"state_dict": below("generator.", RAW) | below("generator_ema.module.", EMA) | below("d.", D)},
        {"state_dict": below("gan.generator.", RAW) | below("gan.ema.", EMA)},
        below("online_model.", RAW) | below("ema_model.", EMA) | {"initted": torch.tensor(True)},
        {"ema": below("online_model.", RAW) | below("ema_model.", EMA)},
        count() | below("module.", EMA),
    ],
)
def test_averaged_weights_are_taken_wherever_they_lie(content: Any, tmp_path: Path) -> None:
    weight, metadata = loaded(content, tmp_path)
    assert torch.equal(weight, EMA["main.0.weight"])
    assert metadata["source_weights"] == "averaged (EMA)"


@pytest.mark.parametrize(
    "average",
    [
        {"decay": 0.999, "num_updates": 7, "shadow_params": list(EMA.values()), "collected_params": None},
        {name.replace(".", ""): tensor for name, tensor in EMA.items()},
        {name: tensor for name, tensor in EMA.items() if not name.startswith("main.3.")},
        {},
        [],
    ],
)
@pytest.mark.parametrize("name", ["ema", "G_ema", "netG_averaged"])
def test_averaged_weights_that_cannot_be_read_are_an_error(name: str, average: Any, tmp_path: Path) -> None:
    torch.save({"netG": RAW, name: average}, tmp_path / "teacher.pt")
    with pytest.raises(CheckpointError, match=f"its averaged weights, {name}.*, can't be read as netG can"):
        load_checkpoint(tmp_path / "teacher.pt")


@pytest.mark.parametrize(
    "content",
    [
        {"netG": RAW, "netD": D, "ema_decay": 0.999, "ema": None, "use_ema": False},
        {"netG": RAW, "netD_ema": D, "d_ema": {}},
        {"G": RAW, "optG": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{}]}},
        {"generator": RAW, "discriminator": D},
        {"g_model": RAW},
        {"modelG": RAW},
        {"generator_model_state_dict": RAW},
        {"checkpoint": {"networks": {"anything": RAW}}},
        [RAW, D],
        {"state_dict": below("G._orig_mod.", RAW) | below("D._orig_mod.", D)},
        {"state_dict": below("model.generator.module.", RAW) | below("model.critic.module.", D)},
        {"state_dict": below("model.net.", RAW)},
    ],
)
def test_a_generator_is_found_under_any_wrapper_and_prefix(content: Any, tmp_path: Path) -> None:
    weight, metadata = loaded(content, tmp_path)
    assert torch.equal(weight, RAW["main.0.weight"])
    assert metadata["source_weights"] == "as stored, none are named as averaged"


@pytest.mark.parametrize(
    "content",
    [
        below("encoder.", D) | below("decoder.", RAW),
        {"state_dict": below("segmenter.gen.", RAW) | below("segmenter.head.", D)},
    ],
)
def test_a_part_of_a_larger_network_is_no_generator(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "other.pt")


def test_a_class_embedding_beside_a_part_is_not_passed_over(tmp_path: Path) -> None:
    torch.save(below("gen.", RAW) | {"label_emb.weight": torch.zeros(10, 3)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="class-conditional"):
        load_checkpoint(tmp_path / "other.pt")


def test_a_state_dict_in_safetensors_of_another_project_is_read(tmp_path: Path) -> None:
    for metadata in (None, {"format": "pt"}):
        layers = {name: tensor.contiguous() for name, tensor in RAW.items()}  # layer 10 would come before 3
        save_file(layers, tmp_path / "model.safetensors", metadata)
        read = load_checkpoint(tmp_path / "model.safetensors")
        assert isinstance(read.generator, DCGANGenerator)
        assert torch.equal(read.generator.layers[3].map.weight, RAW["main.9.weight"])


@pytest.mark.parametrize("wrap", [lambda s: {"x": s}, lambda s: below("a.b.", s), lambda s: [s]])
def test_a_wrapper_is_looked_through_to_a_bounded_depth(wrap: Callable[[Any], Any]) -> None:
    content: Any = RAW
    for _ in range(3):
        content = wrap(content)
    assert any("main.0.weight" in each.tensors for each in find_networks(content))
    deep: Any = RAW
    for _ in range(50):
        deep = {"x": deep}
    assert find_networks(deep) == []
