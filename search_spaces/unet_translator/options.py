"""Sizes of a U-Net translator to train from images."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TeacherOptions(BaseModel):
    """Sizes of the generator; its discriminator follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(
        64, ge=2, description="Channels ngf of the finest level; up to 8 times as many inside."
    )
    norm: Literal["batch", "instance"] = Field("batch", description="Normalisation.")
