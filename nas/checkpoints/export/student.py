"""Export of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.checkpoints.export.trial import trial_checkpoint
from nas.checkpoints.formats import DEFAULTS, Export, Settings, Written, write_checkpoint
from nas.reporting import SearchReport, TrialReport


@dataclass(frozen=True)
class Exported:
    """What was written of a student, and the facts that are noted in it."""

    files: list[Written]
    metadata: dict[str, str]


def export_student(
    found: SearchReport,
    trial: TrialReport,
    study_folder: Path,
    output: Path,
    *,
    formats: str | Sequence[str] = (),
    settings: Settings = DEFAULTS,
    force: bool = False,
) -> Exported:
    """Write the EMA weights and the facts of `trial` to `output`.

    Args:
        found: the study.
        trial: one of its trials.
        study_folder: where the study's checkpoints are.
        output: file to write; with several `formats` a folder.
        formats: of `FORMATS`; without them, the suffix of `output` says which.
        settings: of formats that other runtimes read.
        force: replace files that exist.

    Raises:
        ExportError: the trial has no checkpoint, it is missing or damaged; a format is unknown; a file exists
            or can't be written; or a format does not make the images of the network.
        ArchitectureError: the network does not start from the input of `settings`.
        ConfigError: a package is missing.
    """
    export = Export.of(output, formats, f"{found.study}-trial-{trial.number}", force=force)
    checkpoint = trial_checkpoint(found, trial, study_folder)
    return Exported(write_checkpoint(checkpoint, export, settings), dict(checkpoint.metadata))
