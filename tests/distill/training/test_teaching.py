"""Teachers that follow each other in one training."""

from __future__ import annotations

import copy
from collections import Counter

import pytest
import torch
from torch import Tensor

from distill.recipes import WeightDecay
from distill.schedules import Schedule
from distill.tasks import Batch
from distill.teachers import Teacher, TeacherCache
from distill.training.teaching import Teaching, at_progress
from tests.distill.trainings import BATCH, CONFIG, Log, Make, same

CONSTANT = Schedule("constant", start=1.0)


class Counted:
    """The images of a cache, under a name."""

    def __init__(self, cache: TeacherCache, name: str, asked: list[str]) -> None:
        self.cache, self.name, self.asked = cache, name, asked

    def draw(self, count: int, rng: torch.Generator) -> Batch:
        self.asked.append(self.name)
        return self.cache.draw(count, rng)


def test_parts_are_equal_and_the_last_teaches_to_the_end() -> None:
    images = [Teaching(discriminator=None, images=name) for name in "abc"]  # type: ignore[arg-type]  # told apart by name
    taught = [at_progress(images, k / 12).images for k in range(13)]
    assert Counter(map(str, taught)) == {"a": 4, "b": 4, "c": 5}


def test_each_teacher_has_its_part_of_a_training(make: Make, cache: TeacherCache, teacher: Teacher) -> None:
    asked: list[str] = []
    judges = [copy.deepcopy(teacher.discriminator) for _ in range(2)]
    log = Log(WeightDecay(CONSTANT))
    teachings = [
        Teaching(Counted(cache, name, asked), judge) for name, judge in zip("ab", judges, strict=True)
    ]
    make(log, teachings=teachings).train(CONFIG.images)
    assert asked == ["a"] * 20 + ["b"] * 20
    seen = [judges.index(step.teacher_discriminator) for step, _ in log.generator_steps]
    assert seen == [0] * 20 + [1] * 20


@pytest.mark.parametrize("stop", [10, 20, 30])
def test_a_training_with_several_teachers_resumes_to_the_bit(
    make: Make, cache: TeacherCache, teacher: Teacher, stop: int
) -> None:
    def trained(until: int) -> tuple[dict[str, Tensor], dict[str, object]]:
        teachings = [Teaching(cache, copy.deepcopy(teacher.discriminator)) for _ in range(4)]
        trainer = make(WeightDecay(CONSTANT), teachings=teachings)
        if until < CONFIG.images:
            trainer.train(until)
            state = copy.deepcopy(trainer.state_dict())
            trainer = make(WeightDecay(CONSTANT), teachings=teachings)
            trainer.load_state_dict(state)
        trainer.train(CONFIG.images)
        return dict(trainer.student.named_parameters()), dict(trainer.losses)

    whole, resumed = trained(CONFIG.images), trained(stop * BATCH)
    assert same(whole[0], resumed[0])
    assert whole[1] == resumed[1]
