"""`dataset.json`: the class of every image, as NVIDIA's dataset tools write it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces import one_line
from search_spaces.reading import parse_json

LABEL_FILE = "dataset.json"  # in the root of a folder or .zip, or in the only folder there
MAX_CLASSES = 100_000


class UnlabelledError(Exception):
    """Why images have no labels, though there is something that might be labels."""


def read_label_file(names: Sequence[str], content: bytes) -> list[int]:
    """A class for each of the images `names` from `{"labels": [["00000/img0.png", 7], …]}`.

    A dictionary from names to classes will do as well, as will whole numbers written as floats or text.

    Raises:
        UnlabelledError: it is no JSON, or lacks a number for an image.
    """
    labels = _pairs(content)
    missing = [name for name in names if name not in labels]
    if missing:
        raise UnlabelledError(
            f"{LABEL_FILE} has no label for {len(missing)} of {len(names)} images, the first of them is "
            f"{one_line(missing[0], 80)}"
        )
    return [_number(name, labels[name]) for name in names]


def _pairs(content: bytes) -> Mapping[str, Any]:
    try:
        described = parse_json(content)
    except json.JSONDecodeError as error:
        raise UnlabelledError(
            f"{LABEL_FILE} is no JSON: {error.msg.lower()} in line {error.lineno}, column {error.colno}"
        ) from error
    except ValueError as error:  # no text, nested without end, or numbers without end
        raise UnlabelledError(f"{LABEL_FILE} is no JSON") from error
    labels = described.get("labels") if isinstance(described, dict) else None
    if labels is None:
        raise UnlabelledError(f'{LABEL_FILE} has no list under "labels"')
    try:
        pairs = labels.items() if isinstance(labels, dict) else [(name, label) for name, label in labels]
        labels = {str(name): label for name, label in pairs}
    except (TypeError, ValueError) as error:
        raise UnlabelledError(f'{LABEL_FILE} has no list of [image, class] under "labels"') from error
    return {name.replace("\\", "/"): label for name, label in labels.items()} | labels


def _number(name: str, label: Any) -> int:
    """The class that `label` is, a whole number in whatever form."""
    try:
        number = None if isinstance(label, bool) else float(label)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or not 0 <= number < MAX_CLASSES or number != int(number):
        raise UnlabelledError(
            f"{LABEL_FILE} gives {one_line(name, 80)} the class {one_line(json.dumps(label), 40)}: classes "
            f"are whole numbers from 0 to {MAX_CLASSES - 1}"
        )
    return int(number)
