"""What a dry run shows of the search that it stands for."""

from __future__ import annotations

from typing import Any

from nas.driver import preview_search
from nas.workbench.shared_space import weight_sharing


def test_with_shared_weights_all_proposals_can_be_read_out_of_them(make_bench: Any) -> None:
    bench = make_bench(share_weights=True, rungs=(320,), batch_size=16)
    teacher = bench.teacher.generator.architecture.to_json()
    proposals = preview_search(bench).proposals
    assert proposals
    for name in weight_sharing(bench.teacher.family).fixed_choices:
        assert {proposal.architecture[name] for proposal in proposals} == {teacher[name]}
