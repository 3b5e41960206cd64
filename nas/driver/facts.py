"""The facts of a study that reports, exports and evaluations read."""

from __future__ import annotations

import os
import platform
import socket
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from distill.evaluation import given_weights
from distill.training import Precision
from nas.driver.preview import judge_warnings
from nas.errors import StudyError
from nas.study import BUILT_IN, REAL_IMAGES, RunFacts, StudyAttributes, StudyStore
from nas.workbench import Workbench

if TYPE_CHECKING:
    from distill.evaluation import FidScore


MOST_RUNS = 50  # that a study remembers
PACKAGES = ("nas-students", "torch", "optuna", "ray", "sqlalchemy", "numpy")


def record_run(store: StudyStore, run: str, seed: int) -> RunFacts:
    """Note which versions this run of a search has, and its seed, among the last runs of the study."""
    facts = RunFacts(
        run=run,
        since=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        host=socket.gethostname(),
        pid=os.getpid(),
        seed=seed,
        versions={"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
    )
    known = [each for each in StudyAttributes.from_study(store.study).runs if each.run != run]
    StudyAttributes(runs=[*known[1 - MOST_RUNS :], facts]).write(store.study)
    return facts


def _version(package: str) -> str:
    """The version of an installed package; empty where it is used without being installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def record_facts(store: StudyStore, bench: Workbench, teacher_score: FidScore, precision: Precision) -> None:
    """Record the configuration, the teacher with its distance, the extractor and the precision.

    A study without trials takes any.

    Raises:
        StudyError: the study was measured with other extractor weights, or its students were trained in
            another precision.
    """
    same_weights = "give the same file by --extractor-weights"
    same_precision = "give the same --precision, or train on the same kind of device"
    fresh = not store.study.get_trials(deepcopy=False)
    known = StudyAttributes() if fresh else StudyAttributes.from_study(store.study)
    for what, recorded, here, fix in (
        ("extractor weights", known.extractor_digest, teacher_score.digest, same_weights),
        ("precision", known.trained_in, precision, same_precision),
    ):
        if recorded and recorded != here:
            raise StudyError(
                f"study {store.name!r} belongs to the {what} {recorded}, not {here}: {fix}, or use "
                "--study NAME for a new one"
            )
    weights = given_weights(bench.config.extractor, bench.config.extractor_weights)
    architecture = bench.teacher.generator.architecture
    teacher: dict[str, Any] = {
        "name": bench.teacher.name,
        "path": str(bench.config.absolute().teacher or BUILT_IN),
        "digest": bench.teacher.digest,
        "macs": bench.space.macs(architecture),
        "params": bench.space.params(architecture),
        "fid": teacher_score.value,
        "fid_samples": teacher_score.samples,
    }
    StudyAttributes(
        extractor_digest=teacher_score.digest,
        extractor_weights="" if weights is None else str(weights.resolve()),
        trained_in=precision,
        teacher_info=teacher,
        compared_with=REAL_IMAGES if bench.samples is None else bench.samples.described,
        config=bench.config.absolute().public(),
        warnings=judge_warnings(bench),
    ).write(store.study)
