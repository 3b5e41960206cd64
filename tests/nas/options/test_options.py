"""Fields of models as options: what values may be written as, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from nas.errors import ConfigError
from nas.options import (
    Count,
    Duration,
    Gpus,
    Location,
    Options,
    Quantities,
    Quantity,
    option,
    options_of,
    variant,
)


class Some(Options):
    """One option of every kind."""

    images: Quantity = option(10_000, group="search", gt=0, help="Images.")
    samples: Count = option(0, group="search", help="Samples.")
    rungs: Quantities = option((), group="search", help="Rungs.", shown="by the data: 4k")
    latency: Duration | None = option(None, group="budget", help="Latency.")
    gpus: Gpus | None = option(None, group="execution", help="GPUs.")
    file: Location | None = option(None, group="output", short="-f", help="File.")
    files: tuple[Location, ...] = option((), group="output", flag="--each", help="Files.")
    kind: Literal["a", "b"] = option("a", group="search", help="Kind.")
    mirror: bool = option(True, group="search", off="--straight", help="Mirror.")
    alone: bool = option(False, group="search", off="", help="Alone.")
    count: int = option(3, group="search", ge=1, le=9, help="Count.")


class Other(Options):
    """An option with other words."""

    count: int | None = variant(Some, "count", shown="as before")


def test_values_are_written_as_on_the_command_line() -> None:
    made = Some.of(images="5k", samples="0", rungs="4k,8k", latency="30ms", gpus="auto", count="4")
    assert (made.images, made.samples, made.rungs) == (5_000, 0, (4_000, 8_000))
    assert (made.latency, made.gpus, made.count) == (0.03, "auto", 4)
    assert Some.of(gpus="0.5").gpus == 0.5
    assert Some.of(images=None) == Some()


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert Some.of(file="~/x").file == Path("/home/me/x")
    assert Some.of(files=("~/x", Path("~/y"))).files == (Path("/home/me/x"), Path("/home/me/y"))


QUANTITIES = "is not a quantity: write a number with an optional k, M, G or T, such as 5G"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"images": "5X"}, "--images '5X' has the unknown suffix 'X': use k, M, G or T, such as 5G"),
        ({"images": 0}, "--images 0: give a number above 0"),
        ({"samples": "many"}, "--samples many: give a number such as 10k; 0 is none"),
        ({"rungs": "4k,"}, f"--rungs '' {QUANTITIES}".replace("5G", "4k")),
        ({"gpus": "some"}, "--gpus some: give a number such as 0.5, or auto"),
        ({"kind": "c"}, "--kind c: give a value that is 'a' or 'b'"),
        ({"count": "x"}, "--count x: give a whole number"),
        ({"count": 10}, "--count 10: give a number of at most 9"),
        ({"file": 5}, "-f 5: give text"),
        ({"cuont": 1}, "--cuont: there is no such option; did you mean count?"),
    ],
)
def test_a_wrong_value_is_one_line_with_flag_value_and_fix(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        Some.of(**values)
    assert str(error.value) == says


def test_a_variant_keeps_flag_help_and_range_and_has_its_own_default() -> None:
    (count,) = options_of(Other)
    assert (count.flag, count.help()) == ("--count", "Count  [default: as before]")
    assert Other().count is None
    with pytest.raises(ConfigError, match="--count 0: give a number of at least 1"):
        Other.of(count=0)


def test_what_a_user_sees_of_a_field() -> None:
    seen = {each.name: each for each in options_of(Some)}
    assert {name: each.metavar for name, each in seen.items() if not each.is_bool} == {
        "images": "QUANTITY",
        "samples": "QUANTITY",
        "rungs": "QUANTITIES",
        "latency": "DURATION",
        "gpus": "NUMBER|auto",
        "file": "PATH",
        "files": "PATH",
        "kind": "a|b",
        "count": "INTEGER",
    }
    assert {name: each.default for name, each in seen.items() if each.default} == {
        "images": "10k",
        "rungs": "by the data: 4k",
        "kind": "a",
        "mirror": "mirror",
        "count": "3",
        "samples": "0",
    }
    assert (seen["file"].short, seen["files"].flag, seen["files"].multiple) == ("-f", "--each", True)
    assert (seen["mirror"].off, seen["alone"].off, seen["rungs"].multiple) == ("--straight", "", False)


@pytest.mark.parametrize("name", ["images", "samples", "count", "latency", "gpus", "file"])
def test_true_is_no_number_and_no_path(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}|-f true|--file true"):
        Some.of(**{name: True})
    assert Some.of(mirror=False, alone=True).alone
