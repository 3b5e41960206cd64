"""FID of a generator against real images: statistics of the real ones made once, the extractor kept warm."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from distill._torch_fidelity import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
from distill.data import ImageSet, to_uint8
from distill.errors import FidelityError, NonFiniteImagesError
from distill.extractors import load_extractor
from distill.seeds import derive_seed
from search_spaces.base import Generator

Statistics = dict[str, np.ndarray]
"""`mu` `(D,)` and `sigma` `(D, D)`, float64."""


@dataclass(frozen=True)
class FidScore:
    """An FID and all that it depends on besides the generator and the real images."""

    value: float
    samples: int  # generated images
    extractor: str
    seed: int


class Fidelity:
    """Measures generators against one set of real images."""

    def __init__(
        self,
        data: ImageSet,
        extractor: str,
        *,
        weights: Path | None = None,  # of the extractor, instead of its usual ones
        cache: Path | None = None,  # folder that keeps the real images' statistics
        device: torch.device | str = "cpu",  # the extractor's; generators must be there too
        batch_size: int = 50,  # images; another one may change the last bits of a score
    ) -> None:
        """Load the extractor, and the real images' statistics from `cache` or by computing them.

        Raises:
            FidelityError: no such extractor, weights that can't be had, or a `cache` that can't be written.
        """
        self.device = torch.device(device)
        self.batch_size = batch_size
        self.extractor = load_extractor(extractor, weights, self.device)
        self._real = self._real_statistics(data, cache)

    def fid(self, generator: Generator, samples: int, seed: int) -> FidScore:
        """FID of `samples` images of `generator`; the same seed gives the same images, hence the same score.

        The generator runs in eval mode, and its train or eval mode and the global random state are as before
        afterwards. The first images are the same whatever the number of samples.

        Raises:
            FidelityError: fewer than 2 samples.
            NonFiniteImagesError: the generator made NaN or infinity.
        """
        _check_samples(samples)
        batches = [self.extractor.features(images) for images in self._generate(generator, samples, seed)]
        return self._score(torch.cat(batches), seed)

    def fid_of_images(self, images: Tensor, seed: int = 0) -> FidScore:
        """FID of given images `(N, C, R, R)`, uint8; `seed` is only noted in the score."""
        _check_samples(len(images))
        return self._score(self._features(images), seed)

    def _generate(self, generator: Generator, samples: int, seed: int) -> Iterator[Tensor]:
        """`samples` images as uint8 batches."""
        rng = torch.Generator().manual_seed(seed)
        noise_seed = derive_seed(seed, "noise")
        with torch.no_grad(), _eval_mode(generator), _seeded(noise_seed, self.device):
            for start in range(0, samples, self.batch_size):
                # always a whole batch: kernels, and so the last bits, may differ for another size
                inputs = generator.sample_inputs(self.batch_size, rng)
                images = generator(*(tensor.to(self.device) for tensor in inputs))[: samples - start]
                if not torch.isfinite(images).all():
                    raise NonFiniteImagesError(
                        f"the generator made NaN or infinity among images {start} and on"
                    )
                yield to_uint8(images)

    def _features(self, images: Tensor) -> Tensor:
        starts = range(0, len(images), self.batch_size)
        return torch.cat([self.extractor.features(images[i : i + self.batch_size]) for i in starts])

    def _score(self, features: Tensor, seed: int) -> FidScore:
        if not torch.isfinite(features).all():
            raise NonFiniteImagesError("the images have features that are NaN or infinite")
        fake = fid_features_to_statistics(features)
        value = float(fid_statistics_to_metric(self._real, fake, verbose=False)[KEY_METRIC_FID])
        # rounding takes the distance of a set to itself a little below zero
        return FidScore(max(value, 0.0), len(features), self.extractor.name, seed)

    def _real_statistics(self, data: ImageSet, cache: Path | None) -> Statistics:
        if cache is None:
            return fid_features_to_statistics(self._features(data.images))  # type: ignore[no-any-return]
        path = cache / f"{data.digest}-{self.extractor.name}-{self.extractor.digest}.npz"
        statistics = _read(path, len(data))
        if statistics is None:
            statistics = fid_features_to_statistics(self._features(data.images))
            _write(path, statistics, len(data))
        return statistics


def _check_samples(samples: int) -> None:
    if samples < 2:
        raise FidelityError(f"an FID of {samples} images does not exist: take at least 2, better thousands")


@contextlib.contextmanager
def _eval_mode(generator: Generator) -> Iterator[None]:
    training = [module for module in generator.modules() if module.training]
    generator.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextlib.contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Global random state from `seed` on the CPU and on `device`, for a generator's noise; undone after."""
    if device.type == "cpu":
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield
        return
    module = torch.get_device_module(device)
    index = module.current_device() if device.index is None else device.index
    with torch.random.fork_rng(devices=[index], device_type=device.type), module.device(index):
        torch.default_generator.manual_seed(seed)
        module.manual_seed(seed)
        yield


def _read(path: Path, images: int) -> Statistics | None:
    """Cached statistics; None when there are none or the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            mu, sigma, count = file["mu"], file["sigma"], int(file["images"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    sound = mu.ndim == 1 and sigma.shape == (len(mu), len(mu)) and count == images
    finite = sound and np.isfinite(mu).all() and np.isfinite(sigma).all()
    return {"mu": mu, "sigma": sigma} if finite else None


def _write(path: Path, statistics: Statistics, images: int) -> None:
    """Whole or not at all, also when several workers write at once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    except OSError as error:
        raise FidelityError(f"{path.parent} can't be written ({error.strerror}): choose another") from error
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, mu=statistics["mu"], sigma=statistics["sigma"], images=images)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
