"""The folder of a study: made, checked against its database, and removed when the search does not start."""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path

from nas.config import SearchConfig
from nas.errors import StudyError, WorkdirError
from nas.passwords import without_password
from nas.study.database import same_database
from search_spaces import os_reason


def check_folder(config: SearchConfig) -> None:
    """Refuse a folder with the checkpoints of a study of the same name in another database.

    Raises:
        StudyError: it is one, by the settings saved in it.
    """
    saved = config.folder / "config.toml"
    try:
        before = str(tomllib.loads(saved.read_text(encoding="utf-8")).get("storage", ""))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):  # there is none, or somebody wrote in it
        return
    before = before or config.model_copy(update={"storage": ""}).storage_url
    if not same_database(before, config.storage_url):
        raise StudyError(
            f"{config.folder} belongs to study {config.study!r} in {before}, not in "
            f"{without_password(config.storage_url)}: give another --study or --workdir"
        )


def make_folder(config: SearchConfig) -> list[Path]:
    """Make the study's folder; returns the folders that were not there before, the innermost first."""
    made = [folder for folder in config.folder.parents if not os.path.exists(folder)]
    try:
        config.folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # of two drivers, one has made it
            config.folder.mkdir()
            made = [config.folder, *made]
        with tempfile.TemporaryFile(dir=config.folder):
            pass
    except OSError as error:
        reason = os_reason(error)
        raise WorkdirError(
            f"{config.folder} can't be written ({reason}): choose another --workdir"
        ) from error
    return made


def remove_folders(made: list[Path], *, with_contents: bool) -> None:
    """Remove what `make_folder` made: the innermost with its contents if `with_contents`, others if empty."""
    if made and with_contents:
        shutil.rmtree(made[0], ignore_errors=True)
    for folder in made:
        with suppress(OSError):  # gone, or somebody else put something there meanwhile
            folder.rmdir()
