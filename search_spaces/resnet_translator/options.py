"""Sizes of a ResNet translator to train from images."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TeacherOptions(BaseModel):
    """Sizes of the generator; its discriminator follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(64, ge=1, description="Channels ngf of the first convolution; others are multiples.")
    blocks: int | None = Field(
        None,
        ge=0,
        le=16,
        description="Residual blocks.",
        json_schema_extra={"shown": "9 at 256 px, else 6, as published"},
    )
    kind: Literal["dense", "separable"] = Field(
        "dense",
        description="Convolutions of the residual blocks: dense, or separable as in the mobile ResNet.",
    )
