"""Sizes of a StarGAN teacher to train from images."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TeacherOptions(BaseModel):
    """Sizes of the generator; its discriminator follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(64, ge=1, description="Channels of the stem; all other widths are multiples of it.")
    blocks: int = Field(6, ge=1, description="Residual blocks.")
