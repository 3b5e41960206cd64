"""The folder of a study: checked against its database, made, and removed when its search is refused."""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from nas.config import DATABASE, SETTINGS, SearchConfig
from nas.database import same_database
from nas.errors import StudyError, WorkdirError
from nas.passwords import without_password
from search_spaces import UserError, os_reason
from search_spaces.reading import read_text

TRIALS = "trials"  # a folder in the study's, with one for each trial
INTERIM = "checkpoint-interim.pt"  # a file in a trial's folder
REPORT = ".progress"  # a file in a trial's folder


def trial_folder(study_folder: Path, trial: int) -> Path:
    """The folder of one trial's checkpoints, logs and samples."""
    return study_folder / TRIALS / f"{trial:04d}"


def interim_file(study_folder: Path, trial: int) -> Path:
    """The state of a trial's training between two rungs, which is there until the next one."""
    return trial_folder(study_folder, trial) / INTERIM


def report_file(study_folder: Path, trial: int) -> Path:
    """The file through which a candidate reports how many images it is trained for, while it trains."""
    return trial_folder(study_folder, trial) / REPORT


def check_folder(config: SearchConfig) -> None:
    """Refuse a folder that belongs to a study of the same name in another database.

    Raises:
        StudyError: the settings saved in it name another database.
    """
    other = other_database(config.folder, config.storage_url)
    if other:
        raise StudyError(
            f"{config.folder} belongs to study {config.study!r} in {other}, not in "
            f"{without_password(config.storage_url)}: give another --study or --workdir"
        )


def other_database(folder: Path, url: str) -> str:
    """The database of the study that `folder` belongs to, by the settings saved in it.

    Empty where it is `url`, and where there are no settings that can be read.
    """
    saved = _settings(folder)
    if saved is None:
        return ""
    before = str(saved.get("storage", "")) or f"sqlite:///{folder / DATABASE}"
    return "" if same_database(before, url) else before


def has_settings_of(folder: Path, study: str) -> bool:
    """Whether the settings saved in `folder` are those of a study of this name."""
    saved = _settings(folder)
    return saved is not None and saved.get("study") == study


def _settings(folder: Path) -> dict[str, Any] | None:
    """The settings saved in `folder`; None where there are none, or damaged ones."""
    try:
        return tomllib.loads(read_text(folder / SETTINGS))
    except (OSError, ValueError, RecursionError):
        return None


class StudyFolder:
    """Whether a new study folder is kept when its search is refused; see `study_folder`."""

    def __init__(self, folder: Path, is_ours: bool, undo: ExitStack) -> None:
        """Decide nothing yet.

        Args:
            folder: of the study.
            is_ours: whether this process has made it, rather than another driver.
            undo: what is done where the search is refused.
        """
        self._folder, self._is_ours, self._undo = folder, is_ours, undo

    def own_contents(self) -> None:
        """Remove the contents, too, where the folder is new: nobody else writes there."""
        if self._is_ours:
            self._undo.push(_on_user_error(partial(shutil.rmtree, self._folder, ignore_errors=True)))

    def keep(self) -> None:
        """Keep folder and contents, whatever happens from now on."""
        self._undo.pop_all()


@contextmanager
def study_folder(config: SearchConfig) -> Iterator[StudyFolder]:
    """Make the study's folder for the block; a block that ends by a UserError leaves no new empty folder.

    Raises:
        WorkdirError: the folder can't be made or written.
    """
    with ExitStack() as undo:
        made = [folder for folder in config.folder.parents if not os.path.exists(folder)]
        undo.push(_on_user_error(lambda: _remove_empty(made)))
        try:
            config.folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):  # of two drivers, one has made it
                config.folder.mkdir()
                made.insert(0, config.folder)
            with tempfile.TemporaryFile(dir=config.folder):
                pass
        except OSError as error:
            reason = os_reason(error)
            raise WorkdirError(
                f"{config.folder} can't be written ({reason}): choose another --workdir"
            ) from error
        yield StudyFolder(config.folder, config.folder in made, undo)


def _on_user_error(action: Callable[[], None]) -> Callable[..., None]:
    """An exit callback that does nothing but where the block ends by a UserError."""

    def leave(kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UserError):
            action()

    return leave


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove those of `folders` that are empty, the innermost first."""
    for folder in folders:
        with suppress(OSError):  # gone, or another process has put something there meanwhile
            folder.rmdir()
