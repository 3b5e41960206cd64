"""A trial that is being trained, as the display of a search knows it."""

from __future__ import annotations

from dataclasses import dataclass

from nas.budget import format_quantity

TRAINING, MEASURING = "training", "measuring"  # work that a candidate reports


@dataclass
class Running:
    """Images that a running trial has seen, from its worker's reports, and its last distance."""

    trial: int
    what: tuple[str, ...]  # it trains, in words
    resumed: bool = False  # an earlier run of the command has trained it to a rung
    is_replicate: bool = False
    to_the_end: bool = False  # it is never stopped early
    images: int = 0
    total: int = 0  # images of its whole training; 0 while it is not known
    work: str = ""  # the worker's last report
    rung: str = ""  # its last rung, in words

    def __post_init__(self) -> None:
        # of a resumed trial, the images of earlier runs are known with the first report
        self._first: int | None = None if self.resumed else 0

    @property
    def seen(self) -> int:
        """Images that it has seen in this run of the command."""
        return 0 if self._first is None else self.images - self._first

    def reported(self, images: int, total: int = 0, work: str = "") -> None:
        """It has seen `images` of `total`; a report that is behind another one changes nothing."""
        if images < self.images:
            return
        self._first = images if self._first is None else self._first
        self.images, self.total, self.work = images, total or self.total, work

    def at_rung(self, images: int, rung: str) -> None:
        """It was promoted from a `rung` after `images`."""
        self.reported(images)
        self.rung = rung

    @property
    def state(self) -> tuple[str, ...]:
        """Where it is, in words, what matters most first."""
        seen = f"{format_quantity(self.images)}/{format_quantity(self.total)} images"
        if not self.total:
            seen = f"after {format_quantity(self.images)} images" if self.images else "starting"
        measuring = ("measuring",) if self.work == MEASURING else ()
        return (seen, *measuring, *((self.rung,) if self.rung else ()), *self.what)
