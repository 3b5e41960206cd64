"""What a dry run shows of the search that it stands for."""

from __future__ import annotations

from typing import Any

from nas.driver import introduction, preview_search
from nas.execution.shared_space import weight_sharing


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
