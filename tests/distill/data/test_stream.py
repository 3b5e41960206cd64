"""Bytes become floats and batches; a stream can be resumed exactly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distill.data import ImageStream, load_images, to_float, to_uint8
from distill.errors import DataError

# --- floats and bytes


def test_floats_and_bytes_are_inverse() -> None:
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert to_float(every).dtype == torch.float32
    assert (to_float(every).amin(), to_float(every).amax()) == (-1, 1)
    assert torch.equal(to_uint8(to_float(every)), every)


def test_floats_out_of_range_are_clamped() -> None:
    assert to_uint8(torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0])).tolist() == [0, 0, 128, 255, 255]


# --- batches

NUMBERED = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 1, 2, 2).contiguous()


def numbers(batch: torch.Tensor) -> list[int]:
    return to_uint8(batch)[:, 0, 0, 0].tolist()


def test_every_epoch_has_every_image_once_in_another_order() -> None:
    stream = ImageStream(NUMBERED, 4, seed=0)
    drawn = [number for _ in range(15) for number in numbers(next(stream))]
    epochs = [drawn[start : start + 10] for start in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 6


def test_only_the_chosen_rows_are_drawn_with_their_labels() -> None:
    rows = torch.tensor([1, 4, 9])
    stream = ImageStream(NUMBERED, 6, seed=0, labels=10 * rows, rows=rows)
    images, labels = stream.next_batch()
    assert sorted(numbers(images)) == [1, 1, 4, 4, 9, 9]
    assert labels is not None
    assert labels.tolist() == [10 * number for number in numbers(images)]


def test_a_batch_may_be_larger_than_the_data() -> None:
    assert sorted(numbers(next(ImageStream(NUMBERED, 30, seed=0)))) == sorted([*range(10)] * 3)


def test_batches_are_floats_and_depend_on_the_seed_only() -> None:
    first, again, other = (next(ImageStream(NUMBERED, 8, seed=seed)) for seed in (0, 0, 1))
    assert first.dtype == torch.float32
    assert first.shape == (8, 1, 2, 2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_stream_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    next(ImageStream(NUMBERED, 8, seed=0, mirror=True))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 7])
def test_a_restored_stream_resumes_exactly_where_it_was(steps: int) -> None:
    digits = load_images(None, 16, 1).images[:10]
    stream = ImageStream(digits, 4, seed=3, mirror=True)
    for _ in range(steps):
        next(stream)
    restored = ImageStream(digits, 4, seed=0, mirror=True)
    next(restored)
    restored.load_state_dict(stream.state_dict())
    for _ in range(6):
        assert torch.equal(next(restored), next(stream))


def test_mirror_flips_about_half_of_the_images() -> None:
    sided = torch.tensor([0, 255], dtype=torch.uint8).expand(1000, 1, 1, 2).contiguous()
    flipped = next(ImageStream(sided, 1000, seed=0, mirror=True))[:, 0, 0, 0] > 0
    assert 400 < int(flipped.sum()) < 600
    assert not (next(ImageStream(sided, 1000, seed=0))[:, 0, 0, 0] > 0).any()


def test_a_crop_is_a_part_of_the_enlarged_image_at_a_random_place() -> None:
    side = 64
    ramp = torch.arange(side, dtype=torch.uint8) * 3
    images = torch.stack([ramp.expand(side, side), ramp[:, None].expand(side, side)])[None].repeat(
        200, 1, 1, 1
    )
    shown = (next(ImageStream(images, 200, seed=0, crop=True)) + 1) * 127.5 / 3
    assert shown.shape == images.shape
    middle = shown[..., 8:-8, 8:-8]
    steps = middle[:, 0, 0].diff(dim=-1)
    assert torch.allclose(steps, torch.full_like(steps, 64 / 72), atol=0.06), "enlarged by 286/256"
    lefts, tops = middle[:, 0, 0, 0], middle[:, 1, 0, 0]
    for corners in (lefts, tops):
        places = ((corners - corners.min()) * 72 / 64).round().long()
        assert set(places.tolist()) == set(range(9)), "every place, the first and the last"
    assert abs(float(torch.corrcoef(torch.stack([lefts, tops]))[0, 1])) < 0.2


def test_crops_and_flips_are_the_same_for_streams_of_one_seed() -> None:
    digits = load_images(None, 16, 1).images[:10]
    one, other = (ImageStream(x, 4, seed=3, mirror=True, crop=True) for x in (digits, 255 - digits))
    plain = ImageStream(digits, 4, seed=3, mirror=True)
    changed = 0
    for _ in range(6):
        shown = next(one)
        assert torch.allclose(shown, -next(other), atol=1e-5)
        changed += int(not torch.equal(shown, next(plain)))
    assert changed == 6
    restored = ImageStream(digits, 4, seed=0, mirror=True, crop=True)
    restored.load_state_dict(one.state_dict())
    assert torch.equal(next(restored), next(one))


def test_a_stream_is_not_resumed_on_other_data() -> None:
    state = ImageStream(NUMBERED, 4, seed=0).state_dict()
    with pytest.raises(DataError, match="had 10 images and the data now has 9"):
        ImageStream(NUMBERED[:9], 4, seed=0).load_state_dict(state)


def plainly(images: torch.Tensor, batch_size: int, seed: int) -> Iterator[torch.Tensor]:
    """Mirrored batches the slow, obvious way: floats first, then one image after another."""
    stream = ImageStream(images, batch_size, seed, mirror=True)
    while True:
        indices, flips, _ = stream._draw()
        floats = images[indices].to(torch.float32) / 127.5 - 1.0
        yield torch.stack([x.flip(-1) if flip else x for x, flip in zip(floats, flips, strict=True)])


def test_fast_batches_are_the_plain_ones_to_the_bit() -> None:
    digits = load_images(None, 16, 3).images[:50]
    stream, plain = ImageStream(digits, 16, seed=5, mirror=True), plainly(digits, 16, 5)
    for _ in range(8):
        assert torch.equal(next(stream), next(plain))


@given(batch_size=st.integers(1, 25), seed=st.integers(0, 2**31), mirror=st.booleans())
def test_labels_stay_with_their_images(batch_size: int, seed: int, mirror: bool) -> None:
    stream = ImageStream(NUMBERED, batch_size, seed, mirror=mirror, labels=torch.arange(10) * 7)
    for _ in range(4):
        images, labels = stream.next_batch()
        assert labels is not None
        assert labels.tolist() == [7 * number for number in numbers(images)]


def test_labels_change_nothing_about_the_images() -> None:
    labelled = ImageStream(NUMBERED, 4, seed=0, labels=torch.zeros(10, dtype=torch.long))
    plain = ImageStream(NUMBERED, 4, seed=0)
    assert plain.next_batch()[1] is None
    labelled.next_batch()
    assert torch.equal(next(labelled), next(plain))
    assert labelled.state_dict() == plain.state_dict()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_batches_on_a_gpu_are_the_ones_on_the_cpu() -> None:
    digits = load_images(None, 16, 3)
    here, there = (
        ImageStream(digits.images, 64, seed=1, mirror=True, labels=digits.labels, device=device)
        for device in ("cpu", "cuda")
    )
    for _ in range(40):
        (images, labels), (gpu_images, gpu_labels) = here.next_batch(), there.next_batch()
        assert gpu_images.is_cuda
        assert torch.allclose(gpu_images.cpu(), images, atol=1e-6)
        assert gpu_labels is not None
        assert torch.equal(gpu_labels.cpu(), labels)
