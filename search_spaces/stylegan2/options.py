"""Sizes of a StyleGAN2 teacher to train from images."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TeacherOptions(BaseModel):
    """Sizes of the generator; its discriminator follows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels_base: int = Field(
        16_384, ge=1, description="Width of a layer times the side of its images, up to the maximum."
    )
    channels_max: int = Field(512, ge=1, description="Most channels of a layer.")
    latent_dim: int = Field(512, ge=1, description="Dimensions of z and of w.")
    mapping_layers: int = Field(8, ge=1, description="Layers of the mapping network.")
