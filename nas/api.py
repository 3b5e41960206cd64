"""What `import nas` offers: the commands `nas-search`, `nas-report` and `nas-export` as functions."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

from nas.budget import Budget
from nas.checkpoints import Settings, choose, export_student
from nas.config import SearchConfig
from nas.driver import prepare, run_search
from nas.errors import ConfigError
from nas.html import write_page as write_study_page
from nas.options import StudyOptions, nearest
from nas.progress import VisibleConsole, progress_bars
from nas.reporting import SearchReport, read_report
from nas.study import open_existing

WORKDIR: Path = StudyOptions.model_fields["workdir"].default


def search(
    budget: Budget | str | int,
    *,
    teacher: str | Path | None = None,
    data: str | Path | None = None,
    trials: int = 12,
    progress: bool = False,
    **options: Any,
) -> SearchReport:
    """Search students that fit `budget`, as `nas-search` does; the same call resumes a stopped search.

        report = nas.search("2M", trials=24)
        budget = nas.Budget(macs=5_000_000_000, params=8_000_000)
        report = nas.search(budget, teacher="ffhq256.pkl", data="ffhq256.zip", mirror=True)
        print(report.best.fid, report.best.macs, report.best.architecture)

    The study is written to `workdir`, so that every command finds it. Ray is started for the search and ended
    after it.

    Args:
        budget: MACs for one image, as a number or as text ("5G", "800M"); or a `Budget` of several limits.
        teacher: checkpoint of the teacher; the built-in digits' teacher when None.
        data: the real images: folder, zip, idx file or torchvision:NAME. When None, samples of the `teacher`
            take their place; without a `teacher`, the built-in digits are used.
        trials: architectures to train, baselines included.
        progress: show progress on stderr.
        options: further options by the names of `nas.SearchConfig`'s fields, such as `workdir`, `rungs`,
            `recipe`, `seed` or `workers`: docs/reference/nas-search.md lists all.

    Returns:
        The whole study. `best` is None when no trial is complete.

    Raises:
        UserError: an option is unknown or out of its range, or what it names can't be used; nothing is
            trained then.
        SearchError: the search had to end; what was finished is kept.
    """
    config = _config(budget, options | {"teacher": teacher, "data": data, "trials": trials})
    if ray.is_initialized():
        raise ConfigError("Ray runs in this process already: call ray.shutdown() before a search")
    console = VisibleConsole(stderr=True, quiet=not progress, markup=False, emoji=False)
    with progress_bars(console) as on_progress:
        bench = prepare(config, on_progress=on_progress)
    with _signals_kept():
        return run_search(bench, console)


def open_study(name: str = "", *, workdir: str | Path = WORKDIR, storage: str = "") -> SearchReport:
    """What a study holds now, also while it runs; nothing is changed.

        report = nas.open_study()  # the last search in nas-runs
        for trial in report.front:
            print(trial.number, trial.median, trial.macs, trial.summary)

    Args:
        name: of the study; the newest when empty.
        workdir: folder of runs.
        storage: SQLAlchemy URL; SQLite in the study's folder when empty.

    Raises:
        UserError: there is no such study, it was not made by a search, or the storage can't be used.
    """
    store, folder = open_existing(Path(workdir), name, storage)
    with store:
        return read_report(store, folder)


def write_page(
    output: str | Path,
    name: str = "",
    *,
    workdir: str | Path = WORKDIR,
    storage: str = "",
    force: bool = False,
) -> None:
    """Write a study as one HTML page that needs no network, as `nas-report --html` does.

        nas.write_page("report.html")  # the last search in nas-runs

    Args:
        output: file to write, *.html.
        name: of the study; the newest when empty.
        workdir: folder of runs.
        storage: SQLAlchemy URL; SQLite in the study's folder when empty.
        force: replace `output` if it exists.

    Raises:
        UserError: there is no such study, or `output` exists or can't be written.
    """
    store, folder = open_existing(Path(workdir), name, storage)
    with store:
        write_study_page(store, folder, Path(output), force=force)


def export(
    report: SearchReport,
    output: str | Path,
    *,
    trial: int | None = None,
    max_macs: int | None = None,
    formats: str | Sequence[str] = (),
    start: str = "",
    batch: int | None = None,
    force: bool = False,
) -> dict[str, str]:
    """Write a student of a study to a file, as `nas-export` does.

        nas.export(nas.open_study(), "student.safetensors")
        student = nas.load_student("student.safetensors")
        nas.export(nas.open_study(), "student.onnx")

    Args:
        report: of `search` or `open_study`.
        output: file to write, whose suffix says the format; with several `formats` a folder.
        trial: number of the trial; the best by posterior estimate when None.
        max_macs: the best of at most so many MACs; leave `trial` out then.
        formats: any of "safetensors", "onnx", "pt2", "hub"; by the suffix of `output` when empty.
        start: what ONNX models and programs start from: "z", "w" or "w+" of StyleGAN2.
        batch: images that they make at a time; any number when None.
        force: replace `output` if it exists.

    Returns:
        The file's metadata: the distance and its conditions, costs, where the student comes from.

    Raises:
        UserError: `report` is no report, there is no such trial, its checkpoint can't be used, or `output`
            exists or can't be written.
    """
    if not isinstance(report, SearchReport):
        raise ConfigError(
            f"export takes a report, not {report!r}: give what nas.search or nas.open_study returns, then "
            "the file to write"
        )
    if trial is not None and max_macs is not None:
        raise ConfigError(f"trial {trial} and max_macs {max_macs} exclude each other: give one of them")
    chosen = choose(report, trial=trial, max_macs=max_macs)
    exported = export_student(
        report,
        chosen,
        Path(report.folder),
        Path(output),
        formats=formats,
        settings=Settings(start, batch),
        force=force,
    )
    return exported.metadata


def _config(budget: Budget | str | int, options: dict[str, Any]) -> SearchConfig:
    """The checked request.

    Raises:
        UserError: an option is unknown or out of its range.
    """
    limits = (
        {"budget_macs": budget.macs, "budget_params": budget.params, "budget_latency": budget.latency}
        if isinstance(budget, Budget)
        else {"budget_macs": budget}
    )
    for name in options:
        if name not in SearchConfig.model_fields:
            raise ConfigError(f"search has no option {name!r}{nearest(name, SearchConfig.model_fields)}")
        if name in limits and limits[name] is not None:
            raise ConfigError(f"{name} is given twice: leave it out, or give it by nas.Budget")
    return SearchConfig.of(**{**limits, **options})


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Put the caller's SIGTERM handler back after the block: a search sets its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
