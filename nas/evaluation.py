"""Measures one checkpoint file the way a search measures its candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from distill.data import DIGITS, load_images
from distill.fidelity import Fidelity
from nas.config import DIGITS_DEFAULTS, REAL_DEFAULTS
from nas.cost import COUNTER, measure
from nas.errors import ConfigError
from search_spaces import load_checkpoint


def evaluate(
    checkpoint: Path,
    *,
    data: str | None = None,
    fid_samples: int | None = None,
    extractor: str | None = None,
    extractor_weights: Path | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """FID and costs of a generator; what is not given is as noted in the file: the study's FID comes out.

    Raises:
        UserError: the checkpoint, the data or the extractor can't be used.
    """
    loaded = load_checkpoint(checkpoint)
    noted = loaded.metadata
    measured_on = data or noted.get("data")
    if measured_on is None:
        raise ConfigError(f"{checkpoint} does not note what images it belongs to: give them by --data")
    defaults = DIGITS_DEFAULTS if measured_on == DIGITS else REAL_DEFAULTS
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        channels, height, _ = loaded.generator(*loaded.generator.sample_inputs(1, rng))[0].shape
    images = load_images(measured_on, height, channels)
    if data is None and noted.get("data_digest", images.digest) != images.digest:
        raise ConfigError(f"{measured_on} has changed since {checkpoint} was measured on it: give --data")
    fidelity = Fidelity(
        images, extractor or noted.get("fid_extractor", defaults["extractor"]), weights=extractor_weights
    )
    samples = fid_samples or int(noted.get("fid_samples", defaults["fid_samples"]))
    score = fidelity.fid(loaded.generator, samples, int(noted.get("fid_seed", 0)) if seed is None else seed)
    cost = measure(loaded.generator)
    return {
        "checkpoint": str(checkpoint),
        "data": images.name,
        "fid": score.value,
        "fid_samples": score.samples,
        "fid_extractor": score.extractor,
        "fid_seed": score.seed,
        "macs": cost.macs,
        "params": cost.params,
        "counter": COUNTER,
        "architecture": loaded.generator.architecture.to_json(),
    }
