"""Statistics of one set of real images: computed once, kept in a cache folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from distill.data import ImageSet
from distill.evaluation.extractors import Extractor
from distill.evaluation.gathering import Gathered, Need, gather
from distill.evaluation.real_cache import read_features, read_statistics, write_features, write_statistics
from distill.progress import OnProgress, counted

REAL = "Looking at real images"
STATISTICS, FEATURES = "npz", "features.npy"  # suffixes of files in the cache


class Reference:
    """Statistics and features of one set of real images, each computed on first use."""

    def __init__(
        self,
        images: ImageSet,
        extractor: Callable[[], Extractor],
        *,
        cache: Path | None,
        batch_size: int,
        on_progress: OnProgress | None,
    ) -> None:
        self.images = images
        self.gathered = Gathered(len(images))
        self._extractor, self._cache, self._batch_size = extractor, cache, batch_size
        self._on_progress = on_progress
        self._prepared: frozenset[Need] = frozenset()

    def prepare(self, needs: frozenset[Need]) -> None:
        """Add `needs` to `gathered`: from the cache, and the missing ones in one pass over the images.

        Raises:
            FidelityError: extractor weights are unavailable, or the cache can't be written.
        """
        missing = needs - self._prepared
        if self._cache is not None:
            missing = frozenset(need for need in missing if not self._read(need))
        if missing:
            images = self.images
            batches = counted(images.batches(self._batch_size), REAL, len(images), self._on_progress)
            made = gather(batches, missing, self._extractor)
            self.gathered = replace(self.gathered, **{need: getattr(made, need) for need in missing})
            self._write(missing)
        self._prepared |= needs

    def cached_files(self) -> list[Path]:
        """Where the cache keeps statistics and features; none without a cache."""
        return [] if self._cache is None else [self._path(STATISTICS), self._path(FEATURES)]

    def _read(self, need: Need) -> bool:
        """Read `need` from the cache; return whether it was there."""
        found: Any = None
        if need == "statistics":
            found = read_statistics(self._path(STATISTICS), len(self.images))
        elif need == "features":
            found = read_features(self._path(FEATURES), len(self.images))
        if found is not None:
            self.gathered = replace(self.gathered, **{need: found})
        return found is not None

    def _write(self, needs: frozenset[Need]) -> None:
        if self._cache is None:
            return
        if "statistics" in needs:
            write_statistics(self._path(STATISTICS), self.gathered.statistics, len(self.images))
        if "features" in needs:
            write_features(self._path(FEATURES), self.gathered.features)

    def _path(self, suffix: str) -> Path:
        assert self._cache is not None
        extractor = self._extractor()
        return self._cache / f"{self.images.digest}-{Path(extractor.name).name}-{extractor.digest}.{suffix}"
