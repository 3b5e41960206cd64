"""Sizes of a DCGAN teacher to train from images."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TeacherOptions(BaseModel):
    """Sizes of the generator; its discriminator follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int | None = Field(
        None,
        ge=1,
        description="Depth factor d: all widths are multiples of it.",
        json_schema_extra={"shown": "256 for grey images and 128 for colour, as published"},
    )
