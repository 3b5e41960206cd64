"""The recorded cost of a student is fvcore's, and counting it leaves no trace."""

from __future__ import annotations

import torch

from nas.budget import COUNTER, Cost, measure
from nas.workbench import Workbench
from search_spaces import RandomSuggest


def test_fvcore_counts_what_the_closed_form_says(warm_bench: Workbench) -> None:
    space, build = warm_bench.space, warm_bench.teacher.family.build
    for seed in range(20):
        architecture = space.sample(RandomSuggest(seed), lambda _: 0.0)
        assert measure(build(architecture)) == Cost(space.macs(architecture), space.params(architecture))


def test_counting_changes_neither_the_mode_nor_the_random_state_nor_the_gradients(
    warm_bench: Workbench,
) -> None:
    student = warm_bench.student(warm_bench.space.largest()).train()
    before = torch.get_rng_state()
    measure(student)
    assert student.training
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in student.parameters())


def test_figures_say_who_counted() -> None:
    assert COUNTER == "fvcore, batch 1"
