"""What is said of a settings file that can't be used: the key, the value as it stands there, and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.cli.search import main
from nas.config import SearchConfig, read_toml
from nas.errors import ConfigError


def refusal(content: str | bytes, folder: Path) -> str:
    path = folder / "search.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as error:
        SearchConfig.of(**read_toml(path, SearchConfig))
    message = str(error.value)
    assert message.isprintable()
    return message.replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"trials = \xff\xfe",
            "--config FILE can't be read (not text in UTF-8): correct it, or give another file",
        ),
        ("[a.b]\n[a.b]", "(Cannot declare a.b twice (at line 2, column 5))"),
        ("[a]\n[a]", "(Cannot declare a twice (at line 2, column 3))"),
        ("a.b = 1\n[a]\nb = 2", "(Cannot declare a twice (at line 2, column 3))"),
        ("a = {b = 1}\na.c = 2", "(Cannot mutate immutable namespace a (at "),
        ("a = " + "[" * 100_000, "can't be read ("),
        ("seed = 1\nbudget_macs = 2M", '): put quotes around text, budget_macs = "2M", correct it'),
        ("recipe = weight-decay  # ours\nseed = 1", 'quotes around text, recipe = "weight-decay", correct'),
        ("[search]\ntrials = 3", "FILE has a table [search]: write settings without tables, at the top"),
        ("seed = true", "seed = true in FILE: give a whole number, as for --seed"),
        ("seed = 1979-05-27", "seed = 1979-05-27 in FILE: give a whole number, as for --seed"),
        ("seeds = [1, 2]", "seeds = [1, 2] in FILE: give one value, a whole number, as for --seeds"),
        ("rungs = [true]", "rungs = [true] in FILE: give a list of QUANTITIES, as for --rungs"),
        ("rungs = [[1, 2], [3]]", "rungs = [[1, 2], [3]] in FILE: give a list of QUANTITIES, as for --rungs"),
        ("enqueue = [{a = true}]", "enqueue = [{a = true}] in FILE: give a list of a path, as for --enqueue"),
        ("trials = {a = 1}", "trials = {a = 1} in FILE: give a whole number, as for --trials"),
    ],
)
def test_a_file_that_can_not_be_used_is_named_with_key_and_value(
    content: str, says: str, tmp_path: Path
) -> None:
    assert says in refusal(content, tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("seed = 1e400", "seed 1e400"),
        ("budget_macs = 1e400", "'1e400' is too large"),
        ("significance = 1e400", "1e400"),
        ("kd_weight_start = 1e400", "1e400"),
        ("kd_weight_start = nan", "nan"),
    ],
)
def test_a_number_without_an_end_is_named_as_it_stands_there(content: str, says: str, tmp_path: Path) -> None:
    given = {"budget_macs": "2M"} | read_toml(written(content, tmp_path), SearchConfig)
    with pytest.raises(ConfigError) as error:
        SearchConfig.of(**given)
    assert says in str(error.value)


def written(content: str, folder: Path) -> Path:
    (folder / "search.toml").write_text(content)
    return folder / "search.toml"


def test_a_missing_file_is_named_without_the_systems_number(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.toml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=rf"can't be read \({why}\): correct it"):
            read_toml(path, SearchConfig)


@pytest.mark.parametrize("flag", ["--study", "--data", "--teacher", "--storage", "--enqueue"])
def test_an_empty_value_on_the_command_line_is_refused(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--budget-macs", "2M", flag, "", "--dry-run"])
    assert end.value.code == 2
    assert f"{flag} is empty: give a value, or leave it out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"batch_size": 10**12}, "--batch-size 1e+12: give a number of at most 1.05M"),
        ({"fid_samples": "1e15"}, "--fid-samples 1000000000000000: give a number of at most 10000000"),
        ({"rungs": "1e15"}, "--rungs 1e+15: give a number of at most 1T"),
        ({"rungs": "4k,1e15"}, "--rungs 1e+15: give a number of at most 1T"),
        ({"trials": 10**9}, "--trials 1000000000: give a number of at most 1M"),
        ({"workers": 10**9}, "--workers 1000000000: give a number of at most 10000"),
        (
            {"data": "teacher", "teacher_samples": "1e15"},
            "--teacher-samples 1e+15: give",
        ),
    ],
)
def test_sizes_that_nothing_can_be_made_of_are_refused_at_once(values: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        SearchConfig.of(budget_macs="2M", **values)
    assert says in str(error.value)
