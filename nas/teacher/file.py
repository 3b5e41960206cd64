"""Describe a teacher's checkpoint, ours or a third-party one, and import it into our format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from distill.errors import TeacherError
from nas.budget import COUNTER, format_quantity, measure
from search_spaces import (
    Architecture,
    Checkpoint,
    Discriminator,
    check_name,
    file_digest,
    get_family,
    load_checkpoint,
    os_reason,
    save_checkpoint,
)

SHOWN = {"macs", "params", "counter", "losses"}  # metadata that other lines say, or that says nothing here


class TeacherInfo(BaseModel):
    """The contents of a file, as `nas-teacher info` shows them."""

    file: str
    sha256: str
    family: str
    image: tuple[int, int, int]  # channels, height, width
    macs: int
    params: int
    counter: str
    generator: dict[str, Any]  # its architecture
    discriminator: dict[str, Any] | None
    discriminator_params: int | None
    metadata: dict[str, str]
    layers: list[dict[str, str]]  # of the generator, in words

    @property
    def architecture(self) -> Architecture:
        """The architecture of the generator."""
        return get_family(self.family).architecture.from_json(self.generator)

    def lines(self) -> list[str]:
        """The description in lines of text, without the layers."""
        channels, height, width = self.image
        rows = {
            "family": self.family,
            "resolution": f"{height}×{width} px, {'grey' if channels == 1 else 'RGB'}",
            "MACs": f"{format_quantity(self.macs)} ({self.counter})",
            "parameters": format_quantity(self.params),
        }
        if self.discriminator is None or self.discriminator_params is None:
            rows["discriminator"] = "none in the file: students train their own from scratch"
        else:
            rows["discriminator"] = f"{format_quantity(self.discriminator_params)} parameters, " + ", ".join(
                f"{name} {_short(value)}" for name, value in self.discriminator.items()
            )
        noted = {name.replace("_", " "): value for name, value in sorted(self.metadata.items())}
        rows |= {name: value for name, value in noted.items() if name not in SHOWN | rows.keys()}
        rows["sha256"] = self.sha256
        return [self.file, *(f"  {name:20} {value}" for name, value in rows.items())]


def describe(path: Path) -> TeacherInfo:
    """Describe a checkpoint.

    Raises:
        TeacherError, CheckpointError: there is no such file, or it can't be read.
    """
    loaded = _load(path)
    generator, discriminator = loaded.generator, loaded.discriminator
    cost = measure(generator)
    return TeacherInfo(
        file=str(path),
        sha256=file_digest(path),
        family=loaded.family,
        image=generator.image_shape,
        macs=cost.macs,
        params=cost.params,
        counter=COUNTER,
        generator=generator.architecture.to_json(),
        discriminator=None if discriminator is None else discriminator.architecture.to_json(),
        discriminator_params=None if discriminator is None else _count(discriminator),
        metadata=dict(loaded.metadata),
        layers=generator.architecture.describe(),
    )


def import_teacher(
    source: Path, output: Path, *, discriminator: Path | None = None, name: str = "", force: bool = False
) -> Checkpoint:
    """Convert the networks in `source` to our format, in `output`, with the name and digest of `source`.

    `discriminator` is the file of the discriminator, if that is a separate one.

    Raises:
        TeacherError, CheckpointError: a source can't be read, or `output` exists, can't be written or has
            another suffix than .safetensors.
    """
    check_name(output)
    if output.exists() and not force:
        raise TeacherError(f"{output} exists: choose another -o, or replace it by --force")
    loaded = _load(source, discriminator)
    metadata = {
        **loaded.metadata,
        "name": name or loaded.metadata.get("name", source.stem),
        "source": source.name,
        "source_sha256": file_digest(source),
    }
    if discriminator is not None:
        metadata |= {
            "discriminator_source": discriminator.name,
            "discriminator_source_sha256": file_digest(discriminator),
        }
    written = Checkpoint(loaded.family, loaded.generator, loaded.discriminator, metadata)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(written, output)
    except OSError as error:
        raise TeacherError(f"{output} can't be written ({os_reason(error)}): choose another -o") from error
    return written


def _load(path: Path, discriminator: Path | None = None) -> Checkpoint:
    for given in (path, discriminator):
        if given is not None and not given.is_file():
            what = "a folder" if given.is_dir() else "not a file"
            raise TeacherError(f"{given} is {what}: give a checkpoint")
    return load_checkpoint(path, discriminator)


def _count(network: Discriminator) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _short(value: Any) -> str:
    """A field of an architecture in one line; blocks by the widths at their resolutions."""
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict) and "channels" in value[0]:
        own = ("channels", "convs")  # fields in which blocks of one kind may differ
        kinds = [{name: item for name, item in block.items() if name not in own} for block in value]
        plain = all(kind == kinds[-1] for kind in kinds)
        note = "" if plain else " (of several kinds: see --json)"
        return " ".join(str(block["channels"]) for block in value) + note
    return re.sub(r"[\[\](),{}']", "", str(value)) or "none"
