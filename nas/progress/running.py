"""A trial that is being trained, as the display of a search knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nas.budget import format_quantity
from nas.progress.events import TrialProgress

TRAINING, MEASURING = "training", "measuring"  # work that a candidate reports
IMAGES_PER_SECOND, KD_WEIGHT, LOSS = "images_per_second", "kd_weight", "loss"  # and figures of it


@dataclass
class Running:
    """Images that a running trial has seen, from its worker's reports, and its last distance."""

    trial: int
    what: tuple[str, ...]  # it trains, in words
    resumed: bool = False  # an earlier run of the command has trained it to a rung
    replicate_of: int | None = None  # first trial of its architecture
    to_the_end: bool = False  # it is never stopped early
    images: int = 0
    total: int = 0  # images of its whole training; 0 while it is not known
    work: str = ""  # the worker's last report …
    readings: Mapping[str, float] = field(default_factory=dict)  # … and the figures in it
    rungs_done: int = 0
    distance: float | None = None  # at its last rung

    @property
    def is_replicate(self) -> bool:
        return self.replicate_of is not None

    def __post_init__(self) -> None:
        # of a resumed trial, the images of earlier runs are known with the first report
        self._first: int | None = None if self.resumed else 0

    @property
    def seen(self) -> int:
        """Images that it has seen in this run of the command."""
        return 0 if self._first is None else self.images - self._first

    def reported(
        self, images: int, total: int = 0, work: str = "", readings: Mapping[str, float] | None = None
    ) -> None:
        """It has seen `images` of `total`; a report that is behind another one changes nothing."""
        if images < self.images:
            return
        self._first = images if self._first is None else self._first
        self.images, self.total, self.work = images, total or self.total, work
        self.readings = readings or self.readings

    def at_rung(self, rung: int, images: int, distance: float) -> None:
        """It was promoted from `rung`, counted from 0, after `images`."""
        self.reported(images)
        self.rungs_done, self.distance = rung + 1, distance

    @property
    def doing(self) -> Literal["starting", "training", "measuring"]:
        """What it does now."""
        if self.work == MEASURING:
            return "measuring"
        return "training" if self.total else "starting"

    @property
    def seconds_left(self) -> float | None:
        """Seconds of training to its last rung; None while the speed is not known."""
        speed = self.readings.get(IMAGES_PER_SECOND)
        return max(0, self.total - self.images) / speed if speed and self.total else None

    def event(self) -> TrialProgress:
        """Where it is, for programs."""
        figures = self.readings if self.doing == TRAINING else {}
        return TrialProgress(
            trial=self.trial,
            work=self.doing,
            rung=self.rungs_done + 1,
            images=self.images,
            total=self.total,
            images_per_second=figures.get(IMAGES_PER_SECOND),
            kd_weight=figures.get(KD_WEIGHT),
            loss=figures.get(LOSS),
            seconds_left=self.seconds_left,
        )

    def state(self, rungs: int) -> tuple[str, ...]:
        """Where it is, in words, what matters most first; `rungs` are those of a training to the end."""
        seen = f"{format_quantity(self.images)}/{format_quantity(self.total)} images"
        if not self.total:
            seen = f"after {format_quantity(self.images)} images" if self.images else "starting"
        measuring = ("measuring",) if self.work == MEASURING else ()
        rung = () if self.distance is None else (f"rung {self.rungs_done}/{rungs}: {self.distance:.2f}",)
        return (seen, *measuring, *rung, *self._figures, *self.what)

    @property
    def _figures(self) -> tuple[str, ...]:
        names = {IMAGES_PER_SECOND: "{} images/s", KD_WEIGHT: "KD weight {}", LOSS: "loss {}"}
        found = self.readings if self.work == TRAINING else {}
        return tuple(words.format(f"{found[name]:.3g}") for name, words in names.items() if name in found)
