"""Records that the study keeps: of every rung, and of a person's choice among tied trials."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt

LONGEST_NAME, LONGEST_REASON = 80, 500  # characters


class RungRecord(BaseModel):
    """One candidate measured at one rung.

    There is no record of a rung whose FID is not finite: the trial fails, and its reason says why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: NonNegativeInt  # number in the study
    rung: NonNegativeInt  # 0 is the first; what people read counts from 1
    images: NonNegativeInt  # real images the student has been trained on so far
    fid: FiniteFloat
    fid_samples: NonNegativeInt  # generated images the FID was taken over
    fid_extractor: str
    fid_seed: int
    kd_weight: float  # at the rung's last step
    losses: dict[str, float]  # of the last logged steps, by name
    seconds: float  # spent on this rung, FID included
    worker: str
    checkpoint: str  # path relative to the study's folder
    sha256: str  # of the checkpoint file
    kid: FiniteFloat | None = None  # over the same samples, where it was asked for
    fid_extractor_digest: str = ""  # of its weights, 16 hex digits; empty in studies from before it was kept


class TieBreak(BaseModel):
    """A person's choice among trials that do not differ significantly."""

    model_config = ConfigDict(frozen=True)

    trial: NonNegativeInt  # that was chosen
    tied: tuple[NonNegativeInt, ...]  # the trials that were to choose from, with the one chosen
    time: AwareDatetime
    by: Annotated[str, Field(max_length=LONGEST_NAME)] = ""  # who chose
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""
