"""Our tables, beside Optuna's in the same database.

A change here needs a new file in `migrations/versions`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

STUDY_NAME_LENGTH = 512  # Optuna's own limit


class Base(DeclarativeBase):
    """Metadata of our tables, without Optuna's."""


class Rung(Base):
    """A `RungRecord`: Optuna takes no intermediate values in a study with two objectives."""

    __tablename__ = "nas_rungs"

    study: Mapped[str] = mapped_column(String(STUDY_NAME_LENGTH), primary_key=True)
    trial: Mapped[int] = mapped_column(Integer, primary_key=True)
    rung: Mapped[int] = mapped_column(Integer, primary_key=True)
    images: Mapped[int] = mapped_column(BigInteger)
    fid: Mapped[float] = mapped_column(Double)
    fid_samples: Mapped[int] = mapped_column(BigInteger)
    fid_extractor: Mapped[str] = mapped_column(Text)
    fid_seed: Mapped[int] = mapped_column(BigInteger)
    kd_weight: Mapped[float] = mapped_column(Double)
    losses: Mapped[str] = mapped_column(Text)  # JSON object; text, because a JSON column refuses NaN
    seconds: Mapped[float] = mapped_column(Double)
    worker: Mapped[str] = mapped_column(Text)
    checkpoint: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    fid_extractor_digest: Mapped[str] = mapped_column(String(16), server_default="")
    kid: Mapped[float | None] = mapped_column(Double)


class LeaseRow(Base):
    """The driver of a study. No row: no driver."""

    __tablename__ = "nas_leases"

    study: Mapped[str] = mapped_column(String(STUDY_NAME_LENGTH), primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    pid: Mapped[int] = mapped_column(Integer)
    pid_space: Mapped[str] = mapped_column(Text)  # the scope of `pid`, see nas.database.lease
    token: Mapped[str] = mapped_column(String(32))
    since: Mapped[float] = mapped_column(Double)  # seconds since 1970, the database's clock
    heartbeat: Mapped[float] = mapped_column(Double)  # the same
