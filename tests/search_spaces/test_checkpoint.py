"""A checkpoint is read whole or refused in one line."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from search_spaces import Checkpoint, CheckpointError, file_digest, load_checkpoint, save_checkpoint

Contents = tuple[dict[str, Tensor], dict[str, str]]


def contents(path: Path) -> Contents:
    """All but the digest: what is changed on purpose has none."""
    with safe_open(path, framework="pt") as file:
        metadata = {name: text for name, text in file.metadata().items() if name != "content_sha256"}
        return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 500
    assert str(path) in message
    return message


def some(names: dict[str, Tensor], part: str) -> str:
    return next(name for name in names if part in name)


def without_format(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors, {}


def later_format(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors, metadata | {"format": "nas-students/99"}


def without_family(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors, {k: v for k, v in metadata.items() if k != "family"}


def unknown_family(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors, metadata | {"family": "stylegan9"}


def without_architecture(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors, {k: v for k, v in metadata.items() if k != "generator_architecture"}


def impossible_architecture(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors, metadata | {"generator_architecture": '{"blocks": []}'}


def damaged_architecture(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors, metadata | {"generator_architecture": metadata["generator_architecture"][:-9]}


def damaged_discriminator(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors, metadata | {"discriminator_architecture": "{}"}


def missing_tensor(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return {k: v for k, v in tensors.items() if k != some(tensors, "generator.")}, metadata


def missing_generator(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return {k: v for k, v in tensors.items() if not k.startswith("generator.")}, metadata


def missing_discriminator(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return {k: v for k, v in tensors.items() if not k.startswith("discriminator.")}, metadata


def superfluous_tensor(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors | {"generator.extra": torch.zeros(1)}, metadata


def other_shape(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    return tensors | {some(tensors, "generator.const"): torch.zeros(9, 4, 4)}, metadata


def claimed(**changes: object) -> Callable[[dict[str, Tensor], dict[str, str]], Contents]:
    """Another architecture beside the same tensors."""

    def damage(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
        architecture = json.loads(metadata["generator_architecture"]) | changes
        return tensors, metadata | {"generator_architecture": json.dumps(architecture)}

    return damage


def not_a_number(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    tensors[some(tensors, "generator.")].view(-1)[0] = float("nan")
    return tensors, metadata


def infinite_discriminator(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Contents:
    tensors[some(tensors, "discriminator.")].view(-1)[0] = float("inf")
    return tensors, metadata


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (without_format, "no generator of a known family"),
        (later_format, "nas-students/99"),
        (without_family, "of the unknown family ''"),
        (unknown_family, "of the unknown family 'stylegan9': give a checkpoint of one of stylegan2"),
        (without_architecture, "not a GeneratorArchitecture"),
        (impossible_architecture, "resolution 0"),
        (damaged_architecture, "not a GeneratorArchitecture"),
        (damaged_discriminator, "not a DiscriminatorArchitecture: channels"),
        (missing_tensor, "its generator's tensors don't fit.*missing"),
        (missing_generator, "its generator's tensors don't fit.*missing"),
        (missing_discriminator, "its discriminator's tensors don't fit.*missing"),
        (superfluous_tensor, "its generator's tensors don't fit.*extra is unknown"),
        (other_shape, "its generator's tensors don't fit.*const is of shape"),
        (claimed(latent_dim=10**5), "mapping.layers.0.weight is of shape"),
        (claimed(latent_dim=10**12), "is not a size of a network"),  # terabytes, if it were built
        (claimed(style_dim=10**10), "is not a size of a network: give at most 131,072"),
        (claimed(style_dim=10**400), "is not a size of a network: give at most 131,072"),
        (claimed(mapping_layers=10**3), "give 1 to 64"),
        (not_a_number, "its generator holds values that are not finite"),
        (infinite_discriminator, "its discriminator holds values that are not finite"),
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_line(
    damage: Callable[[dict[str, Tensor], dict[str, str]], Contents],
    says: str,
    teacher_file: Path,
    tmp_path: Path,
) -> None:
    tensors, metadata = damage(*contents(teacher_file))
    save_file(tensors, tmp_path / "bad.safetensors", metadata)
    assert re.search(says, refusal(tmp_path / "bad.safetensors"))


@pytest.mark.parametrize("part", ["const", "w_avg", "noise_const", "discriminator."])
def test_a_flipped_bit_in_a_tensor_is_noticed(part: str, teacher_file: Path, tmp_path: Path) -> None:
    whole = bytearray(teacher_file.read_bytes())
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    start, _ = header[some(header, part)]["data_offsets"]
    whole[8 + length + start] ^= 1
    (tmp_path / "worn.safetensors").write_bytes(whole)
    said = refusal(tmp_path / "worn.safetensors")
    assert "is damaged, its content has changed: copy or export it again" in said


def test_a_changed_architecture_or_name_is_noticed(teacher_file: Path, tmp_path: Path) -> None:
    tensors, metadata = contents(teacher_file)
    with safe_open(teacher_file, framework="pt") as file:
        digest = file.metadata()["content_sha256"]
    changed = metadata["generator_architecture"].replace('"conv_clamp": null', '"conv_clamp": 9.0')
    for change in ({"generator_architecture": changed}, {"name": "another"}):
        save_file(tensors, tmp_path / "worn", metadata | change | {"content_sha256": digest})
        assert "is damaged" in refusal(tmp_path / "worn")


def test_a_file_of_before_there_were_digests_is_read(teacher_file: Path, tmp_path: Path) -> None:
    tensors, metadata = contents(teacher_file)
    save_file(tensors, tmp_path / "old", metadata)
    old = load_checkpoint(tmp_path / "old")
    assert old.metadata == load_checkpoint(teacher_file).metadata == {"name": "tiny"}


@pytest.mark.parametrize("keep", [0.0, 0.0001, 0.01, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused(keep: float, teacher_file: Path, tmp_path: Path) -> None:
    whole = teacher_file.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: int(keep * len(whole))])
    assert "no readable safetensors checkpoint" in refusal(tmp_path / "cut.safetensors")


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"g_ema": {}}, tmp_path / "pickle.pt")
    (tmp_path / "text").write_text("weights, surely\n" * 99)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")  # nobody would ever write to it
    for name, says in (
        ("pickle.pt", "no generator of a known family"),
        ("text", "is no checkpoint"),
        ("folder", "can't be read"),
        ("pipe", "can't be read (not a file)"),
        ("missing", "can't be read"),
    ):
        assert says in refusal(tmp_path / name)


def test_saving_returns_the_digest_and_leaves_nothing_else_behind(teacher_file: Path, tmp_path: Path) -> None:
    digest = save_checkpoint(load_checkpoint(teacher_file), tmp_path / "one")
    assert digest == file_digest(tmp_path / "one")
    assert digest == hashlib.sha256((tmp_path / "one").read_bytes()).hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_checkpoint_that_is_saved_again_holds_the_same(teacher_file: Path, tmp_path: Path) -> None:
    save_checkpoint(load_checkpoint(teacher_file), tmp_path / "copy")
    (tensors, metadata), (copied, noted) = contents(teacher_file), contents(tmp_path / "copy")
    assert noted == metadata
    assert copied.keys() == tensors.keys()
    assert all(torch.equal(copied[name], tensors[name]) for name in tensors)


def test_metadata_can_not_pose_as_the_format(teacher_file: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(teacher_file)
    noted = {"format": "png", "family": "mine"}
    save_checkpoint(Checkpoint(loaded.family, loaded.generator, None, noted), tmp_path / "noted")
    assert load_checkpoint(tmp_path / "noted").family == loaded.family


def test_half_precision_weights_are_read_as_single(teacher_file: Path, tmp_path: Path) -> None:
    tensors, metadata = contents(teacher_file)
    save_file({k: v.half() for k, v in tensors.items()}, tmp_path / "half", metadata)
    generator = load_checkpoint(tmp_path / "half").generator
    assert {p.dtype for p in generator.parameters()} == {torch.float32}
