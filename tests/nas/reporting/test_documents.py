"""A study as Markdown, CSV, PNG and JSON, on stdout or in a file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from PIL import Image

from nas.plots import draw_figure, pareto_figure
from nas.reporting import COLUMNS, SearchReport, as_csv, as_markdown
from nas.study import open_existing
from tests.nas.cli.command_line import refused, run

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


@pytest.fixture
def where(finished: SearchReport) -> tuple[object, ...]:
    return ("--workdir", Path(finished.folder).parent)


def test_markdown_has_a_row_for_each_trial_of_the_front(finished: SearchReport) -> None:
    assert finished.best is not None
    text = as_markdown(finished)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[0].startswith("| trial | FD (digits) |")
    assert set(rows[1]) <= set("|-: ")
    shown = [int(row.split("|")[1]) for row in rows[2:]]
    assert shown[: len(finished.front)] == [trial.number for trial in finished.front]
    assert len({row.count("|") for row in rows}) == 1, "as many cells in every row"
    assert f"Best student: trial {finished.best.number}," in text


def test_no_name_is_markdown(finished: SearchReport) -> None:
    text = as_markdown(finished.model_copy(update={"study": "a|b <img src=x> [x](y) *z*\n\n# new"}))
    assert r"a\|b \<img src=x\> \[x\](y) \*z\* \# new" in text.splitlines()[0]


def test_csv_has_a_row_for_each_training(replicated: SearchReport, finished: SearchReport) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(replicated))))
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["trial"]) for row in rows] == [trial.number for trial in replicated.trials]
    assert [row["replicate_of"] for row in rows].count("0") == 2
    assert [row["best"] for row in rows].count("1") == 1
    failed = list(csv.DictReader(io.StringIO(as_csv(finished))))[-1]
    assert failed["state"] == "FAIL"
    assert failed["reason"]
    assert failed["fid"] == failed["images"] == ""


def test_the_columns_are_those_of_the_documentation() -> None:
    text = " ".join((Path(__file__).parents[3] / "docs" / "commands.md").read_text().split())
    columns = text.partition("Columns of the CSV")[2]
    places = [columns.find(f"`{name}`") for name in COLUMNS]
    assert -1 not in places
    assert places == sorted(places)


def test_the_picture_shows_the_front_in_its_colours(finished: SearchReport) -> None:
    store, _ = open_existing(Path(finished.folder).parent, finished.study, "")
    with store:
        picture = draw_figure(pareto_figure(store, finished.trials, finished.budget["macs"]))
        empty = draw_figure(pareto_figure(store, [], 2e6))
    assert picture.size == (1000, 640)
    colours = {colour for _, colour in picture.getcolors(10**6) or []}
    assert {(42, 120, 194), (200, 52, 43)} <= colours, "the front and the best"
    assert not {(42, 120, 194)} & {colour for _, colour in empty.getcolors(10**6) or []}


@pytest.mark.parametrize(("name", "begins"), [("a.md", b"**Pareto"), ("a.csv", b"trial,"), ("a.json", b"{")])
def test_the_suffix_of_the_file_says_the_format(name: str, begins: bytes, where: tuple[object, ...]) -> None:
    assert run("nas-report", *where, "-o", name).exit_code == 0
    assert Path(name).read_bytes().startswith(begins)
    kind = name.partition(".")[2]
    assert run("nas-report", *where, "--format", kind).stdout_bytes.startswith(begins)


def test_a_picture_goes_into_a_file_or_a_pipe(where: tuple[object, ...]) -> None:
    assert run("nas-report", *where, "-o", "front.png").exit_code == 0
    assert Image.open("front.png").size == (1000, 640)
    assert run("nas-report", *where, "--format", "png").stdout_bytes == Path("front.png").read_bytes()


def test_what_does_not_go_together_is_refused(where: tuple[object, ...]) -> None:
    Path("there.csv").write_text("mine")
    for says, arguments in (
        ("-o there.csv exists: choose another, or replace it by --force", ("-o", "there.csv")),
        ("-o a.pdf: give --format, or a file that ends in .md, .json", ("-o", "a.pdf")),
        ("-o a.png is no csv: leave --format csv out", ("-o", "a.png", "--format", "csv")),
        ("--json and --format csv exclude each other", ("--json", "--format", "csv")),
        ("--html and --output exclude each other", ("--html", "a.html", "-o", "b.html")),
        ("--trials and --format csv exclude each other", ("--trials", "--format", "csv")),
        ("-o goes with a whole study, not with --trials", ("--trials", "-o", "a.json")),
        ("--force goes with --output or --html", ("--force",)),
    ):
        refused(says, "nas-report", *where, *arguments)
    assert run("nas-report", *where, "-o", "there.csv", "--force").exit_code == 0
    assert Path("there.csv").read_text().startswith("trial,")
