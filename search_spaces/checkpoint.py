"""Our checkpoint format, safetensors with the architecture in its metadata; and reading of other formats."""

from __future__ import annotations

import hashlib
import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from search_spaces.base import Discriminator, Generator
from search_spaces.errors import CheckpointError, UserError, count_of, one_line, os_reason
from search_spaces.reading import read_untrusted, with_weights, written_whole
from search_spaces.registry import FAMILIES, get_family

FORMAT = "nas-students/1"
SUFFIX = ".safetensors"
DIGEST = "content_sha256"  # in the metadata: `content_digest` of the rest

# what comes of a value of another type, of too few dimensions, or under a name that is half right
_MISFITS = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class Checkpoint:
    """A generator, its discriminator if there is one, and their metadata."""

    family: str
    generator: Generator
    discriminator: Discriminator | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)  # free text and numbers, as strings


def check_name(path: Path) -> None:
    """Refuse a path with the suffix of another format.

    Raises:
        CheckpointError: its suffix is not .safetensors.
    """
    if path.suffix != SUFFIX:
        stem = path.stem if path.suffix[1:].isalpha() else path.name  # faces-0.5 has no suffix
        fix = path.parent / f"{stem}{SUFFIX}"
        raise CheckpointError(f"{path}: checkpoints are written as safetensors: give {fix}")


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> str:
    """Write `checkpoint` to `path`, which appears only when complete.

    Returns:
        The file's SHA-256.

    Raises:
        OSError: `path` can't be written.
    """
    networks = {"generator": checkpoint.generator, "discriminator": checkpoint.discriminator}
    tensors: dict[str, Tensor] = {}
    metadata = {**checkpoint.metadata, "format": FORMAT, "family": checkpoint.family}
    for role, network in networks.items():
        if network is None:
            continue
        metadata[f"{role}_architecture"] = json.dumps(network.architecture.to_json())
        state = network.state_dict()
        tensors |= {f"{role}.{name}": tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    metadata.pop(DIGEST, None)
    metadata[DIGEST] = content_digest(tensors, metadata)
    with written_whole(path) as file:
        file.write(save(tensors, metadata))
    return file_digest(path)


def load_checkpoint(path: Path, discriminator: Path | None = None) -> Checkpoint:
    """Build the networks that `path` holds, in evaluation mode on the CPU.

    Reads our own format, and the third-party ones of each family's `checkpoints.py`. `discriminator` is the
    file of the discriminator, if that is a separate file.

    Raises:
        CheckpointError: a file can't be read, is of another format, or its tensors don't fit.
    """
    loaded = _load_safetensors(path) if _is_safetensors(path) else _load_foreign(path, read_untrusted(path))
    if discriminator is None:
        return loaded
    return replace(loaded, discriminator=_load_beside(loaded, discriminator))


def _is_safetensors(path: Path) -> bool:
    """Whether the file has a safetensors header; for a damaged file the suffix decides."""
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path} can't be read (not a file): give a file")
    try:
        with path.open("rb") as file:
            head = file.read(9)
        return head[8:] == b"{" or (path.suffix == SUFFIX and not head.startswith((b"\x80", b"PK")))
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({os_reason(error)}): give another file") from error


def _load_foreign(path: Path, content: Any) -> Checkpoint:
    for family in FAMILIES.values():
        try:
            found = family.read(content)
        except UserError as error:
            raise CheckpointError(f"{path} can't be used: {one_line(error, 300)}") from error
        except _MISFITS as error:
            raise CheckpointError(
                f"{path} can't be used: its names are those of {family.name}, its tensors don't fit them"
            ) from error
        if found is not None:
            return Checkpoint(family.name, found.generator, found.discriminator, found.metadata)
    raise CheckpointError(
        f"{path} holds {_described(content)}, no generator of a known family: give one of "
        f"{', '.join(FAMILIES)}"
    )


def _load_beside(loaded: Checkpoint, path: Path) -> Discriminator:
    """The discriminator in the file `path`, for the generator of `loaded`."""
    content = _read_safetensors(path)[0] if _is_safetensors(path) else read_untrusted(path)
    try:
        found = get_family(loaded.family).read_discriminator(content, loaded.generator)
    except UserError as error:
        raise CheckpointError(f"{path} can't be used: {one_line(error, 300)}") from error
    except _MISFITS as error:
        raise CheckpointError(
            f"{path} can't be used: its names are those of {loaded.family}, its tensors don't fit"
        ) from error
    if found is None:
        raise CheckpointError(
            f"{path} holds {_described(content)}, no discriminator that {loaded.family} has in a file of its "
            "own: give the one that was trained with the generator, or leave it out"
        )
    return found


def _described(content: object) -> str:
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    names = [one_line(name, 40) for name in list(content)[:3]] + ["…"] * (len(content) > 3)
    entries = count_of(len(content), "entry", "entries")
    return f"{entries} ({', '.join(names)})" if names else "an empty dictionary"


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file, and its metadata."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            names = sorted(file.keys(), key=_by_numbers)  # the file has another order than the network
            return {name: file.get_tensor(name) for name in names}, metadata
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} is no readable safetensors checkpoint ({one_line(error)}): copy or export it again"
        ) from error


def _by_numbers(name: str) -> list[tuple[int, str]]:
    """A key that sorts layer 2 before layer 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def _load_safetensors(path: Path) -> Checkpoint:
    """Our own format, or the state dict of another project."""
    tensors, metadata = _read_safetensors(path)
    written_as = metadata.get("format", "")
    if written_as == FORMAT:
        return _load_ours(path, tensors, metadata)
    if written_as.startswith(FORMAT.partition("/")[0]):
        raise CheckpointError(
            f"{path} is of another version of our format, {reprlib.repr(written_as)}: read it with the "
            "version of this project that wrote it"
        )
    if "generator_architecture" in metadata:
        raise CheckpointError(f"{path} was not written by this service: it names no format")
    return _load_foreign(path, tensors)


def _load_ours(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> Checkpoint:
    noted_digest = metadata.pop(DIGEST, None)  # missing in files of earlier versions
    if noted_digest not in (None, content_digest(tensors, metadata)):
        raise CheckpointError(f"{path} is damaged, its content has changed: copy or export it again")
    metadata.pop("format")
    discriminator = None
    named = metadata.pop("family", "")
    if named not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise CheckpointError(
            f"{path} is of the unknown family {reprlib.repr(named)}: give a checkpoint of one of {known}"
        )
    try:
        family = FAMILIES[named]
        architecture = family.architecture.from_json(metadata.pop("generator_architecture", ""))
        generator = with_weights(family.build, architecture, _of("generator", tensors), "generator")
        if "discriminator_architecture" in metadata:
            noted = family.discriminator_architecture.from_json(metadata.pop("discriminator_architecture"))
            state = _of("discriminator", tensors)
            discriminator = with_weights(family.build_discriminator, noted, state, "discriminator")
    except UserError as error:
        raise CheckpointError(f"{path}: {one_line(error, 300)}") from error
    return Checkpoint(family.name, generator, discriminator, metadata)


def _of(role: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one network, by their names in it."""
    return {name.removeprefix(f"{role}."): t for name, t in tensors.items() if name.startswith(f"{role}.")}


def content_digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 of metadata and of CPU tensors (names, types, shapes, values), 64 hex digits.

    Tensors are hashed one by one, without a copy.
    """
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
