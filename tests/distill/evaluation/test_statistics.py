"""Statistics that are taken batch by batch are those of everything at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distill._torch_fidelity import fid_features_to_statistics, fid_statistics_to_metric
from distill.evaluation.statistics import RunningStatistics, Statistics


def running(features: torch.Tensor, sizes: list[int]) -> Statistics:
    statistics = RunningStatistics()
    for batch in features.split(sizes):
        statistics.add(batch)
    assert statistics.count == len(features)
    return statistics.result()


@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    dimensions=st.integers(1, 20),
    centre=st.sampled_from([0.0, 1.0, -30.0, 1000.0]),
    seed=st.integers(0, 99),
)
def test_batches_of_any_sizes_give_torch_fidelitys_statistics(
    sizes: list[int], dimensions: int, centre: float, seed: int
) -> None:
    rng = torch.Generator().manual_seed(seed)
    features = centre + torch.randn(sum(sizes), dimensions, generator=rng, dtype=torch.float64)
    found, expected = running(features, sizes), fid_features_to_statistics(features)
    assert found["mu"] == pytest.approx(expected["mu"], rel=1e-12, abs=1e-12)
    assert found["sigma"].reshape(-1) == pytest.approx(expected["sigma"].reshape(-1), rel=1e-9, abs=1e-11)


def test_an_fid_does_not_depend_on_the_batches() -> None:
    rng = torch.Generator().manual_seed(0)
    real, fake = (torch.rand(900, 64, generator=rng, dtype=torch.float64) * scale for scale in (1, 1.3))
    (at_once,) = fid_statistics_to_metric(*map(fid_features_to_statistics, (real, fake)), False).values()
    (batched,) = fid_statistics_to_metric(running(real, [900]), running(fake, [50] * 18), False).values()
    assert batched == pytest.approx(at_once, abs=1e-9)
    assert np.allclose(running(real, [50] * 18)["sigma"], running(real, [450, 450])["sigma"], atol=1e-14)
