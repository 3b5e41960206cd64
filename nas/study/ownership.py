"""Which driver's workers may write into a study's folder: the holder of the study's lease says so in a file.

A driver that lost its lease, because it was suspended, has workers that know nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nas.errors import StudyError
from search_spaces.reading import written_whole

DRIVER = ".driver"  # a file in the study's folder


@dataclass(frozen=True)
class FolderOwner:
    """The driver that holds the lease of the study of `folder`, known by the lease's token."""

    folder: Path
    token: str

    def claim(self) -> None:
        """Write down that the folder is this driver's; raises OSError if it can't be written."""
        with written_whole(self.folder / DRIVER) as file:
            file.write(self.token.encode())

    def check(self) -> None:
        """Check that the folder is still this driver's, before something is written there.

        Raises:
            StudyError: another driver has claimed it.
            OSError: the folder can't be read.
        """
        if (self.folder / DRIVER).read_text() != self.token:
            raise StudyError(f"{self.folder} was taken over by another driver: its workers train there now")
