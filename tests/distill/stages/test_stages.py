"""Stage I trains until the distance is flat; stage II begins from its best weights with fresh optimizers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distill.errors import TrainingError
from distill.recipes import AdversarialTraining, DglGan, PathLengths
from distill.schedules import Schedule
from distill.stages import Measured, Plateau, Snapshot, train_until_flat
from distill.training import Trainer
from search_spaces import Generator
from search_spaces.stylegan2 import StyleGAN2Generator
from tests.distill.trainings import BATCH, CONFIG, Make, same, snapshot

ALONE = AdversarialTraining(paths=PathLengths(0.0))
STAGE_TWO = DglGan(Schedule("constant", start=0.1), paths=PathLengths(0.0))


def falling(*distances: float) -> Iterator[float]:
    yield from distances


def run(
    trainer: Trainer, *distances: float, most: int = 40, gain: float = 0.1
) -> tuple[Snapshot, list[Measured], bool]:
    """Train with given distances, measured after every step, with a patience of two."""
    values = falling(*distances)
    return train_until_flat(
        trainer, lambda student: next(values), Plateau(BATCH, most * BATCH, patience=2, gain=gain)
    )


def test_training_ends_once_the_distance_is_flat_and_the_best_weights_are_kept(make: Make) -> None:
    trainer, kept = make(ALONE), list[dict[str, torch.Tensor]]()
    values = falling(10.0, 5.0, 4.8, 4.9, 1.0)

    def distance(student: Generator) -> float:
        kept.append(snapshot(student))
        return next(values)

    best, measured, flat = train_until_flat(
        trainer, distance, Plateau(BATCH, 40 * BATCH, patience=2, gain=0.1)
    )
    assert [each.distance for each in measured] == [10.0, 5.0, 4.8, 4.9]
    assert flat
    assert (best.distance, best.images) == (4.8, 3 * BATCH), (
        "lower, if not by the gain that patience asks for"
    )
    assert same(dict(best.weights["ema"]), kept[2])
    assert not same(dict(best.weights["ema"]), snapshot(trainer.ema)), "training went on"


def test_a_distance_that_keeps_falling_is_not_flat_when_the_images_are_used_up(make: Make) -> None:
    best, measured, flat = run(make(ALONE), 8.0, 4.0, 2.0, most=3)
    assert (len(measured), flat, best.distance) == (3, False, 2.0)


def test_useless_weights_are_waited_through(make: Make) -> None:
    best, _, flat = run(make(ALONE), math.inf, 7.0, 7.0, 7.0)
    assert flat
    assert best.distance == 7.0


def test_stage_two_begins_from_the_weights_of_stage_one_and_nothing_of_its_optimizers(
    make: Make, tmp_path: Path
) -> None:
    first = make(ALONE)
    best, _, _ = run(first, 3.0, 2.0, 2.0, 2.0)
    assert first.generator_optimizer.state, "stage I has moments"
    best.save(tmp_path / "stage-1.pt")
    second = make(STAGE_TWO)
    Snapshot.load(tmp_path / "stage-1.pt").begin(second)
    for name in ("student", "ema", "discriminator"):
        assert same(snapshot(getattr(second, name)), dict(best.weights[name]))
    assert (second.images, second.step) == (0, 0)
    assert not second.generator_optimizer.state
    assert not second.discriminator_optimizer.state
    second.train(BATCH)
    steps = {float(state["step"]) for state in second.generator_optimizer.state.values()}
    assert steps == {1.0}
    assert "g_teacher_discriminator" in second.losses


def test_the_average_goes_on_where_stage_one_left_it(make: Make) -> None:
    first, second = make(ALONE), make(STAGE_TWO)
    best, _, _ = run(first, 2.0, 2.0, 2.0)
    best.begin(second)
    before = snapshot(second.ema)
    second.train(BATCH)
    kept = 0.5 ** (BATCH / CONFIG.ema_half_life)
    for name, now in second.ema.named_parameters():
        wanted = kept * before[name] + (1 - kept) * second.student.get_parameter(name).detach()
        assert torch.allclose(now, wanted, atol=1e-5, rtol=1e-4)


def test_a_snapshot_of_another_architecture_is_refused_with_both(make: Make) -> None:
    trainer = make(ALONE)
    best, _, _ = run(trainer, 2.0, 2.0, 2.0)
    other = make(STAGE_TWO)
    architecture = replace(other.student.architecture, mapping_layers=1)  # type: ignore[type-var]  # StyleGAN2's
    other.student = StyleGAN2Generator(architecture)  # type: ignore[arg-type]  # StyleGAN2's
    with pytest.raises(TrainingError) as error:
        best.begin(other)
    says = str(error.value)
    assert says.startswith("stage I snapshot of another architecture: its student is rgb1 ")
    assert str(trainer.student.architecture) in says
    assert str(architecture) in says
    assert "\n" not in says


def test_stage_two_is_refused_in_a_training_that_has_begun(make: Make) -> None:
    trainer = make(ALONE)
    best, _, _ = run(trainer, 2.0, 2.0, 2.0)
    with pytest.raises(
        TrainingError, match=r"stage II starts with fresh optimizers, .* seen 12 images: make"
    ):
        best.begin(trainer)


@pytest.mark.parametrize("content", [None, b"", b"no snapshot"])
def test_a_file_that_is_no_snapshot_is_refused_with_its_name(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "stage-1.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"stage-1.pt(: there is| is) no snapshot"):
        Snapshot.load(path)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"most": 3}, {"patience": 0}, {"gain": 1.0}, {"gain": -0.1}])
def test_an_impossible_plateau_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="give 1 <= every <= most, a patience of at least 1"):
        Plateau(**{"every": 4, "most": 40, **wrong})  # type: ignore[arg-type]  # fields of two types
