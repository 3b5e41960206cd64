"""How long a search will still take, from the images that its trials have seen so far."""

from __future__ import annotations

from nas.progress.speed import Speed

PRIOR_TRIALS = 4  # trials that are assumed to be trained to the end, before any has ended
TOLERANCE = 0.2  # of the time left: a forecast that is later by less is not shown


class Forecast:
    """The end of a search, by the speed so far; moved only when work is done, so that it counts down between.

    Trials to come are expected to see as many images as those that ended, with `PRIOR_TRIALS` full trainings
    among them: the first forecasts are rather too late than too early.
    """

    def __init__(self, images: int) -> None:
        """`images` are those of a training to the end."""
        self._images = images
        self._ended: list[int] = []  # images of trials that ended
        self._speed: Speed | None = None  # from the first report on
        self._seen = 0
        self._end: float | None = None

    def ended(self, images: int) -> None:
        """A trial that could have been stopped early has ended after `images`."""
        self._ended.append(images)

    @property
    def expected(self) -> float:
        """Images of a trial to come."""
        return (PRIOR_TRIALS * self._images + sum(self._ended)) / (PRIOR_TRIALS + len(self._ended))

    def ahead(self, images: int, *, to_the_end: bool) -> float:
        """Images that a running trial will still see; one above the expectation is trained `to_the_end`."""
        whole = to_the_end or images >= self.expected
        return max(0.0, (self._images if whole else self.expected) - images)

    def left(self, now: float, seen: int, remaining: float) -> float | None:
        """Seconds until `remaining` images are seen, too; None while the speed is not known.

        The speed counts from the first report on: starting the workers is no training.

        Args:
            now: seconds on a monotonic clock.
            seen: images so far, by all trials.
            remaining: images that are expected to follow.
        """
        if seen > self._seen:
            self._seen = seen
            self._speed = self._speed or Speed(now, seen)
            left = self._speed.left(now, seen, remaining)
            if left is None:
                return None
            end = now + left
            if self._end is None or end < self._end or end > self._end + TOLERANCE * (self._end - now):
                self._end = end
        return None if self._end is None else max(0.0, self._end - now)
