"""nas-report: what a study found, and how far it can be believed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from nas.cli.command import Command, echo, results
from nas.cli.options import options
from nas.cli.studies import list_studies, open_asked
from nas.options import JsonOption, Location, Names, StudyOptions, option, variant

if TYPE_CHECKING:
    from nas.reporting import SearchReport
    from nas.study import StudyStore

EXAMPLES = """
nas-report
nas-report --list
nas-report --trials
nas-report --study digits-5Gmacs
nas-report --architecture 7
nas-report --json | jq .front

# for an issue or a README, for a spreadsheet, for a slide
nas-report --format md
nas-report -o trials.csv
nas-report -o front.png

# the time of one image beside MACs: of the teacher, the front and the baselines
nas-report --latency cpu,onnxruntime

# a page for people: plots, tables, samples
nas-report --html report.html
"""

SUFFIXES = {".md": "md", ".json": "json", ".csv": "csv", ".png": "png", ".html": "html", ".htm": "html"}
NOT_FOR_TERMINALS = ("png", "html")  # bytes, and megabytes of scripts
DOCUMENTS = ("md", "csv", "png", "html")  # of a whole study only


class ReportOptions(JsonOption, StudyOptions):
    """What `nas-report` shows."""

    listed: bool = option(
        False,
        group="output",
        flag="--list",
        off="",
        help="List the studies of --workdir or --storage instead, the newest first.",
    )
    trials: bool = option(
        False, group="output", off="", help="List the study's trials instead, replicates among them."
    )
    architecture: int | None = option(
        None, group="output", help="Number of a trial: show its layers instead.", ge=0
    )
    format: Literal["md", "json", "csv", "png", "html"] | None = option(
        None,
        group="output",
        help="md: a Markdown table for GitHub; json: one object; csv: a row for each training; png: the plot "
        "of the front; html: a page with plots and pictures that needs no network.",
        shown="by the suffix of --output, else tables for people",
    )
    output: Location | None = option(
        None, group="output", short="-o", help="Write to this file.", shown="stdout"
    )
    html: Location | None = option(None, group="output", help="The same as --format html --output PATH.")
    as_json: bool = variant(JsonOption, "as_json", default=False, help="The same as --format json.")
    latency: Names = option(
        (),
        group="output",
        help="First time one image of the students shown, and of the teacher, on any of {choices}, and keep "
        "the times in the study: every report shows them from then on.",
        choices="nas.budget:STOPWATCHES",
    )
    force: bool = option(False, group="output", off="", help="Replace the file if it exists.")


@click.command(cls=Command, examples=EXAMPLES, unnamed="--study")
@options(ReportOptions)
def main(asked: ReportOptions) -> None:
    """Show a study, also while it runs: front, best student, noise, rank correlations of the rungs.

    Without --study it is the last searched one that has a complete trial. Of a study of finalists it shows
    what nas-distill prints: the distance of every seed, with intervals.
    """
    from nas.errors import ConfigError
    from nas.reporting import check_document, read_report

    parts = {
        "--list": asked.listed,
        "--trials": asked.trials,
        "--architecture": asked.architecture is not None,
    }
    given = [flag for flag, value in parts.items() if value]
    kind, output, flag = _document(asked)
    if kind in DOCUMENTS and given:
        given.append(flag if output else f"--format {kind}")
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} exclude each other: give one of them")
    if output is not None and given:
        raise ConfigError(f"{flag} goes with a whole study, not with {given[0]}: leave one of them out")
    if asked.force and output is None:
        raise ConfigError("--force goes with --output or --html: give one of them, or leave --force out")
    if output is not None:
        check_document(output, flag, force=asked.force)
    if asked.latency and (asked.listed or asked.architecture is not None):
        raise ConfigError("--latency goes with a report of a study, not with --list and --architecture")
    if asked.listed:
        _list(asked)
        return
    store, folder = open_asked(asked)
    with store:
        if asked.latency:
            _time(store, folder, asked.latency)
        if kind in DOCUMENTS or output is not None:
            _put(_made(kind, store, folder), output, flag, asked, store.name)
            return
        found = read_report(store, folder)
    _show(found, asked, as_json=kind == "json")


def _time(store: StudyStore, folder: Path, where: tuple[str, ...]) -> None:
    """Measure what the reports show, and keep it."""
    from nas.checkpoints import measure_study
    from nas.reporting import read_report

    measure_study(store, read_report(store, folder), where, lambda note: echo(f"note: {note}", err=True))


def _document(asked: ReportOptions) -> tuple[str, Path | None, str]:
    """The format, "" for tables; the file, None for stdout; and the flag that names it.

    Raises:
        ConfigError: options exclude each other, or the file's name does not say a format.
    """
    from nas.errors import ConfigError

    if asked.html is not None:
        for flag, value in (("--format", asked.format), ("--output", asked.output)):
            if value is not None:
                raise ConfigError(f"--html and {flag} exclude each other: give one of them")
        if SUFFIXES.get(asked.html.suffix.lower()) != "html":
            raise ConfigError(f"--html {asked.html}: give a file that ends in .html")
        return "html", asked.html, "--html"
    if asked.as_json and asked.format not in (None, "json"):
        raise ConfigError(f"--json and --format {asked.format} exclude each other: give one of them")
    kind = "json" if asked.as_json else asked.format or ""
    if asked.output is None:
        if kind in NOT_FOR_TERMINALS and sys.stdout.isatty():
            raise ConfigError(f"--format {kind} is nothing for a terminal: give a file, -o front.{kind}")
        return kind, None, ""
    meant = SUFFIXES.get(asked.output.suffix.lower(), "")
    if kind and meant not in ("", kind):
        raise ConfigError(f"-o {asked.output} is no {kind}: leave --format {kind} out, or end it in .{kind}")
    if not kind and not meant:
        ends = ", ".join(suffix for suffix in SUFFIXES if suffix != ".htm")
        raise ConfigError(f"-o {asked.output}: give --format, or a file that ends in {ends}")
    return kind or meant, asked.output, "-o"


def _made(kind: str, store: StudyStore, folder: Path) -> bytes:
    """The study in this format."""
    import io

    from nas.html import page_of
    from nas.plots import draw_figure, pareto_figure
    from nas.reporting import as_csv, as_markdown, read_report

    if kind == "html":
        return page_of(store, folder).encode()
    found = read_report(store, folder)
    if kind == "png":
        picture = io.BytesIO()
        draw_figure(pareto_figure(store, found.trials, found.budget["macs"])).save(picture, "PNG")
        return picture.getvalue()
    if kind == "json":
        return f"{json.dumps(_for_programs(found), indent=2)}\n".encode()
    text = as_csv(found) if kind == "csv" else as_markdown(found)
    return text.encode(errors="backslashreplace")


def _put(content: bytes, output: Path | None, flag: str, asked: ReportOptions, study: str) -> None:
    """Write `content` to the file, and say so; else to stdout."""
    from nas.reporting import write_document

    if output is None:
        if sys.stdout.isatty():
            echo(content.decode(), nl=False)
        else:
            sys.stdout.buffer.write(content)
        return
    write_document(content, output, flag)
    if asked.as_json:
        echo(json.dumps({"output": str(output), "study": study, "bytes": len(content)}))
        return
    size = f"{len(content) / 1e6:.1f} MB" if len(content) > 1e5 else f"{len(content) / 1e3:.1f} kB"
    echo(f"{output}: {study}, {size}{'; open it in a browser' if flag == '--html' else ''}")


def _for_programs(found: SearchReport) -> dict[str, Any]:
    """The report, and the cautions that people read below it."""
    from nas.reporting import caution_lines

    return {**found.model_dump(mode="json"), "cautions": caution_lines(found)}


def _list(asked: ReportOptions) -> None:
    """Print the studies."""
    from nas.errors import ConfigError

    if asked.study:
        raise ConfigError(f"--study {asked.study}: --list shows all studies; leave one of them out")
    list_studies(asked.workdir, asked.storage, as_json=asked.as_json or asked.format == "json")


def _show(found: SearchReport, asked: ReportOptions, *, as_json: bool) -> None:
    """Print a study, or the part of it that is asked for."""
    from nas.reporting import architecture_of, render, render_architecture, render_trials, render_trust

    out = results()
    if asked.architecture is not None:
        described = architecture_of(found, found.trial(asked.architecture))
        if as_json:
            out.print_json(data=described.describe())
        else:
            out.print(render_architecture(described))
    elif as_json:
        shown = _for_programs(found)
        out.print_json(data={"trials": shown["trials"]} if asked.trials else shown)
    elif asked.trials:
        out.print(render_trials(found))
    else:
        out.print(render(found, render_trust(found)))


if __name__ == "__main__":
    main()
