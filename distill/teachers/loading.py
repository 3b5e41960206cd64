"""Load a teacher: the trained generator that students learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distill.errors import TeacherError
from search_spaces import (
    ArchitectureError,
    CheckpointError,
    Discriminator,
    Family,
    Generator,
    file_digest,
    get_family,
    load_checkpoint,
)

BUILT_IN = Path(__file__).parents[1] / "digits" / "teacher.safetensors"


@dataclass(frozen=True)
class Teacher:
    """A generator in evaluation mode, with its discriminator where the checkpoint holds one."""

    name: str
    family: Family
    generator: Generator
    discriminator: Discriminator | None
    digest: str  # first 16 hex digits of the file's SHA-256
    metadata: Mapping[str, str]

    def at_resolution(self, resolution: int) -> Teacher:
        """The same weights for images of another side, px, where input images are translated.

        Raises:
            ArchitectureError: its networks can't do that.
        """
        side = self.generator.image_shape[1]
        if resolution == side or not any(spec.kind == "image" for spec in self.generator.input_specs):
            return self
        generator = self.generator.at_resolution(resolution)
        if self.discriminator is None:
            return replace(self, generator=generator)
        judge: Any = self.discriminator.architecture
        discriminator = self.family.build_discriminator(replace(judge, resolution=resolution))
        try:
            discriminator.load_state_dict(self.discriminator.state_dict())
        except RuntimeError as error:  # its last layer sees the whole image, as StarGAN's
            raise ArchitectureError(
                f"resolution {resolution}: the discriminator of {self.name} judges images of {side} px, give "
                "that, or a file of its generator alone"
            ) from error
        return replace(self, generator=generator, discriminator=discriminator.eval().requires_grad_(False))


def load_teacher(path: Path | None = None) -> Teacher:
    """The teacher in checkpoint `path`; without one, the built-in teacher of the handwritten digits.

    Raises:
        TeacherError: there is no such file, or it holds no generator that can be read.
    """
    path = BUILT_IN if path is None else path
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not a file"
        raise TeacherError(
            f"teacher {path} is {what}: give a checkpoint, or leave --teacher out for the digits"
        )
    try:
        checkpoint = load_checkpoint(path)
    except CheckpointError as error:
        raise TeacherError(f"teacher {error}") from error
    return Teacher(
        name=checkpoint.metadata.get("name", path.stem),
        family=get_family(checkpoint.family),
        generator=checkpoint.generator,
        discriminator=checkpoint.discriminator,
        digest=file_digest(path)[:16],
        metadata=checkpoint.metadata,
    )
