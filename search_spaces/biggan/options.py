"""Sizes of a BigGAN teacher to train from images."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TeacherOptions(BaseModel):
    """Sizes of the generator; its discriminator follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int | None = Field(
        None,
        ge=1,
        description="Channel multiplier ch: all widths are multiples of it.",
        json_schema_extra={"shown": "64 at 32 px, else 96, as published"},
    )
