"""Where the weights of extractors come from, unless the user gives a file.

The sources know their addresses by themselves: a command line or a driver checks them without importing
torch-fidelity, which takes seconds and 85 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from distill import imagenet
from distill.evaluation.extractors.weights import download, unreachable


class WeightsUnavailableError(Exception):
    """Weights that can't be had; the registry tells the user, together with the ways out."""

    def __init__(self, reason: str, wanted: str) -> None:
        """`reason` says of the extractor's weights what is wrong, `wanted` names the file to give."""
        super().__init__(reason)
        self.wanted = wanted


class Source(Protocol):
    """A place for weights."""

    def is_at_hand(self) -> bool:
        """Whether the weights are on this machine."""

    def check(self) -> None:
        """Check in bounded time that `find` can give the weights; nothing is downloaded.

        Raises:
            WeightsUnavailableError: they can't be had.
            MissingPackageError: the package that brings them is not installed.
        """

    def find(self) -> Path:
        """The file with the weights, downloaded where it has to be; raises what `check` raises."""


@dataclass(frozen=True)
class Packaged:
    """A file of this package."""

    file: Path

    def is_at_hand(self) -> bool:
        return True

    def check(self) -> None:
        """Nothing can be missing."""

    def find(self) -> Path:
        return self.file


@dataclass(frozen=True)
class Installed:
    """A file of an optional package: one of `distill.imagenet.VARIANTS`."""

    variant: str

    def is_at_hand(self) -> bool:
        return imagenet.is_installed(self.variant)

    def check(self) -> None:
        self.find()

    def find(self) -> Path:
        return imagenet.find_weights(self.variant)


@dataclass(frozen=True)
class Given:
    """A file that only the user has."""

    wanted: str  # in words

    def is_at_hand(self) -> bool:
        return False

    def check(self) -> None:
        self.find()

    def find(self) -> Path:
        raise WeightsUnavailableError("has no weights of its own", self.wanted)


@dataclass(frozen=True)
class Downloaded:
    """A file that is downloaded once, into torch.hub's folder of checkpoints."""

    url: str  # its last part is the file's name
    sha256: str | None = None  # what the file's SHA-256 begins with

    @property
    def file(self) -> Path:
        """Where the file is kept."""
        return Path(torch.hub.get_dir(), "checkpoints", self.url.rpartition("/")[2])

    def is_at_hand(self) -> bool:
        return self.file.is_file()

    def check(self) -> None:
        if not self.is_at_hand():
            self._report(unreachable(self.url))

    def find(self) -> Path:
        if not self.is_at_hand():
            self._report(download(self.url, self.file, self.sha256))
        return self.file

    def _report(self, failure: str | None) -> None:
        if failure is not None:
            raise WeightsUnavailableError(f"can't be downloaded from {self.url} ({failure})", self.file.name)
