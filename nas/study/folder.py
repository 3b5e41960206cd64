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

from nas.config import SearchConfig
from nas.database import same_database
from nas.errors import StudyError, WorkdirError
from nas.passwords import without_password
from search_spaces import UserError, os_reason
from search_spaces.reading import read_text


def check_folder(config: SearchConfig) -> None:
    """Refuse a folder that belongs to a study of the same name in another database.

    Raises:
        StudyError: the settings saved in it name another database.
    """
    saved = config.folder / "config.toml"
    try:
        before = str(tomllib.loads(read_text(saved)).get("storage", ""))
    except (OSError, ValueError, RecursionError):  # there is none, or it is damaged
        return
    before = before or config.model_copy(update={"storage": ""}).storage_url
    if not same_database(before, config.storage_url):
        raise StudyError(
            f"{config.folder} belongs to study {config.study!r} in {before}, not in "
            f"{without_password(config.storage_url)}: give another --study or --workdir"
        )


class StudyFolder:
    """Whether a new study folder is kept when its search is refused; see `study_folder`."""

    def __init__(self, made: Sequence[Path], undo: ExitStack) -> None:
        self._made, self._undo = made, undo

    def own_contents(self) -> None:
        """Remove the contents, too, where the folder is new: nobody else writes there."""
        if self._made:
            self._undo.push(_on_user_error(partial(shutil.rmtree, self._made[0], ignore_errors=True)))

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
        yield StudyFolder(made, undo)


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
