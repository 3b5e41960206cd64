"""Nearest real images: what a student has learned by heart stands beside its original."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distill.data import load_images
from distill.evaluation import Fidelity
from distill.evaluation import nearest as module
from distill.evaluation.nearest import nearest
from distill.tasks import EvalSet


@given(st.integers(1, 5), st.integers(3, 40), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_neighbours_are_those_of_all_distances_whatever_is_in_memory(
    count: int, among: int, wanted: int, seed: int
) -> None:
    rng = torch.Generator().manual_seed(seed)
    features, real = torch.randn(count, 4, generator=rng), torch.randn(among, 4, generator=rng)
    distances = (features[:, None] - real[None]).square().sum(-1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "AT_A_TIME", 7)
        found = nearest(features, real, wanted)
    assert torch.equal(found, distances.argsort(dim=1)[:, :wanted])


def test_a_copy_of_a_training_image_is_nearest_to_its_original() -> None:
    training, held_out = load_images("digits", 16, 1).split(0.5)
    judge = Fidelity((EvalSet("digits", held_out, lambda *_: iter(())),), "digits")
    copied = torch.tensor([5, 700, 41])
    assert judge.nearest(training.pixels(copied), training, 3)[:, 0].tolist() == copied.tolist()
