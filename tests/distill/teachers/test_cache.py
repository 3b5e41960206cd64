"""The teacher cache is made once, whole, and says what the teacher says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from distill.data import to_uint8
from distill.errors import TeacherCacheError
from distill.tasks import Batch
from distill.tasks.noise import DrawnInputs
from distill.teachers import cache
from distill.teachers.cache import PAIRS, SPARE, TeacherCache, teacher_cache_bytes
from search_spaces import Generator, Inputs, InputSpec, load_checkpoint
from tests.distill.scratch import abandoned


class Watched(Generator):
    """A generator of two inputs and noise that counts its images, and may fail or do something meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3, 1, 4, 4))
        self.input_specs = (InputSpec("latent", (3,), "normal"), InputSpec("latent", (1,), "uniform"))
        self.made = 0
        self.fail_after = 10**9
        self.meanwhile = lambda: None

    def forward(self, z: Tensor, brightness: Tensor) -> Tensor:
        if self.made >= self.fail_after:
            raise KeyboardInterrupt
        self.made += len(z)
        self.meanwhile()
        images = torch.einsum("nk,kchw->nchw", z, self.weight) + brightness[:, :, None, None]
        return images + 0.1 * torch.randn_like(images)


def make_teacher_cache(
    teacher: Generator, digest: str, folder: Path, *, size: int, seed: int = 0, **options: Any
) -> TeacherCache:
    inputs = DrawnInputs(teacher.input_specs, size, seed)
    return cache.make_teacher_cache(teacher, digest, inputs, folder, **options)


def parts(batch: Batch) -> tuple[Inputs, Tensor]:
    assert batch.teacher is not None
    return batch.inputs, batch.teacher


def same(one: TeacherCache, other: TeacherCache) -> bool:
    inputs = all(np.array_equal(a, b) for a, b in zip(one.arrays, other.arrays, strict=True))
    return inputs and np.array_equal(one.images, other.images)


def test_progress_is_reported_while_it_is_made_and_not_when_it_is_there(tmp_path: Path) -> None:
    reports: list[tuple[str, int, int]] = []
    for _ in range(2):
        make_teacher_cache(
            Watched(), "digest", tmp_path, size=10, batch_size=4, on_progress=lambda *t: reports.append(t)
        )
    assert reports == [(PAIRS.work, 4, 10), (PAIRS.work, 8, 10), (PAIRS.work, 10, 10)]


def test_images_are_the_teachers_for_their_inputs(teacher_file: Path, tmp_path: Path) -> None:
    teacher = load_checkpoint(teacher_file).generator  # its noise has no strength
    cache = make_teacher_cache(teacher, "digest", tmp_path, size=10, batch_size=4)
    assert len(cache) == 10
    assert cache.images.dtype == np.uint8
    assert cache.images.shape == (10, 1, 16, 16)
    chosen = torch.tensor([7, 0, 7, 9])
    inputs, images = parts(cache.batch(chosen))
    with torch.no_grad():
        rendered = teacher(*inputs)
    assert images.dtype == torch.float32
    assert torch.equal(to_uint8(images), to_uint8(rendered))
    assert (images - rendered.clamp(-1, 1)).abs().max() <= 0.5 / 127.5 + 1e-6
    assert torch.equal(inputs[0], torch.from_numpy(cache.arrays[0][chosen.numpy()]))


def test_every_input_of_the_family_is_kept(tmp_path: Path) -> None:
    cache = make_teacher_cache(Watched(), "digest", tmp_path, size=6)
    inputs, images = parts(cache.batch(torch.arange(6)))
    assert [tuple(tensor.shape) for tensor in inputs] == [(6, 3), (6, 1)]
    assert images.shape == (6, 1, 4, 4)


def test_draws_follow_from_the_generator(tmp_path: Path) -> None:
    cache = make_teacher_cache(Watched(), "digest", tmp_path, size=20)
    one, other, different = (parts(cache.draw(8, torch.Generator().manual_seed(seed))) for seed in (3, 3, 4))
    assert torch.equal(one[1], other[1])
    assert all(torch.equal(a, b) for a, b in zip(one[0], other[0], strict=True))
    assert not torch.equal(one[1], different[1])


def test_what_a_batch_is_changed_to_does_not_reach_the_teacher_cache(tmp_path: Path) -> None:
    cache = make_teacher_cache(Watched(), "digest", tmp_path, size=4)
    inputs, images = parts(cache.batch(torch.arange(4)))
    before = cache.images.copy()
    inputs[0].zero_()
    images.zero_()
    assert np.array_equal(cache.images, before)
    assert cache.arrays[0].any()


def test_a_teacher_cache_is_made_once(tmp_path: Path) -> None:
    teacher = Watched()
    first = make_teacher_cache(teacher, "digest", tmp_path, size=10)
    again = make_teacher_cache(teacher, "digest", tmp_path, size=10)
    assert teacher.made == 10
    assert same(first, again)


@pytest.mark.parametrize(
    ("digest", "size", "seed"), [("another", 10, 0), ("digest", 11, 0), ("digest", 10, 1)]
)
def test_another_teacher_size_or_seed_has_another_teacher_cache(
    digest: str, size: int, seed: int, tmp_path: Path
) -> None:
    first = make_teacher_cache(Watched(), "digest", tmp_path, size=10)
    other = make_teacher_cache(Watched(), digest, tmp_path, size=size, seed=seed)
    assert (len(first), len(other)) == (10, size)
    assert not np.array_equal(first.images, other.images)


def test_the_same_seed_makes_the_same_teacher_cache_and_leaves_randomness_alone(tmp_path: Path) -> None:
    teacher = Watched()
    state = torch.get_rng_state()
    first = make_teacher_cache(teacher, "digest", tmp_path / "one", size=10)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(5)
    assert same(first, make_teacher_cache(teacher, "digest", tmp_path / "two", size=10))


def test_an_interrupted_teacher_cache_leaves_nothing_and_is_made_whole_the_next_time(tmp_path: Path) -> None:
    teacher = Watched()
    teacher.fail_after = 8
    with pytest.raises(KeyboardInterrupt):
        make_teacher_cache(teacher, "digest", tmp_path, size=10, batch_size=4)
    assert list(tmp_path.iterdir()) == []
    teacher.fail_after = 10**9
    whole = make_teacher_cache(teacher, "digest", tmp_path, size=10, batch_size=4)
    assert same(whole, make_teacher_cache(teacher, "digest", tmp_path / "fresh", size=10, batch_size=4))


def test_a_killed_process_leaves_nothing_that_passes_for_a_teacher_cache(tmp_path: Path) -> None:
    """A cache is in its place only once it is whole, never before its last image."""
    teacher, complete = Watched(), []
    teacher.meanwhile = lambda: complete.extend(p for p in tmp_path.glob("[!.]*") if p.is_dir())
    make_teacher_cache(teacher, "digest", tmp_path, size=10, batch_size=4)
    assert complete == []


def test_leftovers_of_a_killed_process_are_removed_beside_a_complete_cache(
    tmp_path: Path,
) -> None:
    for _ in range(2):
        left = abandoned(tmp_path)
        make_teacher_cache(Watched(), "digest", tmp_path, size=4)
        assert not left.exists()


def test_two_processes_that_make_the_same_teacher_cache_do_not_disturb_each_other(tmp_path: Path) -> None:
    teacher, other = Watched(), Watched()
    other.load_state_dict(teacher.state_dict())

    def finish_first() -> None:
        if teacher.made > 4:  # half-way
            make_teacher_cache(other, "digest", tmp_path, size=10, batch_size=4)

    teacher.meanwhile = finish_first
    cache = make_teacher_cache(teacher, "digest", tmp_path, size=10, batch_size=4)
    assert len(list(tmp_path.iterdir())) == 1
    assert same(cache, make_teacher_cache(Watched(), "digest", tmp_path, size=10, batch_size=4))


def test_the_teacher_renders_in_evaluation_mode_without_gradients(tmp_path: Path) -> None:
    teacher = Watched().train()
    seen: list[tuple[bool, bool]] = []
    teacher.meanwhile = lambda: seen.append((teacher.training, torch.is_grad_enabled()))
    make_teacher_cache(teacher, "digest", tmp_path, size=3)
    assert set(seen) == {(False, False)}


def test_a_teacher_cache_that_the_disk_has_no_room_for_is_refused_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=SPARE)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    with pytest.raises(
        TeacherCacheError, match=r"cache of 10 images takes .* give a smaller --teacher-cache-size"
    ):
        make_teacher_cache(Watched(), "digest", tmp_path, size=10)
    assert list(tmp_path.iterdir()) == []


def test_one_row_of_inputs_shows_how_large_the_files_of_a_cache_are(tmp_path: Path) -> None:
    made = make_teacher_cache(Watched(), "digest", tmp_path, size=10)
    one = DrawnInputs(Watched().input_specs, 1, seed=0).arrays()
    stored = made.images.nbytes + sum(array.nbytes for array in made.arrays)
    assert teacher_cache_bytes(10, (1, 4, 4), one) == stored
    assert teacher_cache_bytes(10, (1, 4, 4), made.arrays) == stored
