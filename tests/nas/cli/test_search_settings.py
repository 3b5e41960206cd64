"""nas-search: settings from a file and from flags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.nas.cli.command_line import refused, result_of, run, tiny


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            "trials = 8\nbudget = '5G'\n",
            "search.toml sets 'budget', which does not exist; did you mean budget_macs?",
        ),
        ("trials = = 8\n", "search.toml can't be read"),
        ("budget_macs = '5X'\n", "budget_macs = '5X' in search.toml has the unknown suffix 'X'"),
        ("budget_macs = -5\n", "budget_macs = -5 in search.toml: give a number above 0"),
        ("budget_macs = 1000000\ntrials = 'many'\n", "trials = many in search.toml: give a whole number"),
    ],
)
def test_a_configuration_file_that_is_wrong_is_refused(content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "search.toml").write_text(content)
    refused(says, "nas-search", "--config", "search.toml")


@pytest.mark.parametrize(
    ("content", "flags", "says"),
    [
        ("kd_decay_end = 0.4", "", "give 0 <= --kd-decay-start < kd_decay_end in search.toml <= 1"),
        ("kd_decay_start = 0.6", "--kd-decay-end 0.4", "kd_decay_start in search.toml < --kd-decay-end <= 1"),
        ("perceptual = 'no.pt'", "", "perceptual = no.pt in search.toml is not a file"),
        ("workers = 0", "", "workers = 0 in search.toml: give a number of at least 1"),
        ("workers = 0", "--workers 0", "--workers 0: give a number of at least 1"),
        ("seed = true", "", "seed = true in search.toml: give a whole number, as for --seed"),
        ("mirror = 'yes'", "", "mirror = yes in search.toml: give true or false"),
        ("enqueue = 'a.json'", "", "enqueue = a.json in search.toml: give a list"),
        ("rung = [1, 2]", "", "search.toml sets 'rung', which does not exist; did you mean rungs?"),
    ],
)
def test_an_error_names_the_key_and_the_file_where_the_value_is_from_there(
    content: str, flags: str, says: str
) -> None:
    Path("search.toml").write_text(content)
    refused(says, "nas-search", "--budget-macs", "2M", "--config", "search.toml", *flags.split())


def test_a_tilde_is_the_home_folder_on_the_command_line_and_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "search.toml").write_text("workdir = '~/runs'\n")
    flags = ("--budget-macs", "2M", "--dry-run", "--json")
    for asked in (("--workdir=~/runs",), ("--config", "~/search.toml")):
        settings = result_of(run("nas-search", *flags, *asked).stdout)["settings"]
        assert settings["workdir"] == str(tmp_path / "home" / "runs")


def test_settings_come_from_a_file_and_flags_win(tmp_path: Path) -> None:
    (tmp_path / "search.toml").write_text(
        "budget_macs = '2M'\ntrials = 7\nrungs = [100, 200]\n"
        "mirror = true\ninherit = false\nkd_decay_end = 0.7\n"
    )
    result = run("nas-search", "--config", "search.toml", "--trials", 9, "--dry-run", "--json")
    settings = result_of(result.stdout)["settings"]
    assert (settings["budget_macs"], settings["trials"], settings["rungs"]) == (2_000_000, 9, [100, 200])
    assert (settings["mirror"], settings["inherit"], settings["kd_decay_end"]) == (True, False, 0.7)


def test_the_settings_of_a_dry_run_are_those_of_the_same_flags_in_a_file(teacher_file: Path) -> None:
    first = result_of(run("nas-search", *tiny(teacher_file, "--dry-run", "--json")).stdout)
    lines = [
        f"{name} = {json.dumps(value)}"
        for name, value in first["settings"].items()
        if value not in (None, "")
    ]
    Path("search.toml").write_text("\n".join(lines))
    second = result_of(run("nas-search", "--config", "search.toml", "--dry-run", "--json").stdout)
    for shown in (first, second):
        assert shown.pop("training_seconds")["least"] > 0, "timed anew"
        shown["notes"] = [note for note in shown["notes"] if not note.startswith("Time: ")]
    assert second == first
