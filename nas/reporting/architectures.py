"""An architecture as people read it: a table of its layers, and the key to its short form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nas.reporting.report import SearchReport, TrialReport
from search_spaces import FAMILIES, Architecture, get_family

ENDS = ("latent", "inputs", "input", "image")  # rows that are no layers of a width of their own


def architecture_of(found: SearchReport, trial: TrialReport) -> Architecture:
    """The architecture of a trial of the study.

    Raises:
        UserError: the study's family is not installed, or the architecture is not one of it.
    """
    return get_family(found.space).architecture.from_json(trial.architecture)


def width_profile(family: str, architecture: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Each layer of an architecture between input and image, and its channels.

    Raises:
        UserError: the family is not installed, or the architecture is not one of it.
    """
    rows = get_family(family).architecture.from_json(dict(architecture)).describe()
    layers = [(row.get("layer", next(iter(row.values()))), row.get("channels", "")) for row in rows]
    return [(name, int(width)) for name, width in layers if name not in ENDS and width.isdigit()]


def legend_lines(family: str) -> list[str]:
    """The line that explains the short form of the family's architectures; none of an unknown family."""
    known = FAMILIES.get(family)
    return [f"Short form: {known.architecture.legend}."] if known and known.architecture.legend else []


def render_architecture(architecture: Architecture) -> RenderableType:
    """A row for each layer, below the short form."""
    rows = architecture.describe()
    table = Table(title=Text(str(architecture)), title_justify="left", box=box.SIMPLE_HEAD)
    for column in rows[0]:
        numbers = all(row[column].isdigit() for row in rows if row[column])
        table.add_column(column, justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*row.values())
    if not architecture.legend:
        return table
    return Group(table, Text(f"Short form: {architecture.legend}.", style="dim"))
