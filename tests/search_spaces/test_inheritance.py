"""Students of every family inherit from their teacher."""

from __future__ import annotations

import copy
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from search_spaces import (
    Architecture,
    Family,
    Generator,
    Importance,
    SearchSpace,
)
from tests.search_spaces.networks import images_of, proposals, same

IMPORTANCES: tuple[Importance, ...] = get_args(Importance)


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_a_student_of_the_teachers_own_shape_inherits_its_very_images(
    family: Family, space: SearchSpace, teacher: Generator, importance: Importance
) -> None:
    torch.manual_seed(5)
    student = family.build(teacher.architecture)
    assert not torch.equal(images_of(student), images_of(teacher))
    space.inherit(teacher, student, importance)
    assert torch.equal(images_of(student), images_of(teacher))


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_inheriting_works_for_every_proposal_and_never_changes_the_teacher(
    family: Family, space: SearchSpace, teacher: Generator, importance: Importance
) -> None:
    before = snapshot(teacher)
    for proposal in [space.smallest(), *proposals(space)[:12]]:
        student = family.build(proposal)
        fresh = snapshot(student)
        space.inherit(teacher, student, importance)
        assert not same(student.state_dict(), fresh)
        assert images_of(student).isfinite().all()
        assert same(teacher.state_dict(), before)
        with torch.no_grad():  # nor do they share memory
            for parameter in student.parameters():
                parameter.fill_(7.0)
        assert same(teacher.state_dict(), before)
    teacher.train()
    space.inherit(teacher, family.build(space.smallest()), importance)
    assert all(module.training for module in teacher.modules())


@pytest.mark.parametrize("importance", IMPORTANCES)
def test_inheriting_takes_no_global_randomness(
    family: Family, space: SearchSpace, teacher: Generator, importance: Importance
) -> None:
    student = family.build(space.smallest())
    state = torch.get_rng_state()
    space.inherit(teacher, student, importance)
    assert torch.equal(torch.get_rng_state(), state)


def test_ways_to_rank_channels_are_each_the_same_at_every_call_and_not_the_same_as_others(
    family: Family, space: SearchSpace, teacher: Generator
) -> None:
    def inherited(from_: Generator, proposal: Architecture, importance: Importance) -> dict[str, Tensor]:
        torch.manual_seed(0)
        student = family.build(proposal)
        space.inherit(from_, student, importance)
        return snapshot(student)

    equal, differ = copy.deepcopy(teacher), 0
    for proposal in proposals(space)[:6]:
        ones = [inherited(teacher, proposal, importance) for importance in IMPORTANCES]
        again = [inherited(equal, proposal, importance) for importance in IMPORTANCES]
        assert all(same(*pair) for pair in zip(ones, again, strict=True))
        differ += not same(*ones)
    assert differ
