"""One slimmable student is trained; candidates are read out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from distill.teacher import load_teacher
from nas.budget import Budget
from nas.config import SearchConfig
from nas.errors import ConfigError
from nas.weight_sharing import (
    PARTS,
    STAGES,
    Sandwich,
    SharedCandidate,
    SharedSpace,
    shared_file,
    shared_trainer,
    train_shared,
)
from search_spaces import FixedSuggest, RandomSuggest


@pytest.fixture
def bench(make_bench: Any) -> Any:
    return make_bench(share_weights=True, rungs=(320,), batch_size=16)


def test_what_all_students_share_is_not_searched(bench: Any) -> None:
    space, load = SharedSpace(bench.space), bench.config.budget.load(bench.space)
    teacher = bench.teacher.generator.architecture
    for seed in range(10):
        architecture: Any = space.sample(RandomSuggest(seed), load)
        assert (architecture.style_dim, architecture.mapping_layers) == (
            teacher.style_dim,
            teacher.mapping_layers,
        )
        assert load(architecture) <= 1
    assert not space.uniform().keys() & bench.space.shared().keys()


def test_the_widest_the_narrowest_and_random_students_make_a_batch() -> None:
    teacher = load_teacher()
    space = teacher.family.space(teacher.generator.architecture)
    load = Budget(2_000_000).load(space)
    sandwich = Sandwich(space, load, seed=0)
    batches = [[sandwich() for _ in range(PARTS)] for _ in range(3)]
    assert {str(batch[0]) for batch in batches} == {str(batches[0][0])}
    assert all(load(batch[1]) < load(batch[0]) for batch in batches)
    assert len({str(student) for batch in batches for student in batch[2:]}) > 4
    again = Sandwich(space, load, seed=0)
    again.drawn = PARTS
    assert [again() for _ in range(PARTS)] == batches[1]


def test_a_training_in_stages_is_resumed_where_it_stopped(
    bench: Any, make_bench: Any, tmp_path: Path
) -> None:
    train_shared(bench, 5)
    state = torch.load(shared_file(bench.config), weights_only=True)
    assert state["trainer"]["images"] == 160
    train_shared(bench, 5)  # nothing is left to do
    train_shared(bench, STAGES)
    parted = torch.load(shared_file(bench.config), weights_only=True)["trainer"]
    shared_file(bench.config).unlink()
    train_shared(bench, STAGES)
    whole = torch.load(shared_file(bench.config), weights_only=True)["trainer"]
    assert parted["images"] == whole["images"] == 320
    assert all(torch.equal(parted["ema"][name], whole["ema"][name]) for name in whole["ema"])


def test_a_candidate_is_read_out_measured_and_kept_as_a_checkpoint(bench: Any) -> None:
    train_shared(bench, STAGES)
    trainer, _ = shared_trainer(bench)
    space, load = SharedSpace(bench.space), bench.config.budget.load(bench.space)
    architecture = space.sample(FixedSuggest({"share": 1.0, **space.uniform()}), load)
    outcome = SharedCandidate(bench, trainer, 3, architecture.to_json()).run(0)
    assert outcome.record.images == 320
    assert outcome.cost.macs == bench.space.macs(architecture)
    kept = torch.load(bench.config.folder / outcome.record.checkpoint, weights_only=True)["trainer"]["ema"]
    student: Any = trainer.ema
    expected = student.read_out(architecture).state_dict()
    assert all(torch.equal(kept[name], expected[name]) for name in expected)


def test_shared_weights_are_trained_for_one_number_of_images() -> None:
    with pytest.raises(ConfigError, match="with --share-weights give one"):
        SearchConfig.of(budget_macs=10**6, share_weights=True, rungs=(64, 128))
    assert len(SearchConfig.of(budget_macs=10**6, share_weights=True).rungs) == 1


def test_students_that_share_weights_are_not_replicated() -> None:
    assert SearchConfig.of(budget_macs=10**6, share_weights=True, trials=40).replicate_runs == 0
