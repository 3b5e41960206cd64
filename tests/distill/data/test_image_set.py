"""What images say of themselves."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distill.data import LEAST_HELD_OUT, ImageSet, check_held_out
from distill.errors import DataError
from distill.evaluation.metrics import METRICS

NUMBERED = torch.arange(200, dtype=torch.uint8).view(200, 1, 1, 1)


def numbered(count: int) -> ImageSet:
    """Images whose grey level and label are their number."""
    return ImageSet("numbered", NUMBERED[:count], "0" * 16, labels=torch.arange(count))


def levels(part: ImageSet) -> list[int]:
    return [int(image) for batch in part.batches(7) for image in batch.flatten()]


@given(st.integers(1, 200), st.floats(0, 0.99))
def test_every_image_is_in_one_part_with_its_label(count: int, fraction: float) -> None:
    training, held_out = numbered(count).split(fraction)
    assert len(held_out) == round(fraction * count)
    assert sorted(levels(training) + levels(held_out)) == list(range(count))
    for part in (training, held_out):
        assert part.labels is not None
        assert part.labels.tolist() == levels(part)


def test_equal_images_split_alike_and_each_part_has_a_digest_of_its_own() -> None:
    one, other = numbered(200).split(0.5), numbered(200).split(0.5)
    assert [levels(part) for part in one] == [levels(part) for part in other]
    assert [part.digest for part in one] == [part.digest for part in other]
    sets = (*one, *numbered(200).split(0.25), numbered(200))
    assert len({each.digest for each in sets}) == 5


def test_a_part_shares_the_pixels_of_the_whole() -> None:
    training, held_out = numbered(200).split(0.5)
    assert training.images.data_ptr() == held_out.images.data_ptr() == NUMBERED.data_ptr()
    first = torch.tensor([3, 0])
    assert training.pixels(first).flatten().tolist() == [levels(training)[3], levels(training)[0]]


def test_a_part_of_a_sample_knows_how_many_images_the_part_has() -> None:
    sample = ImageSet("sample", NUMBERED[:10], "0" * 16, found=2_001)
    assert [part.count for part in sample.split(0.25)] == [1_501, 500]


def test_held_out_images_that_are_too_few_for_their_metrics_are_refused() -> None:
    assert max(METRICS[name].least for name in ("fid", "kid", "prc")) == LEAST_HELD_OUT
    check_held_out(numbered(200).split(0.02)[1], 0.02)
    says = "--held-out 0.02 of --data numbered is 3 images, .* need at least 4, .*: .* or --held-out 0$"
    with pytest.raises(DataError, match=says):
        check_held_out(numbered(150).split(0.02)[1], 0.02)


def test_images_tell_their_size_and_whether_their_colours_are_made_of_grey() -> None:
    torch.manual_seed(0)
    grey = torch.randint(0, 256, (70, 1, 8, 8), dtype=torch.uint8)
    tinted = grey.repeat(1, 3, 1, 1)
    tinted[3, 2, 0, 0] ^= 1
    said = [ImageSet("x", images, "").format for images in (grey, grey.expand(-1, 3, -1, -1), tinted)]
    assert said == ["8 px, grey", "8 px, RGB made of grey", "8 px, RGB"]
