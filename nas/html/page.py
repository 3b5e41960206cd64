"""The HTML report of a study: one file with figures, tables and pictures, for a browser without a network."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from nas.errors import ExportError
from nas.html.sections import sections
from nas.reporting import check_document, write_document
from nas.study import StudyStore

FLAG = "--html"
STATIC = files(__package__) / "static"


def write_page(store: StudyStore, folder: Path, output: Path, *, force: bool = False) -> int:
    """Write the report of the study in `store` to `output`, which appears only when complete.

    Args:
        store: the study.
        folder: its own, with the pictures of its trials.
        output: file to write, *.html.
        force: replace `output` if it exists.

    Returns:
        Bytes written.

    Raises:
        ExportError: `output` exists, has another suffix, or can't be written.
        StudyError: the study was not made by a search.
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise ExportError(f"{FLAG} {output}: give a file that ends in .html")
    check_document(output, FLAG, force=force)
    page = page_of(store, folder).encode()
    write_document(page, output, FLAG)
    return len(page)


def page_of(store: StudyStore, folder: Path) -> str:
    """The report as HTML. All that a user could have named is escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    shown: dict[str, Any] = sections(store, folder)
    return environment.from_string(_static("report.html")).render(
        shown,
        css=Markup(_static("report.css")),
        script=Markup(_static("report.js")),
        plotly=Markup(get_plotlyjs()),
        version=version("nas-students"),
    )


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
