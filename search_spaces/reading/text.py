"""Text and JSON of untrusted files, of bounded size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MAX_TEXT = 16 * 2**20  # bytes; settings and architectures take thousands


def read_text(path: Path) -> str:
    """The text in UTF-8 of a file or pipe, of which no more than `MAX_TEXT` bytes are read.

    Raises:
        OSError: it can't be read.
        ValueError: it is larger, or no text in UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(MAX_TEXT + 1)
    if len(content) > MAX_TEXT:
        raise ValueError(f"larger than {MAX_TEXT >> 20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("not text in UTF-8") from error


def parse_json(text: str | bytes) -> Any:
    """`text` as JSON.

    Raises:
        ValueError: it is none, is nested too deeply, or has a number of too many digits.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
            raise
        raise ValueError("a number of too many digits") from error
