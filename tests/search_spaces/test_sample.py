"""`Generator.sample`: images as they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from search_spaces import ArchitectureError, Generator, load_checkpoint

REFERENCE = Path(__file__).parents[1] / "data" / "reference"


FILES = ["rosinality_16_training.pt", "nvidia_32_conditional.pkl", "biggan_32_G_ema.pth"]


@pytest.fixture(scope="module", params=FILES)
def generator(request: pytest.FixtureRequest) -> Generator:
    return load_checkpoint(REFERENCE / request.param).generator


def test_equal_arguments_give_equal_images_and_leave_the_callers_random_numbers(generator: Generator) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    images = generator.sample(3, seed=7)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(generator.sample(3, seed=7), images)
    assert not torch.equal(generator.sample(3, seed=8), images)


@torch.no_grad()
def test_values_outside_the_range_are_clamped(generator: Generator) -> None:
    options = {"noise": "none"} if "noise" in generator.sampling_options else {}
    images = generator.sample(70, seed=0, **options)
    raw = generator(*generator.example_inputs(70, seed=0), **options)
    assert images.dtype == torch.uint8
    assert images.shape == (70, *generator.image_shape)
    shown = ((raw.clamp(-1, 1) + 1) * 127.5).round()
    assert (images.float() - shown).abs().max() <= 1  # other sizes of a batch differ in their last digit


@pytest.mark.parametrize("count", [-1, 0])
def test_a_count_below_one_is_refused(generator: Generator, count: int) -> None:
    with pytest.raises(ArchitectureError, match=f"count {count}: give a number of at least 1"):
        generator.sample(count)


def test_an_option_that_the_generator_lacks_is_refused(generator: Generator) -> None:
    with pytest.raises(
        ArchitectureError, match=r"petals 5: this generator has no such option .* leave petals out"
    ):
        generator.sample(2, petals=5)
