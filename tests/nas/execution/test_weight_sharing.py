"""One slimmable student is trained; candidates are read out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from distill.recipes import RECIPES
from distill.teachers import load_teacher
from nas.budget import Budget
from nas.config import SANDWICH_PARTS, SearchConfig
from nas.driver import prepare
from nas.errors import BudgetError, ConfigError, SearchError
from nas.exchange import Node
from nas.execution import cluster
from nas.execution.weight_sharing import (
    STAGES,
    Sandwich,
    SharedCandidate,
    SharedTrial,
    images_trained,
    shared_file,
    shared_trainer,
    stages_left,
    train_shared,
    trained_weights,
)
from nas.trials import Proposal
from nas.workbench.shared_space import SharedSpace, check_narrowest, weight_sharing
from search_spaces import FixedSuggest, RandomSuggest


@pytest.fixture
def bench(make_bench: Any) -> Any:
    return make_bench(share_weights=True, rungs=(320,), batch_size=16)


def test_what_all_students_share_is_not_searched(bench: Any) -> None:
    space = SharedSpace.of(bench.teacher.family, bench.space)
    utilisation = bench.config.budget.utilisation(bench.space)
    teacher = bench.teacher.generator.architecture
    for seed in range(10):
        architecture: Any = space.sample(RandomSuggest(seed), utilisation)
        assert (architecture.style_dim, architecture.mapping_layers) == (
            teacher.style_dim,
            teacher.mapping_layers,
        )
        assert utilisation(architecture) <= 1
    assert not space.uniform().keys() & set(bench.teacher.family.slimmable.fixed_choices)


def test_a_shape_at_its_widest_and_its_narrowest_and_random_students_make_a_batch() -> None:
    teacher = load_teacher()
    space = SharedSpace.of(teacher.family, teacher.family.space(teacher.generator.architecture))
    utilisation = Budget(2_000_000).utilisation(space)
    sandwich = Sandwich(space, utilisation, seed=0)
    batches = [[sandwich() for _ in range(SANDWICH_PARTS)] for _ in range(3)]
    assert len({str(batch[0]) for batch in batches}) > 1, "the ends favour no shape"
    for widest, narrowest, *_ in batches:
        assert utilisation(narrowest) < utilisation(widest)
        kinds = [[block.kind for block in student.blocks] for student in (widest, narrowest)]
        assert kinds[0] == kinds[1]
    assert len({str(student) for batch in batches for student in batch[2:]}) > 4
    again = Sandwich(space, utilisation, seed=0)
    again.drawn = SANDWICH_PARTS
    assert [again() for _ in range(SANDWICH_PARTS)] == batches[1]


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
    space = SharedSpace.of(bench.teacher.family, bench.space)
    utilisation = bench.config.budget.utilisation(bench.space)
    architecture = space.sample(FixedSuggest({"budget_fraction": 1.0, **space.uniform()}), utilisation)
    outcome = SharedCandidate(bench, trainer, Proposal(3, architecture, seed=0)).run(0)
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


def test_a_resumed_search_starts_no_task_for_stages_that_are_over(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert images_trained(bench) == 0
    assert stages_left(bench.config, 0) == list(range(1, STAGES + 1))
    train_shared(bench, 9)
    assert images_trained(bench) == 288
    assert stages_left(bench.config, 288) == [STAGES]
    tasks = []

    def on_a_worker(task: Any, config: Any, share: Any, what: str, *args: Any) -> Any:
        tasks.append(args)
        return 320

    monkeypatch.setattr(cluster, "_on_a_worker", on_a_worker)
    cluster.make_shared_weights(bench.config, cluster.WorkerResources(1, 1, 0), Console(quiet=True))
    assert tasks == [()]


def broken(bench: Any) -> dict[str, Any]:
    trial = SharedTrial.__new__(SharedTrial)
    trial._bench = bench
    trial._node = Node(bench.config)
    trial._prepare()
    return trial.step()


def test_candidates_are_not_read_out_of_weights_that_are_missing_or_unfinished(
    bench: Any, make_bench: Any
) -> None:
    for images in (0, 160):
        if images:
            train_shared(bench, 5)
        with pytest.raises(SearchError, match=rf"shared\.pt: .* {images} of 320 images") as refused:
            trained_weights(bench)
        assert broken(bench) == {"broken": str(refused.value), "done": True}
    train_shared(bench, STAGES)
    assert trained_weights(bench).images == 320
    another_search = make_bench(share_weights=True, rungs=(320,), batch_size=16, seed=1)
    with pytest.raises(SearchError, match="0 of 320 images"):
        trained_weights(another_search)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", "half"])
def test_a_damaged_file_of_shared_weights_is_named_with_the_fix(bench: Any, content: Any) -> None:
    path = shared_file(bench.config)
    path.parent.mkdir(parents=True)
    if content == "half":
        train_shared(bench, 1)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    for read in (images_trained, shared_trainer, trained_weights):
        with pytest.raises(SearchError, match=r"shared\.pt is damaged: delete it"):
            read(bench)


def test_within_the_smallest_budget_every_student_keeps_the_teachers_mapping() -> None:
    teacher = load_teacher()
    space = SharedSpace.of(teacher.family, teacher.family.space(teacher.generator.architecture))
    slimmable = weight_sharing(teacher.family).build(teacher.generator, "magnitude")
    narrowest = space.sample(FixedSuggest({"budget_fraction": 0.25, **space.uniform()}), lambda _: 1.0)
    for budget in (Budget(macs=space.macs(narrowest)), Budget(params=space.params(narrowest))):
        check_narrowest(budget, space)
        for seed in range(20):
            slimmable.read_out(space.sample(RandomSuggest(seed), budget.utilisation(space)))
    for budget in (Budget(macs=space.macs(narrowest) - 1), Budget(params=space.params(narrowest) - 1)):
        with pytest.raises(BudgetError, match="narrowest student that keeps the teacher's mapping network"):
            check_narrowest(budget, space)


def test_a_budget_below_the_narrowest_student_is_refused_before_a_study_is_made(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"budget_params": 9_000, "workdir": tmp_path, "trials": 2}
    prepare(SearchConfig.of(**settings), dry_run=True)
    with pytest.raises(BudgetError, match=r"--budget-params 9k is below .*: give at least"):
        prepare(SearchConfig.of(**settings, share_weights=True), dry_run=True)


@pytest.mark.parametrize(
    "recipe", sorted(name for name, each in RECIPES.items() if "noise" in (each.tasks or ("noise",)))
)
def test_a_recipe_that_shared_weights_can_not_be_trained_with_is_refused_in_one_line(
    recipe: str, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"budget_macs": 10**6, "workdir": tmp_path, "recipe": recipe}
    prepare(SearchConfig.of(**settings), dry_run=True)
    if not recipe.startswith("dgl-gan"):
        prepare(SearchConfig.of(**settings, share_weights=True), dry_run=True)
        return
    with pytest.raises(ConfigError, match=f"^--share-weights: --recipe {recipe} regularises path") as refused:
        prepare(SearchConfig.of(**settings, share_weights=True), dry_run=True)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"batch_size": 30}, "--batch-size 30: .* multiple of 4, such as 32"),
        ({"micro_batch": 16}, "--micro-batch 16: leave it out with --share-weights"),
        ({"compile": True}, "--compile: leave it out with --share-weights"),
        ({"checkpoint_activations": True}, "--checkpoint-activations: leave it out with --share-weights"),
    ],
)
def test_what_parts_of_a_batch_do_not_go_with_is_refused(setting: dict[str, Any], says: str) -> None:
    SearchConfig.of(budget_macs=10**6, **setting)
    with pytest.raises(ConfigError, match=says):
        SearchConfig.of(budget_macs=10**6, share_weights=True, **setting)
