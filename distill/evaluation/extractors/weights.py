"""Weights files: downloaded once and in bounded time, and refused when they are more than tensors."""

from __future__ import annotations

import logging
import socket
import threading
import urllib.request
import warnings
from pathlib import Path
from typing import Any

import torch

from distill.errors import FidelityError

WEIGHTS_VARIABLE = "NAS_EXTRACTOR_WEIGHTS"
"""Environment variable with the path of the Inception weights, for machines that are set up once."""

CONNECT_SECONDS = 10.0  # how long an unreachable download may hold up a search
STALL_SECONDS = 30.0  # without a byte, once it has begun

log = logging.getLogger(__name__)


def download(url: str, target: Path, sha256: str | None = None) -> str | None:
    """Download `url` to `target`, in bounded time.

    Args:
        url: of the weights.
        target: the file to write.
        sha256: what the file's SHA-256 begins with.

    Returns:
        Why it failed; None where it succeeded.
    """
    log.info("downloading %s to %s", url, target)
    failure = unreachable(url)
    if failure is not None:
        return failure
    stall = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(STALL_SECONDS)  # torch.hub sets none of its own
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(target), sha256, progress=False)
    except (OSError, RuntimeError) as error:  # the second: not the SHA-256
        return str(error)
    finally:
        socket.setdefaulttimeout(stall)
    return None


def unreachable(url: str) -> str | None:
    """Why `url` does not answer within `CONNECT_SECONDS`, or None if it does."""
    answer: list[str | None] = [f"no answer within {CONNECT_SECONDS:g} s"]

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=CONNECT_SECONDS):
                answer[0] = None
        except OSError as error:
            answer[0] = str(error)

    # a thread, because the look-up of a host name has no timeout
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(CONNECT_SECONDS)
    return answer[0]


def read_tensors(path: Path, expected: str) -> Any:
    """What a torch file holds, tensors and plain values only; code in it is never run.

    Raises:
        FidelityError: it can't be read, or is more than that; the message names the `expected` file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd pickles, meant for torch's developers
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a file that is something else makes the reader raise
        raise FidelityError(
            f"{path} holds no readable extractor weights: give {expected} by --extractor-weights"
        ) from error
