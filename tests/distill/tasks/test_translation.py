"""The tasks of image translation: batches resume to the bit, splits are disjoint, pairs stay pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from distill.data import to_uint8
from distill.tasks import (
    AttributesTask,
    Batch,
    PairedTask,
    Task,
    TaskOptions,
    UnpairedTask,
)
from tests.translation_family import Translator, TranslatorArchitecture
from tests.translation_images import domain_folders, refuses, side_by_side, two_domains

SMALL = TranslatorArchitecture(4)
FACE = TranslatorArchitecture(4, attributes=2)
Load = Callable[[Path], Any]


def unpaired(folder: Path, **options: Any) -> UnpairedTask:
    return UnpairedTask.load(two_domains(folder / "data"), Translator(SMALL), options=TaskOptions(**options))


def paired(folder: Path, **options: Any) -> PairedTask:
    return PairedTask.load(side_by_side(folder / "data"), Translator(SMALL), options=TaskOptions(**options))


def attributes(folder: Path, **options: Any) -> AttributesTask:
    data = domain_folders(folder / "data")
    return AttributesTask.load(data, Translator(FACE), options=TaskOptions(**options))


every_task = pytest.mark.parametrize("load", [unpaired, paired, attributes])


def tensors(batch: Batch) -> list[Tensor]:
    single = (batch.real, batch.target, batch.attributes)
    conditions = (*batch.fake_condition, *batch.real_condition)
    return [*batch.inputs, *conditions, *(x for x in single if x is not None)]


def same(one: Batch, other: Batch) -> bool:
    pairs = zip(tensors(one), tensors(other), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def redness(images: Tensor | None) -> Tensor:
    assert images is not None
    return (images[:, 0] - images[:, 2]).mean(dim=(1, 2))


def known(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in to_uint8(images)}


@every_task
def test_a_restored_stream_continues_to_the_bit(load: Load, tmp_path: Path) -> None:
    task: Task = load(tmp_path)
    stream, other = (task.train_stream(7, seed, mirror=True) for seed in (1, 2))
    for _ in range(5):
        stream.discriminator_batch()
        stream.generator_batch()
    stream.inputs(3)
    other.load_state_dict(stream.state_dict())
    for _ in range(20):  # through several epochs
        assert same(stream.discriminator_batch(), other.discriminator_batch())
        assert same(stream.generator_batch(), other.generator_batch())
        assert all(map(torch.equal, stream.inputs(3), other.inputs(3)))


@every_task
def test_other_seeds_and_steps_give_other_batches(load: Load, tmp_path: Path) -> None:
    task: Task = load(tmp_path)
    one, again, other = (task.train_stream(7, seed) for seed in (1, 1, 2))
    first = one.discriminator_batch()
    assert same(first, again.discriminator_batch())
    assert not same(first, other.discriminator_batch())
    assert not same(first, one.discriminator_batch())


@every_task
def test_a_state_of_other_images_is_refused(load: Load, tmp_path: Path) -> None:
    task: Task = load(tmp_path)
    state = task.hold_out(0.5).train_stream(4, 0).state_dict()
    if isinstance(task, UnpairedTask):
        assert task.hold_out(0.5).digest == task.digest, "it has a test split of its own"
        return
    refuses("resume with the same data", lambda: task.train_stream(4, 0).load_state_dict(state))


def test_unpaired_batches_have_inputs_of_a_and_real_images_of_b(tmp_path: Path) -> None:
    for direction, sign in (("A2B", 1), ("B2A", -1)):
        stream = unpaired(tmp_path / direction, direction=direction).train_stream(6, seed=0)
        assert stream.generator_batch().real is None
        shown, batch = stream.discriminator_batch(), stream.generator_batch()
        for each in (shown, batch):
            assert each.inputs[0].shape == (6, 3, 16, 16)
            assert (sign * redness(each.inputs[0]) > 0).all()
            assert (sign * redness(each.real) < 0).all()
            assert each.fake_condition == each.real_condition == ()
            assert each.target is None
        assert batch.real is shown.real


@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_paired_batches_have_the_target_of_their_input_flipped_alike(tmp_path: Path, direction: str) -> None:
    task = paired(tmp_path, direction=direction)
    stream = task.train_stream(20, seed=0, mirror=True)
    flipped = 0
    originals = known(task.batch(torch.arange(len(task.images))).inputs[0])
    for _ in range(4):
        batch = stream.discriminator_batch()
        (image,) = batch.inputs
        assert batch.real is not None
        green = [x[:, 1] - x[:, 1].mean(dim=(1, 2), keepdim=True) for x in (image, batch.real)]
        assert (green[0] * green[1]).mean() > 0.9 * green[0].square().mean(), "one pattern, flipped alike"
        assert batch.target is batch.real
        assert all(x is image for x in (*batch.fake_condition, *batch.real_condition))
        flipped += len(known(image) - originals)
    assert 20 < flipped < 60


@every_task
def test_training_images_are_cropped_if_asked_for_and_no_others(load: Load, tmp_path: Path) -> None:
    plain, cropped = load(tmp_path / "a"), load(tmp_path / "b", crop=True)
    assert cropped.digest == plain.digest
    assert "to train on, cropped at random; " in cropped.described
    assert "cropped" not in plain.described
    shown = [task.train_stream(8, seed=0).discriminator_batch() for task in (plain, cropped)]
    assert not torch.equal(shown[0].inputs[0], shown[1].inputs[0])
    assert shown[1].inputs[0].shape == (8, 3, 16, 16)
    for one, other in zip(plain.eval_sets(), cropped.eval_sets(), strict=True):
        assert one.reference.digest == other.reference.digest
        assert torch.equal(next(one.inputs(5, 0, 5))[0], next(other.inputs(5, 0, 5))[0])
    assert plain.teacher_inputs(5, 0).digest == cropped.teacher_inputs(5, 0).digest


def test_both_images_of_a_pair_are_cropped_alike(tmp_path: Path) -> None:
    batch = paired(tmp_path, crop=True).train_stream(20, seed=0, mirror=True).discriminator_batch()
    assert batch.real is not None
    green = [x[:, 1] - x[:, 1].mean(dim=(1, 2), keepdim=True) for x in (batch.inputs[0], batch.real)]
    assert (green[0] * green[1]).mean() > 0.9 * green[0].square().mean()


def test_attribute_batches_have_their_own_attributes_and_those_of_others(tmp_path: Path) -> None:
    stream = attributes(tmp_path).train_stream(16, seed=0)
    for _ in range(4):
        batch = stream.discriminator_batch()
        image, targets = batch.inputs
        assert batch.real is image
        assert batch.attributes is not None
        assert torch.equal(batch.attributes[:, 1] == 1, redness(image) > 0), "blue, red"
        assert targets.sum(dim=0).tolist() == batch.attributes.sum(dim=0).tolist(), "the batch's, permuted"
        assert not torch.equal(targets, batch.attributes)


@every_task
def test_cached_inputs_are_indices_and_never_a_second_copy_of_images(load: Load, tmp_path: Path) -> None:
    task: Task = load(tmp_path)
    inputs = task.teacher_inputs(12, seed=3)
    arrays = inputs.arrays()
    assert len(inputs) == 12
    assert all(array.dtype == np.int64 and array.shape == (12,) for array in arrays)
    digests = {each.digest for each in (task.teacher_inputs(n, s) for n, s in ((12, 3), (11, 3), (12, 4)))}
    assert inputs.digest in digests
    assert len(digests) == 3
    batch = inputs.batch(tuple(torch.from_numpy(array) for array in arrays))
    assert batch.inputs[0].shape == (12, 3, 16, 16)
    given = task.preview(batch, 8, columns=4).given
    assert list(given) == (["input", "target"] if isinstance(task, PairedTask) else ["input"])
    assert len(task.teacher_inputs(10_000, 0)) == {1: len(task.images), 2: 2 * len(task.images)}[len(arrays)]


@every_task
def test_training_validation_and_test_have_no_image_in_common(load: Load, tmp_path: Path) -> None:
    task: Task = load(tmp_path).hold_out(0.2)
    everything = task.teacher_inputs(10_000, 0)
    trained = known(everything.batch(tuple(map(torch.from_numpy, everything.arrays()))).inputs[0])
    seen = [
        set().union(*(known(batch[0]) for one in sets for batch in one.inputs(10_000, 0, 5)))
        for sets in (task.eval_sets(), task.held_out_sets())
    ]
    assert all(len(images) >= 4 for images in seen)
    assert trained.isdisjoint(seen[0])
    assert trained.isdisjoint(seen[1])
    assert seen[0].isdisjoint(seen[1])


@every_task
def test_inputs_of_an_evaluation_start_alike_whatever_their_number(load: Load, tmp_path: Path) -> None:
    for one in load(tmp_path).hold_out(0.2).held_out_sets():
        assert not one.drawn
        few, many = (list(one.inputs(count, 7, 4)) for count in (3, 1000))
        assert sum(len(batch[0]) for batch in few) == 3
        assert all(map(torch.equal, few[0], (x[:3] for x in many[0])))


def test_unpaired_images_are_compared_with_real_ones_of_the_target_domain(tmp_path: Path) -> None:
    task = unpaired(tmp_path)
    ((chosen,), (final,)) = task.eval_sets(), task.held_out_sets()
    assert len(chosen.reference) == 60
    assert len(final.reference) == 54 + 8, "training and test images"
    for one in (chosen, final):
        shown = one.reference.pixels(torch.arange(len(one.reference))).float()
        assert (shown[:, 0].mean(dim=(1, 2)) < shown[:, 2].mean(dim=(1, 2))).all()
    assert chosen.reference.digest != final.reference.digest


def test_pairs_are_compared_with_their_targets(tmp_path: Path) -> None:
    task = paired(tmp_path).hold_out(0.2)
    for (one,) in (task.eval_sets(), task.held_out_sets()):
        images = torch.cat([batch[0] for batch in one.inputs(1000, 0, 5)])
        targets = one.reference.pixels(torch.arange(len(one.reference))).float()
        assert len(images) == len(targets)
        green = [x[:, 1] - x[:, 1].mean(dim=(1, 2), keepdim=True) for x in (images * 127.5, targets)]
        assert (green[0] * green[1]).mean() > 0.9 * green[1].square().mean()


def test_each_attribute_is_an_evaluation_set_with_as_many_real_images(tmp_path: Path) -> None:
    task = attributes(tmp_path).hold_out(0.2)
    for sets in (task.eval_sets(), task.held_out_sets()):
        assert [one.name for one in sets] == ["blue", "red"]
        assert len({len(one.reference) for one in sets}) == 1
        inputs = [[torch.cat(x) for x in zip(*one.inputs(1000, 0, 5), strict=True)] for one in sets]
        assert torch.equal(inputs[0][0], inputs[1][0]), "every image × every target"
        for k, one in enumerate(sets):
            assert torch.equal(inputs[k][1], torch.eye(2)[k].expand(len(inputs[k][0]), 2))
            shown = one.reference.pixels(torch.arange(len(one.reference))).float().mean(dim=(2, 3))
            assert ((shown[:, 0] > shown[:, 2]) == (one.name == "red")).all()


def test_attributes_that_do_not_exclude_each_other_are_added(tmp_path: Path) -> None:
    data = domain_folders(tmp_path / "data")
    rows = [f"{file.name},{i % 2},{i // 2 % 2}" for i, file in enumerate(sorted(data.rglob("*.png")))]
    (tmp_path / "table.csv").write_text("\n".join(["file,one,other", *rows]))
    task = AttributesTask.load(f"{data},{tmp_path / 'table.csv'}", Translator(FACE))
    own = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    assert task.with_attribute(own, 0).tolist() == [[1, 0], [1, 1], [1, 0], [1, 1]]


def test_a_preview_of_attributes_has_a_column_for_each(tmp_path: Path) -> None:
    task = attributes(tmp_path)
    inputs = task.teacher_inputs(40, 0)
    batch = inputs.batch(tuple(map(torch.from_numpy, inputs.arrays())))
    shown = task.preview(batch, 16, columns=4)
    assert shown.domains == ("blue", "red")
    assert torch.equal(shown.inputs[1], torch.eye(2).repeat(4, 1))
    assert torch.equal(shown.inputs[0], batch.inputs[0][:4].repeat_interleave(2, dim=0))
    made = {"teacher": shown.inputs[0] + 1, "student": shown.inputs[0] + 2}
    panels = shown.panels(made)
    assert [panel.title for panel in panels] == ["teacher", "student"]
    for panel, images in zip(panels, made.values(), strict=True):
        assert list(panel.columns) == ["input", "blue", "red"]
        assert torch.equal(panel.columns["red"], images[1::2])


@pytest.mark.parametrize("load", [unpaired, paired])
def test_a_preview_of_two_domains_has_a_row_for_each_input(load: Load, tmp_path: Path) -> None:
    task: Task = load(tmp_path)
    inputs = task.teacher_inputs(12, 0)
    batch = inputs.batch(tuple(map(torch.from_numpy, inputs.arrays())))
    shown = task.preview(replace(batch, teacher=-batch.inputs[0]), 16, columns=4)
    assert shown.teacher is not None
    assert torch.equal(shown.teacher, -batch.inputs[0][:4])
    (panel,) = shown.panels({"teacher": shown.teacher, "student": shown.inputs[0]})
    last = ["target"] if isinstance(task, PairedTask) else []
    assert list(panel.columns) == ["input", "teacher", "student", *last]


def test_a_part_of_a_batch_has_its_attributes(tmp_path: Path) -> None:
    batch = attributes(tmp_path).train_stream(8, seed=0).discriminator_batch()
    part = batch.part(slice(2, 5))
    assert part.attributes is not None
    assert batch.attributes is not None
    assert torch.equal(part.attributes, batch.attributes[2:5])
    assert part.to("cpu").attributes is not None


def test_what_is_left_out_of_either_domain_is_known(tmp_path: Path) -> None:
    data = two_domains(tmp_path / "data", train=120, test=0)
    (data / "trainA" / "005.png").write_bytes(b"broken")
    (data / "trainB" / "006.png").write_bytes(b"")
    (data / "trainA" / "notes.txt").write_text("cats")
    images = UnpairedTask.load(data, Translator(SMALL)).images
    assert [name.partition(":")[0] for name in images.skipped] == ["train/005.png", "train/006.png"]
    assert any("1 .txt" in note for note in images.notes)


@every_task
def test_a_dry_run_sees_the_same_task(load: Load, tmp_path: Path) -> None:
    task: Task = load(tmp_path)
    generator = Translator(FACE if isinstance(task, AttributesTask) else SMALL)
    sampled = type(task).sample(tmp_path / "data", generator)
    assert sampled.described == task.described
    assert sampled.digest == task.digest
