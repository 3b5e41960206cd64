"""`nas-study status` as text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nas.budget import format_quantity
from nas.progress import duration
from nas.reporting import format_bytes, make_table, states_in_words
from nas.trials import INTERRUPTED, STATES
from nas.upkeep.disk import DiskUse
from nas.upkeep.status import LeaseStatus, RunningTrial, StudyStatus
from search_spaces import count_of

SHOWN = 8  # workers in a line
LEFT = "left"


def render_status(found: StudyStatus) -> RenderableType:
    """What the study does: a line for each fact, then the running trials."""
    facts = Table.grid(padding=(0, 2))
    for name, said in _facts(found):
        facts.add_row(Text(name, style="dim"), Text(said, overflow="fold"))
    running: list[RenderableType] = [Text(), _running_table(found)] if found.running_trials else []
    return Group(facts, *running)


def _facts(found: StudyStatus) -> Iterator[tuple[str, str]]:
    yield "study", f"{found.study}: {_doing(found)}"
    yield "folder", found.folder
    yield "lease", _lease(found.lease)
    yield "trials", _trials(found)
    if found.last_rung is not None:
        last = found.last_rung
        when = "" if last.at is None else f", {_ago(time.time() - last.at)}"
        yield (
            "last rung",
            f"trial {last.trial}, rung {last.rung}/{len(found.rungs) or '?'}: {found.distance} "
            f"{last.fid:.2f} after {last.images:,} images, by {last.worker}{when}",
        )
    if found.workers:
        yield "workers", _workers(found)
    yield "disk", disk_in_words(found.disk)
    if found.run:
        yield "run", _run(found)


def _doing(found: StudyStatus) -> str:
    """What the study does, in a few words."""
    if found.running:
        return "running" if found.trials else "being prepared"
    if INTERRUPTED in found.states:
        return "interrupted, the same command resumes it"
    if not found.trials:
        return "not started"
    return "finished" if found.trials_done >= found.trials else "not running, the same command resumes it"


def _lease(lease: LeaseStatus | None) -> str:
    if lease is None:
        return "nobody holds it"
    since = f"pid {lease.pid} on {lease.host} since {datetime.fromtimestamp(lease.since):%Y-%m-%d %H:%M:%S}"
    state = "; expired" if lease.expired else "" if lease.alive else "; its process is gone"
    return f"{since}, last heartbeat {_ago(lease.silent)}{state}"


def _trials(found: StudyStatus) -> str:
    order = {state: found.states[state] for state in STATES if state in found.states}
    done = f"{found.trials_done}/{found.trials} done, {found.trials_begun} begun"
    if not found.replicates_begun:
        return f"{done}: {states_in_words(order)}"
    further = f"{found.replicates_done} of at most {count_of(found.replicates, 'replicate')} done"
    return f"{done}; {further}; of all trainings {states_in_words(order)}"


def _workers(found: StudyStatus) -> str:
    most = sorted(found.workers.items(), key=lambda each: -each[1])
    named = ", ".join(f"{name} ({count_of(rungs, 'rung')})" for name, rungs in most[:SHOWN])
    more = f" and {count_of(len(most) - SHOWN, 'other')}" if len(most) > SHOWN else ""
    return f"{len(found.running_trials)} at work; rungs were recorded by {named}{more}"


def disk_in_words(disk: DiskUse) -> str:
    """ "38.2 MB: checkpoints 30.1 MB, samples …", kinds that take nothing left out."""
    kinds = {name: size for name, size in disk.model_dump().items() if size}
    parts = ", ".join(f"{name} {format_bytes(size)}" for name, size in kinds.items())
    return f"{format_bytes(disk.total)}{': ' if parts else ''}{parts}"


def _run(found: StudyStatus) -> str:
    run = found.run
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return f"{run['run']}: {versions}, seed {run['seed']}"


def _running_table(found: StudyStatus) -> Table:
    table = make_table(
        ["trial", "work", "rung", "images", "images/s", "KD\nweight", "loss", LEFT, "reported"],
        text=("work",),
    )
    for each in found.running_trials:
        table.add_row(*_row(each, len(found.rungs)))
    return table


def _row(trial: RunningTrial, rungs: int) -> list[str]:
    of = f"/{format_quantity(trial.total)}" if trial.total else ""
    return [
        str(trial.trial),
        trial.work,
        f"{trial.rung}/{rungs}" if rungs else str(trial.rung),
        f"{format_quantity(trial.images)}{of}",
        *(_figure(value) for value in (trial.images_per_second, trial.kd_weight, trial.loss)),
        "" if trial.seconds_left is None else duration(trial.seconds_left),
        "" if trial.reported is None else _ago(trial.reported),
    ]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _ago(seconds: float) -> str:
    return f"{duration(max(0.0, seconds))} ago" if seconds >= 60 else f"{max(0.0, seconds):.0f} s ago"
