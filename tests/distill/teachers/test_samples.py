"""Samples of a teacher in place of real images: made once, in two parts that share nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distill.data import TEACHER, to_uint8
from distill.errors import TeacherCacheError, TeacherError
from distill.tasks import DrawnInputs, NoiseTask
from distill.teachers import Teacher, TeacherSamples, load_teacher, look_at
from distill.teachers.cache import SPARE
from distill.teachers.samples import LEAST_SAMPLES, SAMPLES
from search_spaces import Checkpoint, get_family, save_checkpoint
from tests.search_spaces.test_families import TEACHERS

COUNT = 200


@pytest.fixture
def teacher(teacher_file: Path) -> Teacher:
    return load_teacher(teacher_file)


def task_of(samples: TeacherSamples, folder: Path) -> NoiseTask:
    task = samples.task(folder)
    assert isinstance(task, NoiseTask)
    return task


def test_a_fifth_of_the_samples_is_held_out_and_none_of_it_is_trained_on(
    teacher: Teacher, tmp_path: Path
) -> None:
    task = task_of(TeacherSamples(teacher, COUNT), tmp_path)
    assert task.held_out is not None
    assert (len(task.images), len(task.held_out)) == (160, 40)
    trained, held_out = (
        {image.numpy().tobytes() for image in part.images} for part in (task.images, task.held_out)
    )
    assert len(trained) == 160
    assert trained.isdisjoint(held_out)


def test_samples_are_what_the_teacher_makes_of_their_inputs(teacher: Teacher, tmp_path: Path) -> None:
    samples = TeacherSamples(teacher, COUNT)
    task = task_of(samples, tmp_path)
    (z,) = samples.training.arrays()
    with torch.no_grad():
        made = teacher.generator(torch.from_numpy(z[:20]))  # its noise has no strength
    assert torch.equal(task.images.images[:20], to_uint8(made))


@given(st.integers(LEAST_SAMPLES, 10**6))
def test_every_sample_is_in_one_part_and_enough_are_held_out(count: int) -> None:
    samples = TeacherSamples(load_teacher(), count)
    samples.check()
    assert len(samples.training) + len(samples.held_out) == count
    assert 32 <= len(samples.held_out) < len(samples.training)


def test_samples_are_made_once_and_progress_counts_both_parts(teacher: Teacher, tmp_path: Path) -> None:
    reports: list[tuple[str, int, int]] = []
    samples = TeacherSamples(teacher, COUNT)
    for _ in range(2):
        samples.task(tmp_path, on_progress=lambda *report: reports.append(report))
    assert {(what, total) for what, _, total in reports} == {(SAMPLES.work, COUNT)}
    done = [done for _, done, _ in reports]
    assert done == sorted(set(done))
    assert done[-1] == COUNT


def test_the_digest_follows_from_teacher_and_number_and_reads_no_pixel(
    teacher: Teacher, tmp_path: Path
) -> None:
    samples = TeacherSamples(teacher, COUNT)
    others = [TeacherSamples(teacher, COUNT + 1), TeacherSamples(replace(teacher, digest="f" * 16), COUNT)]
    assert samples.digest not in {other.digest for other in others}
    assert samples.digest == TeacherSamples(teacher, COUNT).digest
    assert task_of(samples, tmp_path).digest == samples.outline().digest == samples.digest


def test_samples_share_no_input_with_the_teacher_cache_of_a_search(teacher: Teacher) -> None:
    samples = TeacherSamples(teacher, COUNT)
    cached = DrawnInputs(teacher.generator.input_specs, COUNT, 1_000_003)
    known = {row.tobytes() for row in cached.arrays()[0]}
    for part in (samples.training, samples.held_out):
        assert known.isdisjoint({row.tobytes() for row in part.arrays()[0]})


def test_held_out_samples_are_the_same_when_they_are_made_alone(teacher: Teacher, tmp_path: Path) -> None:
    samples = TeacherSamples(teacher, COUNT)
    whole = task_of(samples, tmp_path / "search")
    alone = samples.held_out_task(teacher.generator, tmp_path / "evaluation")
    (reference,) = alone.eval_sets()
    assert whole.held_out is not None
    assert torch.equal(reference.reference.images, whole.held_out.images)
    assert reference.reference.digest == whole.held_out.digest
    assert len(list((tmp_path / "evaluation").iterdir())) == 1, "no sample to train on was made"


def test_a_conditional_teachers_samples_have_the_labels_that_they_were_made_of(tmp_path: Path) -> None:
    generator = get_family("biggan").build(TEACHERS["biggan"])
    path = tmp_path / "biggan.safetensors"
    save_checkpoint(Checkpoint("biggan", generator, None, {"name": "big"}), path)
    samples = TeacherSamples(load_teacher(path), LEAST_SAMPLES)
    task = task_of(samples, tmp_path)
    assert task.images.labels is not None
    assert task.images.classes == tuple(str(number) for number in range(generator.classes))
    labels = next(array for array in samples.training.arrays() if array.shape[1] == generator.classes)
    assert task.images.labels.tolist() == labels.argmax(axis=1).tolist()
    batch = task.train_stream(8, seed=0).discriminator_batch()
    assert batch.real_condition[0].shape == (8, generator.classes)


def test_an_outline_is_a_few_samples_that_stand_for_all_and_writes_nothing(
    teacher: Teacher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images = TeacherSamples(teacher, COUNT).outline().images
    assert (images.name, images.found, images.images.shape) == (TEACHER, 160, (16, 1, 16, 16))
    assert list(tmp_path.iterdir()) == []


def test_too_few_samples_are_refused(teacher: Teacher) -> None:
    with pytest.raises(TeacherError, match="--teacher-samples 159: give at least 160, better 50k"):
        TeacherSamples(teacher, 159).check()


def test_samples_that_the_disk_has_no_room_for_are_refused_before_they_are_made(
    teacher: Teacher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = TeacherSamples(teacher, COUNT)
    full = shutil.disk_usage(tmp_path)._replace(free=SPARE)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    with pytest.raises(TeacherCacheError, match=r"200 samples of the teacher take .* --teacher-samples, or"):
        samples.check_room(tmp_path)
    monkeypatch.undo()
    samples.task(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    samples.check_room(tmp_path)  # they are there


def spoilt(teacher: Teacher, value: float) -> Teacher:
    """The teacher with this value in every weight."""
    for parameter in teacher.generator.parameters():
        torch.nn.init.constant_(parameter, value)
    return teacher


def test_a_teacher_whose_samples_are_constant_or_not_finite_is_refused_with_the_value(
    teacher_file: Path, tmp_path: Path
) -> None:
    for value, says in (
        (float("nan"), "sample 0 of the teacher holds the value nan: give another checkpoint"),
        (0.0, "16 samples of the teacher are all the same, every pixel is 128 of 255: there"),
    ):
        teacher = spoilt(load_teacher(teacher_file), value)
        with pytest.raises(TeacherError, match=says):
            TeacherSamples(teacher, COUNT).outline()
        with pytest.raises(TeacherError, match=says):
            look_at(teacher.generator, partial(DrawnInputs, teacher.generator.input_specs, seed=0))


def test_nothing_is_kept_of_samples_that_turn_out_not_to_be_finite(
    teacher_file: Path, tmp_path: Path
) -> None:
    samples = TeacherSamples(spoilt(load_teacher(teacher_file), float("inf")), COUNT)
    with pytest.raises(TeacherError, match="sample 0 of the teacher holds the value"):
        samples.task(tmp_path)
    assert list(tmp_path.iterdir()) == []
