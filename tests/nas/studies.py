"""Studies as a search leaves them, made in this process without Ray."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from nas.config import SearchConfig
from nas.driver import prepare, record_facts
from nas.execution import Candidate, StudyRecorder
from nas.ranking import RungBoard
from nas.reporting import SearchReport, read_report
from nas.samplers import make_sampler
from nas.study import StudyStore
from nas.trials import Proposer
from nas.workbench import Workbench

BRIEF: dict[str, Any] = {
    "budget_macs": 100_000,
    "fid_samples": 50,
    "teacher_cache_size": 64,
    "batch_size": 32,
    "trials": 2,
    "replicates": 0,
    "workers": 1,
}
"""Settings of a search of seconds, without its rungs."""


def prepared(workdir: Path, **settings: Any) -> Workbench:
    """The workbench of a brief search in `workdir`, which is made."""
    workdir.mkdir()
    return prepare(SearchConfig.of(**BRIEF, workdir=workdir, **settings))


def finished_study(
    warm_bench: Workbench, workdir: Path, last_rungs: tuple[int | None, ...], **changes: Any
) -> SearchReport:
    """What a search of one worker leaves whose candidates end at these rungs; None is a failure."""
    bench = copy.copy(warm_bench)
    vars(bench).pop("identity", None)
    bench.config = config = warm_bench.config.model_copy(update={"workdir": workdir, **changes})
    config.folder.mkdir()
    with StudyStore.open(config.storage_url, config.study, identity=bench.identity) as store:
        utilisation, board = config.budget.utilisation(bench.space), RungBoard(len(config.rungs))
        store.study.sampler = make_sampler("random", 0, bench.space, utilisation, board)
        record_facts(store, bench, bench.teacher_score(), bench.precision)
        proposer = Proposer(store, bench.space, utilisation, config)
        recorder = StudyRecorder(store, config.folder, len(config.rungs))
        for last_rung in last_rungs:
            proposal = proposer.next()
            assert proposal is not None
            candidate = Candidate(bench, proposal)
            if last_rung is None:
                recorder.fail(proposal.trial, "d_adversarial is nan after 32 images")
                continue
            for rung in range(last_rung):
                recorder.record(proposal.trial, candidate.run(rung))
            recorder.finish(proposal.trial, candidate.run(last_rung))
        return read_report(store)
