"""Pictures of a study's trials, kept as Optuna's artifacts so that a dashboard shows them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import BinaryIO

import optuna
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta, upload_artifact
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial

from nas.errors import WorkdirError
from search_spaces import one_line, os_reason
from search_spaces.reading import written_whole

SAMPLES = "samples.png"


def attach_samples(
    study_or_trial: optuna.Study | Trial | FrozenTrial,
    png: Path,
    artifacts: Path,
    storage: BaseStorage | None = None,
) -> str:
    """Show the picture `png` on the page of a running trial, or of the study; returns its artifact id.

    A picture of the same file name replaces the former one.

    Args:
        study_or_trial: where it is shown.
        png: the picture.
        artifacts: folder of the study's artifacts, made when missing.
        storage: the study's, needed only for a FrozenTrial.

    Raises:
        WorkdirError: `artifacts` can't be written.
    """
    kept = artifact_store(artifacts)
    for meta in get_all_artifact_meta(study_or_trial, storage=storage):
        if meta.filename == png.name:
            _replace(artifacts / meta.artifact_id, png)
            return meta.artifact_id
    return upload_artifact(
        artifact_store=kept, file_path=str(png), study_or_trial=study_or_trial, storage=storage
    )


def samples_of(trial: FrozenTrial, storage: BaseStorage) -> str | None:
    """The artifact id of the samples of `trial`, beside the teacher's for the same inputs; None without."""
    found = get_all_artifact_meta(trial, storage=storage)
    return next((meta.artifact_id for meta in found if meta.filename == SAMPLES), None)


def _replace(kept: Path, png: Path) -> None:
    """Write the picture `png` in place of `kept`; a link there is replaced, not followed.

    Raises:
        WorkdirError: the database names a file outside of the artifacts' folder, or it can't be written.
    """
    if not re.fullmatch(r"[0-9a-f-]+", kept.name) or ".." in kept.parts:
        raise WorkdirError(f"{one_line(kept)} is no artifact: the study names a file outside of its folder")
    try:
        with written_whole(kept) as file, png.open("rb") as picture:
            shutil.copyfileobj(picture, file)
    except OSError as error:
        raise WorkdirError(f"{kept} can't be written ({os_reason(error)}): give another --workdir") from error


def artifact_store(artifacts: Path) -> FileSystemArtifactStore:
    """The folder of a study's artifacts, made when missing.

    Raises:
        WorkdirError: it can't be written.
    """
    try:
        artifacts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkdirError(
            f"{artifacts} can't be written ({os_reason(error)}): give another --workdir"
        ) from error
    return _WholeFiles(artifacts)


class _WholeFiles(FileSystemArtifactStore):
    """A folder of artifacts, each of which appears whole and on the disk: the study refers to it then."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._folder = folder

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keep an artifact."""
        with written_whole(self._folder / artifact_id) as file:
            shutil.copyfileobj(content_body, file)
