"""What a dry run shows of the search that it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.driver import introduction, preview_search
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
