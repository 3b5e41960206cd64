"""Files that the public implementations wrote make the same images and logits here."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from search_spaces import Checkpoint, CheckpointError, checkpoint, load_checkpoint, save_checkpoint
from search_spaces.reading import PickledObject, read_untrusted
from search_spaces.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator

REFERENCE = Path(__file__).parents[3] / "data" / "reference"
NVIDIA = ["nvidia_32.pkl", "nvidia_16_clamp.pkl", "nvidia_32_conditional.pkl"]
ROSINALITY = ["rosinality_16_training.pt", "rosinality_64_converted.pt"]


def known(name: str) -> dict[str, Tensor]:
    """Inputs, and the outputs that the implementation which wrote the file gave for them."""
    with np.load((REFERENCE / name).with_suffix(".npz")) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def labels(answers: dict[str, Tensor]) -> tuple[Tensor, ...]:
    return (answers["c"],) if answers.get("c", torch.empty(0, 0)).shape[1] else ()


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@torch.no_grad()
@pytest.mark.parametrize("name", NVIDIA + ROSINALITY)
@pytest.mark.parametrize(("psi", "answer"), [(1.0, "image_psi1"), (0.5, "image_psi05")])
def test_a_public_generator_makes_the_same_images_here(name: str, psi: float, answer: str) -> None:
    answers, generator = known(name), load_checkpoint(REFERENCE / name).generator
    if name == "rosinality_16_training.pt":  # training files hold no mean style; theirs was drawn anew
        generator.w_avg.copy_(answers["latent_avg"])
    images = generator(answers["z"], *labels(answers), psi=psi, noise="const")
    assert relative_error(images, answers[answer]) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("name", [*NVIDIA, "rosinality_16_training.pt"])
def test_a_public_discriminator_gives_the_same_logits_here(name: str) -> None:
    answers, discriminator = known(name), load_checkpoint(REFERENCE / name).discriminator
    assert discriminator is not None
    logits = discriminator(answers["d_input"], *labels(answers))
    assert relative_error(logits, answers["d_logits"].squeeze(1)) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("name", NVIDIA + ROSINALITY)
def test_what_was_read_is_kept_by_our_own_format(name: str, tmp_path: Path) -> None:
    read = load_checkpoint(REFERENCE / name)
    save_checkpoint(read, tmp_path / "teacher.safetensors")
    again = load_checkpoint(tmp_path / "teacher.safetensors")
    answers = known(name)
    images = [c.generator(answers["z"], *labels(answers), psi=0.7, noise="const") for c in (read, again)]
    assert torch.equal(*images)
    assert again.generator.architecture == read.generator.architecture
    assert again.metadata["source_format"] == read.metadata["source_format"]
    assert (again.discriminator is None) == (read.discriminator is None)


def test_a_converted_file_has_no_discriminator() -> None:
    assert load_checkpoint(REFERENCE / "rosinality_64_converted.pt").discriminator is None


def rewritten(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The rosinality training file after `change`."""
    with torch.serialization.safe_globals([argparse.Namespace]):
        content = torch.load(REFERENCE / ROSINALITY[0], weights_only=True)
    changed = change(content)
    path = tmp_path / "changed.pt"
    torch.save(content if changed is None else changed, path)
    return path


def averaged(content: dict[str, Any], name: str, tensor: Tensor | None) -> dict[str, Any]:
    """The averaged generator alone, with another tensor, or without it."""
    state = {key: value for key, value in content["g_ema"].items() if key != name}
    return {"g_ema": state if tensor is None else state | {name: tensor}}


def widened(content: dict[str, Any], channels: int) -> dict[str, Any]:
    """The averaged generator, whose convolutions claim `channels` and hold nothing."""
    empty = torch.zeros(1, channels, 0, 3, 3)
    return {"g_ema": {k: empty if k.endswith(".conv.weight") else v for k, v in content["g_ema"].items()}}


def deepened(content: dict[str, Any], resolutions: int) -> dict[str, Any]:
    """The averaged generator with many more RGB outputs; the noise of the last would be 8 million px wide."""
    more = {f"to_rgbs.{i}.conv.weight": torch.zeros(1) for i in range(resolutions)}
    return {"g_ema": more | content["g_ema"]}


@torch.no_grad()
def test_noise_and_kernels_that_old_files_lack_are_made(tmp_path: Path) -> None:
    def drop(content: dict[str, Any]) -> None:
        for name in [n for n in content["g_ema"] if n.startswith("noises.") or n.endswith(".kernel")]:
            del content["g_ema"][name]

    answers = known(ROSINALITY[0])
    old, new = (load_checkpoint(p).generator for p in (rewritten(tmp_path, drop), REFERENCE / ROSINALITY[0]))
    assert torch.equal(old(answers["z"], noise="none"), new(answers["z"], noise="none"))
    assert torch.isfinite(old(answers["z"], noise="const")).all()


@torch.no_grad()
def test_a_mean_style_that_a_training_file_lacks_is_measured() -> None:
    generator = load_checkpoint(REFERENCE / ROSINALITY[0]).generator
    z = torch.randn(20_000, generator.architecture.latent_dim, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(generator.w_avg, generator.mapping(z).mean(dim=0), atol=0.1)


def test_the_averaged_generator_comes_first_and_a_plain_state_dict_will_do(tmp_path: Path) -> None:
    def marked(content: dict[str, Any]) -> None:
        content["g"]["input.input"] = content["g"]["input.input"] + 1

    theirs = load_checkpoint(REFERENCE / ROSINALITY[0]).generator.const
    whole = load_checkpoint(rewritten(tmp_path, marked))
    assert torch.equal(whole.generator.const, theirs)
    for name in ("g_ema", "g"):
        part = load_checkpoint(rewritten(tmp_path, lambda c, name=name: c[name]))
        assert part.discriminator is None
        assert torch.equal(part.generator.const, theirs)
    wrapped = rewritten(tmp_path, lambda c: {f"module.{name}": t for name, t in c["g"].items()})
    assert load_checkpoint(wrapped).generator.architecture == whole.generator.architecture


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c["d"], "holds a discriminator and no generator"),
        (lambda c: averaged(c, "conv1.conv.weight", torch.full((1, 32, 32, 3, 3), math.nan)), "not finite"),
        (lambda c: averaged(c, "convs.0.conv.weight", None), "it has no convs.0.conv.weight"),
        (lambda c: averaged(c, "convs.1.conv.weight", torch.zeros(1, 3, 3, 3, 3)), "don't fit"),
        (lambda c: averaged(c, "style.1.bias", torch.zeros(0)), "mapping.layers.0.bias is empty"),
        (lambda c: widened(c, 10**9), "is empty"),
        (lambda c: deepened(c, 20), "beyond 1024 px"),
        (lambda c: {"g_ema": c["g_ema"], "latent_avg": "none"}, "its tensors don't fit"),
        (lambda c: averaged(c, "input.input", torch.tensor(1.0)), "its tensors don't fit"),
        (lambda c: averaged(c, "style.1.weight", torch.tensor(1.0)), "its tensors don't fit"),
        (lambda c: {"synthesis.input.freqs": torch.zeros(3, 2)}, "holds a StyleGAN3 generator"),
        (lambda c: {"progression.0.conv.0.conv.weight_orig": torch.zeros(1)}, "a Progressive GAN"),
        (lambda c: {"weights": torch.zeros(3), "epoch": 7}, "2 entries (weights, epoch), no generator"),
        (lambda c: {}, "an empty dictionary"),
        (lambda c: [1, 2], "a list"),
    ],
)  # fmt: skip
def test_what_is_no_stylegan2_is_named_as_what_it_is(
    change: Callable[[dict[str, Any]], object], says: str, tmp_path: Path
) -> None:
    assert says in refusal(rewritten(tmp_path, change))


def test_a_half_known_name_in_an_nvidia_file_is_a_misfit(tmp_path: Path) -> None:
    content = read_untrusted(REFERENCE / NVIDIA[0])
    content["D"].state["_modules"]["mapping"] = PickledObject(
        "Odd", {"_modules": {"fromrgb": PickledObject("Odd", {"_parameters": {"x": torch.zeros(1)}})}}
    )
    (tmp_path / "odd.pkl").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "_is_safetensors", lambda path: False)
        patch.setattr(checkpoint, "read_untrusted", lambda path: content)
        assert "its tensors don't fit" in refusal(tmp_path / "odd.pkl")


@pytest.mark.parametrize("name", [NVIDIA[0], ROSINALITY[0]])
@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.3, 0.9])
def test_a_truncated_file_is_refused(name: str, fraction: float, tmp_path: Path) -> None:
    data = (REFERENCE / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(len(data) * fraction)])
    message = refusal(path)
    assert "empty" in message if fraction == 0 else "damaged" in message or "refused" in message


def test_a_file_of_another_name_is_read_all_the_same(tmp_path: Path) -> None:
    for name, file in (
        ("network.bin", NVIDIA[0]),
        ("a.safetensors", NVIDIA[0]),
        ("b.safetensors", ROSINALITY[0]),
    ):
        (tmp_path / name).write_bytes((REFERENCE / file).read_bytes())
        assert isinstance(load_checkpoint(tmp_path / name).generator, StyleGAN2Generator)


def test_a_teacher_file_carries_generator_and_discriminator(tmp_path: Path) -> None:
    read = load_checkpoint(REFERENCE / NVIDIA[2])
    assert isinstance(read, Checkpoint)
    assert isinstance(read.discriminator, StyleGAN2Discriminator)
    assert read.generator.architecture.classes == read.discriminator.architecture.classes == 10
