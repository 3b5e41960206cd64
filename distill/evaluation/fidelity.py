"""Measure generators against real images; extractor and real statistics are loaded once."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import tee
from pathlib import Path
from statistics import fmean
from typing import Self

import torch
from torch import Tensor

from distill.data import ImageSet
from distill.errors import FidelityError
from distill.evaluation.extractors import Extractor, load_extractor
from distill.evaluation.gathering import OF_THE_EXTRACTOR, Gathered, Need, gather, in_batches
from distill.evaluation.generation import generate
from distill.evaluation.metrics import METRICS, check_names, check_samples
from distill.evaluation.nearest import nearest
from distill.evaluation.reference import Reference
from distill.evaluation.scores import FidScore, Score
from distill.evaluation.translations import Measure, Noted, Resources
from distill.progress import OnProgress, counted
from distill.tasks import EvalSet
from search_spaces import Generator

GENERATED = "Looking at generated images"

__all__ = ["FidScore", "Fidelity", "Score"]


class Fidelity:
    """Measures generators against the evaluation sets of a task; a metric is the mean over the sets."""

    def __init__(
        self,
        sets: Sequence[EvalSet],
        extractor: str,
        *,
        weights: Path | None = None,  # of the extractor, instead of its default ones
        cache: Path | None = None,  # folder that keeps the real images' statistics and features
        device: torch.device | str = "cpu",  # the extractor's; generators must be there too
        batch_size: int = 50,  # images; it decides which noise is drawn, see `generate`
        metrics: Sequence[str] = ("fid",),  # prepared at once; other metrics on first use
        on_progress: OnProgress | None = None,  # receives the number of images measured
    ) -> None:
        """Load the extractor; read or compute the statistics of the real images that `metrics` need.

        Raises:
            FidelityError: the extractor is unknown, its weights are unavailable, or `cache` can't be written.
        """
        self.device = torch.device(device)
        self.batch_size = batch_size
        self._on_progress = on_progress
        self._name, self._weights, self._cache = extractor, weights, cache
        self._resources = Resources(self.device, cache, on_progress)
        self._compare_with(sets)
        check_names(metrics)
        self.prepare(metrics)

    def prepare(self, metrics: Sequence[str]) -> None:
        """Compute, or read from the cache, the statistics of the real images that `metrics` need.

        Raises:
            FidelityError: extractor weights are unavailable, or the cache can't be written.
        """
        for reference in self._references:
            reference.prepare(_union(METRICS[name].of_real for name in metrics))

    def cached_files(self) -> list[Path]:
        """Where the cache keeps statistics and features of the real images, prepared or not."""
        return [path for reference in self._references for path in reference.cached_files()]

    def against(self, sets: Sequence[EvalSet]) -> Self:
        """The same judge for other evaluation sets; the extractor is loaded once, when it is needed."""
        other = copy.copy(self)
        other._compare_with(sets)
        return other

    def nearest(self, images: Tensor, among: ImageSet, count: int) -> Tensor:
        """For each of `images`, the `count` images of `among` that are nearest in the extractor's features.

        Args:
            images: (N, C, R, R), uint8.
            among: real images; their features are kept in the cache.
            count: at most the number of real images.

        Returns:
            Indices (N, count) of `among`, the nearest first.

        Raises:
            FidelityError: the cache can't be written.
            NonFiniteImagesError: features are NaN or infinite.
        """
        reference, needs = self._reference(among), frozenset[Need](("features",))
        reference.prepare(needs)
        made = gather(in_batches(images, self.batch_size), needs, lambda: self.extractor)
        return nearest(made.features, reference.gathered.features, count)

    def _compare_with(self, sets: Sequence[EvalSet]) -> None:
        self._sets = tuple(sets)
        self._references = [self._reference(one.reference) for one in self._sets]

    def _reference(self, images: ImageSet) -> Reference:
        return Reference(
            images,
            lambda: self.extractor,
            cache=self._cache,
            batch_size=self.batch_size,
            on_progress=self._on_progress,
        )

    @cached_property
    def extractor(self) -> Extractor:
        """The extractor, loaded once for this judge and those made by `against`."""
        return self._resources.once(
            "extractor", lambda: load_extractor(self._name, self._weights, self.device)
        )

    def fid(self, generator: Generator, samples: int, seed: int) -> FidScore:
        """FID of `samples` images of `generator`; the same seed gives the same images, hence the same score.

        Raises:
            FidelityError: fewer than 2 samples.
            NonFiniteImagesError: the generator made NaN or infinity.
        """
        return _fid_score(self.measure(generator, ["fid"], samples, seed)["fid"])

    def fid_of_images(self, images: Tensor, seed: int = 0) -> FidScore:
        """FID of images `(N, C, R, R)`, uint8; `seed` is only noted in the score.

        Raises:
            FidelityError: as `measure_images`.
        """
        return _fid_score(self.measure_images(images, ["fid"], seed)["fid"])

    def measure(
        self, generator: Generator, metrics: Sequence[str], samples: int, seed: int
    ) -> dict[str, Score]:
        """`metrics` by name, all over the same `samples` images of `generator`, in one pass.

        Raises:
            FidelityError: a metric is unknown, needs another extractor, or needs more images.
            NonFiniteImagesError: the generator made NaN or infinity.
        """
        self._check(metrics, samples)
        measures = [self._measures(one, metrics) for one in self._sets]
        self.prepare(metrics)
        found = []
        for one, reference, own in zip(self._sets, self._references, measures, strict=True):
            inputs, shown = tee(one.inputs(samples, seed, self.batch_size))
            batches = generate(generator, inputs, samples, seed, device=self.device)
            noted = Noted(own)
            fake = self._gather(noted.passing(batches, shown), metrics, samples)
            found.append(self._scores(replace(fake, beside=noted.values), reference, metrics, seed))
        names = [one.name for one in self._sets]
        return {name: _mean(names, [scores[name] for scores in found]) for name in metrics}

    def _measures(self, one: EvalSet, metrics: Sequence[str]) -> list[Measure]:
        """Those of `metrics` that look at images beside their inputs.

        Raises:
            FidelityError: the set lacks what one of them looks at.
        """
        wanted = (METRICS[name].measure for name in metrics)
        return [measure(one, self._resources) for measure in wanted if measure is not None]

    def measure_images(self, images: Tensor, metrics: Sequence[str], seed: int = 0) -> dict[str, Score]:
        """`metrics` of images `(N, C, R, R)`, uint8, against the only set; `seed` draws subsets.

        Raises:
            FidelityError: there are several sets, or as `measure`.
        """
        if len(self._sets) != 1:
            names = ", ".join(one.name for one in self._sets)
            raise FidelityError(
                f"images are compared with one evaluation set, not with {len(self._sets)} ({names}): "
                "measure the generator, or make a Fidelity of one set"
            )
        self._check(metrics, len(images))
        for name in metrics:
            if METRICS[name].measure is not None:
                raise FidelityError(
                    f"there is no {METRICS[name].title} of images without their inputs: measure the generator"
                )
        self.prepare(metrics)
        fake = self._gather(in_batches(images, self.batch_size), metrics, len(images))
        return self._scores(fake, self._references[0], metrics, seed)

    def _gather(self, batches: Iterable[Tensor], metrics: Sequence[str], samples: int) -> Gathered:
        batches = counted(batches, GENERATED, samples, self._on_progress)
        return gather(batches, _union(METRICS[name].needs for name in metrics), lambda: self.extractor)

    def _scores(
        self, fake: Gathered, reference: Reference, metrics: Sequence[str], seed: int
    ) -> dict[str, Score]:
        return {name: self._score(name, fake, reference.gathered, seed) for name in metrics}

    def _check(self, metrics: Sequence[str], samples: int) -> None:
        """Raise FidelityError for what can't be measured, before anything is computed."""
        check_names(metrics)
        for name in metrics:
            check_samples(name, samples)
            if METRICS[name].of_real:
                for reference in self._references:
                    check_samples(name, len(reference.images), "real ")
            if "logits" in METRICS[name].needs and not self.extractor.has_logits:
                raise FidelityError(
                    f"{METRICS[name].title} needs class logits, which {self.extractor.name} does not have: "
                    "take --extractor imagenet-lite0, inception, digits or cifar-resnet, or leave "
                    f"{name} out of --metrics"
                )

    def _score(self, name: str, fake: Gathered, real: Gathered, seed: int) -> Score:
        metric = METRICS[name]
        values, settings = metric.compute(fake, real, seed)
        extractor = self.extractor if metric.needs & OF_THE_EXTRACTOR else None
        return Score(
            values,
            fake.images,
            real.images if metric.of_real else None,
            extractor.name if extractor else metric.network or None,
            extractor.digest if extractor else None,
            seed,
            settings,
        )


def _mean(names: Sequence[str], scores: Sequence[Score]) -> Score:
    """One score for the sets `names`: the mean of values, the generated images of one, all real images.

    `samples` is the largest count of the sets: a set with fewer inputs uses all of them, so measuring again
    with this number gives the same score.
    """
    first, *others = scores
    if not others:
        return first
    values: Mapping[str, float] = {
        name: fmean(score.values[name] for score in scores) for name in first.values
    }
    real = None if first.real is None else sum(score.real or 0 for score in scores)
    sets = {name: score.values for name, score in zip(names, scores, strict=True)}
    samples = max(score.samples for score in scores)
    return replace(first, values=values, samples=samples, real=real, sets=sets)


def _union(needs: Iterable[frozenset[Need]]) -> frozenset[Need]:
    return frozenset(need for some in needs for need in some)


def _fid_score(score: Score) -> FidScore:
    assert score.real is not None
    assert score.extractor is not None
    assert score.digest is not None
    return FidScore(score.values["fid"], score.samples, score.real, score.extractor, score.digest, score.seed)
