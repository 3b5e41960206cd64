"""A study with a trial in every state, rungs and files, made in this process without a search."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import TrialState
from optuna_dashboard import save_note

from nas.config import DATABASE, SETTINGS, write_toml
from nas.study import StudyAttributes, StudyStore, attach_samples, trial_folder
from nas.trials import TrialAttributes
from search_spaces import file_digest
from tests.nas.study.records import IDENTITY, rung

STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)


def small_study(workdir: Path, name: str, url: str = "") -> tuple[str, Path]:
    """Make one in `workdir`, and in the database `url`; returns the URL and the study's folder."""
    folder = workdir / name
    folder.mkdir(parents=True)
    settings = {"study": name, "workdir": str(workdir), "storage": url, "trials": 6, "rungs": [64, 128]}
    write_toml(folder / SETTINGS, settings)
    (folder / "log.jsonl").write_text("{}\n")
    place = url or f"sqlite:///{folder / DATABASE}"
    with StudyStore.open(place, name, identity=IDENTITY) as store:
        StudyAttributes(config=settings, warnings=["a warning"]).write(store.study)
        for number, state in enumerate(STATES):
            trial = store.study.ask({"width": optuna.distributions.FloatDistribution(0, 1)})
            TrialAttributes(
                macs=1000 + number,
                architecture=f"small {number}",
                replicate_of=0 if number == 1 else None,
            ).write(trial)
            files = trial_folder(folder, number)
            files.mkdir(parents=True)
            (files / "samples.png").write_bytes(b"a picture of trial %d" % number)
            attach_samples(trial, files / "samples.png", folder / "artifacts")
            save_note(trial, f"a note on trial {number}")
            checkpoint = files / "checkpoint-rung-1.pt"
            checkpoint.write_bytes(b"weights %d" % number)
            losses = {"adversarial": 0.5, "kd.pixel": 1e-7}
            store.record_rung(rung(number, sha256=file_digest(checkpoint), losses=losses, fid=41.5 + number))
            if state == TrialState.COMPLETE:
                store.study.tell(trial, [41.5 + number, 1000.0])
            elif state != TrialState.RUNNING:
                store.study.tell(trial, state=state)
    return place, folder


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` but the database and the settings, by its relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith((DATABASE, SETTINGS, ".driver"))
    }
