"""What a dry run shows of the search that it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nas.config import SearchConfig
from nas.driver import introduction, preview_search
from nas.driver.preview import _trials as trials_line
from nas.driver.preview import _workers as workers_line
from nas.study import StudyStore
from nas.trials import Proposer
from nas.workbench import weight_sharing


def test_with_shared_weights_all_proposals_can_be_read_out_of_them(make_bench: Any) -> None:
    bench = make_bench(share_weights=True, rungs=(320,), batch_size=16)
    teacher = bench.teacher.generator.architecture.to_json()
    proposals = preview_search(bench).proposals
    assert proposals
    for name in weight_sharing(bench.teacher.family).fixed_choices:
        assert {proposal.architecture[name] for proposal in proposals} == {teacher[name]}


def test_rungs_that_become_other_numbers_are_explained(make_bench: Any) -> None:
    def training(**changes: Any) -> str:
        (line,) = [line for line in introduction(make_bench(**changes)) if line.startswith("Training: ")]
        return line

    assert training(batch_size=32).endswith(" after 64, 128, 256 images, 32 in a batch")
    assert training(rungs=(50, 200), batch_size=64).endswith(
        " after 64, 256 images, 64 in a batch (asked for 50, 200: whole steps of 64 images)"
    )


def test_settings_are_those_in_effect(make_bench: Any) -> None:
    bench = make_bench()
    assert bench.distance is None
    settings = preview_search(bench).settings
    assert not {"direction", "attributes", "task", "crop"} & set(settings)
    assert "perceptual" not in settings["similarity"]
    assert settings["similarity"].startswith("pixel=1")


def test_no_gpu_is_shared_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    line = workers_line(SearchConfig.of(budget_macs=10**6, gpus_per_trial="auto"))
    assert line.endswith("and no GPU each")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    line = workers_line(SearchConfig.of(budget_macs=10**6, gpus_per_trial="auto"))
    assert line.endswith("how many share a GPU is measured first")


def test_what_there_is_none_of_is_not_counted(make_bench: Any) -> None:
    line = trials_line(make_bench(trials=1, replicates=0), 1, 0, 0)
    assert line == "Trials: 1, of them 1 uniform-width baseline, none left to the sampler"


def test_what_is_trained_first_is_what_the_search_proposes_first(make_bench: Any, tmp_path: Path) -> None:
    bench = make_bench(trials=8)
    shown = preview_search(bench)
    utilisation = bench.config.budget.utilisation(bench.space)
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "any") as store:
        proposer = Proposer(store, bench.space, utilisation, bench.config)
        planned = [*shown.baselines, *shown.designs]
        proposed = [proposal for _ in planned if (proposal := proposer.next()) is not None]
    assert [each.summary for each in planned] == [
        str(proposal.architecture) for proposal in proposed if proposal
    ]
    assert len(shown.baselines) == sum(proposal.baseline for proposal in proposed) > 0
    (line,) = [note for note in shown.notes if note.startswith("Trials: ")]
    assert f"{8 - len(planned)} left to the sampler" in line
    assert 8 - len(planned) >= 4
