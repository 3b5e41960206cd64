"""Noise to images: batches repeat from a seed, resume to the bit, and conditions are the labels."""

from __future__ import annotations

import pytest
import torch

from distill.data import ImageSet, to_uint8
from distill.errors import DataError
from distill.tasks import Batch, NoiseTask
from search_spaces import Generator, Inputs, InputSpec

LATENT = InputSpec("latent", (5,), "normal")
LABEL = InputSpec("label", (3,), "onehot")
PIXELS = torch.randint(0, 256, (24, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
PLAIN = ImageSet("plain", PIXELS, "0" * 16)
LABELLED = ImageSet("labelled", PIXELS, "1" * 16, labels=torch.arange(24) % 3, classes=("a", "b", "c"))
TASKS = (NoiseTask(PLAIN, (LATENT,)), NoiseTask(LABELLED, (LATENT, LABEL)))


def equal(one: Inputs, other: Inputs) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def generator_of(*specs: InputSpec) -> Generator:
    """No more than its inputs."""
    generator = Generator()
    generator.input_specs = specs
    return generator


def drawn(task: NoiseTask, count: int, seed: int = 0) -> Inputs:
    return next(task.inputs(seed, count))


@pytest.mark.parametrize("task", TASKS)
def test_a_batch_has_inputs_real_images_and_the_labels_of_both_as_conditions(task: NoiseTask) -> None:
    batch = task.train_stream(4, seed=1).discriminator_batch()
    assert [tuple(x.shape) for x in batch.inputs] == [(4, *spec.shape) for spec in task.input_specs]
    assert batch.real is not None
    assert batch.real.shape == (4, 1, 8, 8)
    assert equal(batch.fake_condition, batch.inputs[1:])
    if not task.classes:
        assert batch.real_condition == ()
        return
    (real,) = batch.real_condition
    as_bytes = (batch.real * 127.5 + 127.5).round().to(torch.uint8)
    places = [next(i for i, x in enumerate(PIXELS) if torch.equal(x, image)) for image in as_bytes]
    assert torch.equal(real, torch.eye(3)[[place % 3 for place in places]])


@pytest.mark.parametrize("task", TASKS)
def test_a_restored_stream_continues_to_the_bit(task: NoiseTask) -> None:
    stream, other = task.train_stream(4, seed=1, mirror=True), task.train_stream(4, seed=2, mirror=True)
    stream.discriminator_batch()
    stream.generator_batch()
    other.load_state_dict(stream.state_dict())
    one, two = stream.discriminator_batch(), other.discriminator_batch()
    assert equal(one.inputs, two.inputs)
    assert one.real is not None
    assert two.real is not None
    assert torch.equal(one.real, two.real)
    assert equal(stream.inputs(3), other.inputs(3))


def test_the_generator_sees_the_real_images_that_the_discriminator_saw_last() -> None:
    stream = TASKS[1].train_stream(4, seed=0)
    assert stream.generator_batch().real is None
    shown, batch = stream.discriminator_batch(), stream.generator_batch()
    assert batch.real is shown.real
    assert batch.real_condition is shown.real_condition
    assert not torch.equal(batch.inputs[0], shown.inputs[0])


def test_images_without_labels_can_be_compared_with_and_not_trained_on() -> None:
    task = NoiseTask(PLAIN, (LATENT, LABEL))
    assert task.eval_sets()[0].reference is PLAIN
    with pytest.raises(DataError, match="plain has no labels and the teacher has 3 classes"):
        task.train_stream(4, seed=0)


def test_the_inputs_of_an_evaluation_start_alike_whatever_their_number() -> None:
    (one,) = TASKS[0].eval_sets()
    few, many = (list(one.inputs(count, 7, 5)) for count in (8, 20))
    assert [len(batch[0]) for batch in few] == [5, 5]  # whole batches
    assert len(many) == 4
    assert all(equal(a, b) for a, b in zip(few, many, strict=False))


def test_the_teachers_inputs_have_a_digest_of_what_they_are() -> None:
    inputs = TASKS[1].teacher_inputs(6, seed=3)
    assert len(inputs) == 6
    assert inputs.digest == TASKS[1].teacher_inputs(6, seed=3).digest
    others = (TASKS[0].teacher_inputs(6, 3), TASKS[1].teacher_inputs(7, 3), TASKS[1].teacher_inputs(6, 4))
    assert inputs.digest not in {other.digest for other in others}
    batch = inputs.batch(tuple(torch.from_numpy(array) for array in inputs.arrays()))
    assert equal(batch.inputs, drawn(TASKS[1], 6, seed=3))
    assert equal(batch.fake_condition, batch.inputs[1:])


def test_a_preview_with_classes_has_a_row_for_each() -> None:
    task = TASKS[1]
    inputs = drawn(task, 60)
    shown = task.preview(Batch(inputs), 16, columns=4)
    assert shown.inputs[1].argmax(dim=1).reshape(-1, 4).tolist() == [[c] * 4 for c in range(3)]


def test_a_preview_of_many_classes_takes_some_that_lie_evenly_among_them() -> None:
    task = NoiseTask(PLAIN, (LATENT, InputSpec("label", (46,), "onehot")))
    inputs = drawn(task, 3_000)
    rows = task.preview(Batch(inputs), 16, columns=4).inputs[1].argmax(dim=1).reshape(-1, 4)
    assert rows.tolist() == [[c] * 4 for c in range(0, 46, 5)]


def test_a_preview_without_classes_is_of_the_first_inputs() -> None:
    task = TASKS[0]
    inputs = drawn(task, 9)
    teacher = torch.arange(9.0)[:, None, None, None]
    few = task.preview(Batch(inputs, teacher=teacher), 4, columns=2)
    assert torch.equal(few.inputs[0], inputs[0][:4])
    assert few.teacher is not None
    assert few.teacher.flatten().tolist() == [0, 1, 2, 3], "the teacher's images of these inputs"
    assert len(task.preview(Batch(inputs), 16, columns=2).inputs[0]) == 9
    (panel,) = few.panels({"student": teacher[:4]})
    assert (panel.title, panel.across, list(panel.columns)) == ("student", 2, [""])


def test_a_part_of_a_batch_is_some_rows_of_every_tensor() -> None:
    x = torch.arange(6)
    part = Batch((x,), x + 1, (x + 2,), (x + 3,), x + 4, x + 5).part(slice(1, None, 2))
    alone = [part.real, part.target, part.teacher]
    assert [t.tolist() for t in alone if t is not None] == [[2, 4, 6], [5, 7, 9], [6, 8, 10]]
    grouped = [*part.inputs, *part.fake_condition, *part.real_condition]
    assert [t.tolist() for t in grouped] == [[1, 3, 5], [3, 5, 7], [4, 6, 8]]


def test_held_out_images_are_compared_with_and_never_trained_on() -> None:
    held_out = ImageSet("held out", 255 - PIXELS[:8], "2" * 16)
    task = NoiseTask.on_samples(generator_of(LATENT), PLAIN, held_out)
    (one,) = task.eval_sets()
    assert one.reference is held_out
    assert task.digest == PLAIN.digest
    stream = task.train_stream(8, seed=0)
    epoch = [stream.discriminator_batch().real for _ in range(3)]
    shown = torch.cat([to_uint8(real) for real in epoch if real is not None])
    assert {image.numpy().tobytes() for image in shown} == {image.numpy().tobytes() for image in PIXELS}


@pytest.mark.parametrize("task", TASKS)
def test_a_fraction_that_is_held_out_is_no_part_of_the_training_or_its_measure(task: NoiseTask) -> None:
    held = task.hold_out(0.25)
    ((evaluated,), (apart,)) = held.eval_sets(), held.held_out_sets()
    assert evaluated.reference is held.images
    assert (len(held.images), len(apart.reference)) == (18, 6)
    stream = held.train_stream(18, seed=0)
    real = stream.discriminator_batch().real
    assert real is not None
    shown = {image.numpy().tobytes() for image in to_uint8(real)}
    assert shown == {image.numpy().tobytes() for image in held.images.pixels(torch.arange(18))}
    assert shown.isdisjoint(image.numpy().tobytes() for image in apart.reference.pixels(torch.arange(6)))
    assert held.digest != task.digest


def test_nothing_is_held_out_unless_asked_for() -> None:
    assert TASKS[0].hold_out(0) is TASKS[0]
    assert TASKS[0].held_out_sets() == ()
