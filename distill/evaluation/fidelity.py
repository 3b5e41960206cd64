"""Generators measured against one set of real images: the extractor kept warm, the real side made once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from distill.data import ImageSet
from distill.errors import FidelityError
from distill.evaluation.extractors import Extractor, load_extractor
from distill.evaluation.gathering import OF_THE_EXTRACTOR, Gathered, Need, gather
from distill.evaluation.generation import generate
from distill.evaluation.metrics import METRICS, check_names, check_samples
from distill.evaluation.real_cache import read_features, read_statistics, write_features, write_statistics
from distill.evaluation.scores import FidScore, Score
from distill.progress import OnProgress, counted
from search_spaces import Generator

REAL, GENERATED = "Looking at real images", "Looking at generated images"

__all__ = ["FidScore", "Fidelity", "Score"]


class Fidelity:
    """Measures generators against one set of real images."""

    def __init__(
        self,
        data: ImageSet,
        extractor: str,
        *,
        weights: Path | None = None,  # of the extractor, instead of its usual ones
        cache: Path | None = None,  # folder that keeps the real images' statistics and features
        device: torch.device | str = "cpu",  # the extractor's; generators must be there too
        batch_size: int = 50,  # images; another one draws other noise, see `generate`
        metrics: Sequence[str] = ("fid",),  # what is prepared now; others are when they are asked for
        on_progress: OnProgress | None = None,  # hears of images looked at
    ) -> None:
        """Load the extractor, and what `metrics` need of the real images, from `cache` or by computing it.

        Raises:
            FidelityError: no such extractor, weights that can't be had, or a `cache` that can't be written.
        """
        self.device = torch.device(device)
        self.batch_size = batch_size
        self._data, self._cache, self._on_progress = data, cache, on_progress
        self._name, self._weights = extractor, weights
        self._real = Gathered(len(data))
        self._prepared: frozenset[Need] = frozenset()
        check_names(metrics)
        self.prepare(metrics)

    def prepare(self, metrics: Sequence[str]) -> None:
        """Have what `metrics` need of the real images, so that nobody waits for it later.

        Raises:
            FidelityError: weights that can't be had, or a cache that can't be written.
        """
        self._prepare(_union(METRICS[name].of_real for name in metrics))

    @cached_property
    def extractor(self) -> Extractor:
        """The extractor, loaded."""
        return load_extractor(self._name, self._weights, self.device)

    def fid(self, generator: Generator, samples: int, seed: int) -> FidScore:
        """FID of `samples` images of `generator`; the same seed gives the same images, hence the same score.

        Raises:
            FidelityError: fewer than 2 samples.
            NonFiniteImagesError: the generator made NaN or infinity.
        """
        return _fid_score(self.measure(generator, ["fid"], samples, seed)["fid"])

    def fid_of_images(self, images: Tensor, seed: int = 0) -> FidScore:
        """FID of given images `(N, C, R, R)`, uint8; `seed` is only noted in the score."""
        return _fid_score(self.measure_images(images, ["fid"], seed)["fid"])

    def measure(
        self, generator: Generator, metrics: Sequence[str], samples: int, seed: int
    ) -> dict[str, Score]:
        """`metrics` by name, all over the same `samples` images of `generator`, which are looked at once.

        Raises:
            FidelityError: no such metric, one that the extractor can't serve, or too few images for it.
            NonFiniteImagesError: the generator made NaN or infinity.
        """
        batches = generate(generator, samples, seed, batch_size=self.batch_size, device=self.device)
        return self._measure(batches, metrics, samples, seed)

    def measure_images(self, images: Tensor, metrics: Sequence[str], seed: int = 0) -> dict[str, Score]:
        """`metrics` of given images `(N, C, R, R)`, uint8; `seed` draws subsets."""
        return self._measure(self._batches(images), metrics, len(images), seed)

    def _measure(
        self, batches: Iterable[Tensor], metrics: Sequence[str], samples: int, seed: int
    ) -> dict[str, Score]:
        self._check(metrics, samples)
        self.prepare(metrics)
        batches = counted(batches, GENERATED, samples, self._on_progress)
        fake = gather(batches, _union(METRICS[name].needs for name in metrics), lambda: self.extractor)
        return {name: self._score(name, fake, seed) for name in metrics}

    def _check(self, metrics: Sequence[str], samples: int) -> None:
        """Refuse what can't be measured before anything is computed."""
        check_names(metrics)
        for name in metrics:
            check_samples(name, samples)
            if METRICS[name].of_real:
                check_samples(name, len(self._data), "real ")
            if "logits" in METRICS[name].needs and not self.extractor.has_logits:
                raise FidelityError(
                    f"{METRICS[name].title} needs class logits, which {self.extractor.name} does not have: "
                    "take --extractor inception, digits or cifar-resnet, or leave it out"
                )

    def _score(self, name: str, fake: Gathered, seed: int) -> Score:
        metric = METRICS[name]
        values, settings = metric.compute(fake, self._real, seed)
        extractor = self.extractor if metric.needs & OF_THE_EXTRACTOR else None
        return Score(
            values,
            fake.images,
            self._real.images if metric.of_real else None,
            extractor.name if extractor else None,
            extractor.digest if extractor else None,
            seed,
            settings,
        )

    def _prepare(self, needs: frozenset[Need]) -> None:
        """Have `needs` of the real images, all that are missing in one pass over them."""
        missing = needs - self._prepared
        if self._cache is not None:
            missing = frozenset(need for need in missing if not self._read(need))
        if missing:
            images = self._data.images
            batches = counted(self._batches(images), REAL, len(images), self._on_progress)
            made = gather(batches, missing, lambda: self.extractor)
            self._real = replace(self._real, **{need: getattr(made, need) for need in missing})
            self._write(missing)
        self._prepared |= needs

    def _read(self, need: Need) -> bool:
        """Take `need` out of the cache; whether it was there."""
        found: Any = None
        if need == "statistics":
            found = read_statistics(self._path("npz"), len(self._data))
        elif need == "features":
            found = read_features(self._path("features.npy"), len(self._data))
        if found is not None:
            self._real = replace(self._real, **{need: found})
        return found is not None

    def _write(self, needs: frozenset[Need]) -> None:
        if self._cache is None:
            return
        if "statistics" in needs:
            write_statistics(self._path("npz"), self._real.statistics, len(self._data))
        if "features" in needs:
            write_features(self._path("features.npy"), self._real.features)

    def _path(self, suffix: str) -> Path:
        assert self._cache is not None
        name = f"{self._data.digest}-{Path(self.extractor.name).name}-{self.extractor.digest}.{suffix}"
        return self._cache / name

    def _batches(self, images: Tensor) -> Iterator[Tensor]:
        for start in range(0, len(images), self.batch_size):
            yield images[start : start + self.batch_size]


def _union(needs: Iterable[frozenset[Need]]) -> frozenset[Need]:
    return frozenset(need for some in needs for need in some)


def _fid_score(score: Score) -> FidScore:
    assert score.real is not None
    assert score.extractor is not None
    assert score.digest is not None
    return FidScore(score.values["fid"], score.samples, score.real, score.extractor, score.digest, score.seed)
