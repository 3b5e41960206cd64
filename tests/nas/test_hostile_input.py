"""Absurd numbers, endless nesting and names that are paths: each is refused in a line."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from distill.training import images_in_whole_steps, step_images
from nas.budget import parse_duration, parse_quantity
from nas.config import SearchConfig, read_toml
from nas.driver.estimate import Estimate
from nas.errors import BudgetError, ConfigError, StudyError, WorkdirError
from nas.study import StudyStore, attach_samples, open_all, open_existing
from search_spaces import FAMILIES, ArchitectureError
from search_spaces.reading import parse_json
from tests.nas.cli.command_line import refused
from tests.search_spaces.teachers import TEACHERS

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")

ENDLESS = 10**400


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[" * 100_000, "nested too deeply … give architectures as JSON"),
        ('{"blocks":' * 100_000, "nested too deeply"),
        (f"[{'9' * 5000}]", "a number of too many digits"),
        (f"[{'1, ' * 20_000}1]", "20,001 architectures, at most 10,000"),
        (" " * (16 * 2**20 + 1), "larger than 16 MiB"),
        ("\ud800".encode("utf-8", "surrogatepass"), "not text in UTF-8"),
    ],
    ids=["brackets", "braces", "digits", "many", "large", "surrogate"],
)
def test_an_enqueued_file_without_an_end_is_refused(content: str | bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(says, "nas-search", "--budget-macs", "2M", "--enqueue", str(path), "--dry-run")


@pytest.mark.parametrize("size", [2**40, 10**60, 1e300, -(10**400)])
@pytest.mark.parametrize("name", list(FAMILIES))
def test_an_architecture_of_absurd_sizes_is_refused_by_every_family(name: str, size: float) -> None:
    sound = json.dumps(TEACHERS[name].to_json())
    numbers = _numbers(json.loads(sound))
    assert numbers > 3
    for place in range(numbers):
        with pytest.raises(ArchitectureError, match="is not a size of a network: give at most 131,072"):
            FAMILIES[name].architecture.from_json(_with(json.loads(sound), place, size))


def _numbers(values: Any) -> int:
    if isinstance(values, dict | list):
        return sum(map(_numbers, values.values() if isinstance(values, dict) else values))
    return int(isinstance(values, int | float) and not isinstance(values, bool))


def _with(values: Any, place: int, size: float) -> Any:
    """`values` with `size` in place of its number at `place`."""
    for key, item in values.items() if isinstance(values, dict) else enumerate(values):
        count = _numbers(item)
        if place < count:
            values[key] = _with(item, place, size) if isinstance(item, dict | list) else size
            return values
        place -= count
    raise AssertionError(place)


@pytest.mark.parametrize("text", [f"trials = {'9' * 5000}", f"trials = 0x{'f' * 5000}", f"trials = {2**63}"])
def test_a_number_of_too_many_digits_in_toml_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "search.toml").write_text(f'budget-macs = "2M"\n{text}\n')
    refused("search.toml … ", "nas-search", "--config", str(tmp_path / "search.toml"), "--dry-run")
    with pytest.raises(ConfigError) as error:
        read_toml(tmp_path / "search.toml", SearchConfig)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    "name",
    [
        *("trials", "seeds", "replicates", "rungs", "batch_size", "micro_batch", "workers", "resolution"),
        *("teacher_cache_size", "teacher_samples", "fid_samples", "rung_samples", "seed"),
        *("budget_macs", "budget_params", "reduction_factor", "significance", "gpus_per_trial"),
    ],
)
@pytest.mark.parametrize(
    "value", [ENDLESS, str(ENDLESS), "9" * 5000, "1e999"], ids=["int", "text", "9", "inf"]
)
def test_a_setting_without_an_end_is_refused_in_a_line(name: str, value: object) -> None:
    given: Any = (value,) if name == "rungs" and isinstance(value, int) else value
    with pytest.raises(ConfigError) as error:
        SearchConfig.of(**{"budget_macs": "2M", name: given})
    said = str(error.value)
    assert name.replace("_", "-") in said
    assert len(said) < 500
    assert "\n" not in said


@pytest.mark.parametrize("parse", [parse_quantity, parse_duration])
def test_a_quantity_of_many_digits_is_refused_in_linear_time(parse: Any) -> None:
    start = time.process_time()
    with pytest.raises(BudgetError):
        parse("9" * 100_000 + "!")
    assert time.process_time() - start < 5  # minutes, with a pattern that tries every split


@pytest.mark.parametrize("rung", [999, 25_000, 60_000])
def test_whole_steps_are_found_without_taking_them(rung: int) -> None:
    recipe: Any = _TurnsOn()
    seen = 0
    while seen < rung:
        seen += step_images(recipe, 48, min(1.0, seen / 60_000))
    assert images_in_whole_steps(recipe, 48, 60_000, rung) == seen


class _TurnsOn:
    """A recipe whose discriminator has five steps from 0.37 of the training on."""

    def discriminator_steps(self, progress: float) -> int:
        return 5 if progress >= 0.37 else 0


def test_a_training_of_a_trillion_images_is_planned_at_once() -> None:
    whole = images_in_whole_steps(_TurnsOn(), 1, 10**12, 10**12)
    assert 10**12 <= whole < 10**12 + 5
    assert "days" in str(Estimate({False: 1e9}, 1, 1e30, 1e300))


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "..", ".", "/tmp/x", "a\0b"])
def test_a_study_whose_name_is_a_path_is_neither_opened_nor_made(name: str, tmp_path: Path) -> None:
    workdir = tmp_path / "runs"
    with pytest.raises(StudyError, match="its folder would lie outside of the work folder"):
        open_existing(workdir, name, "")
    if "\0" not in name:
        url = f"sqlite:///{tmp_path}/all.db"
        StudyStore.open(url, name).close()  # as somebody else may have planted it
        said: list[str] = []
        assert open_all(workdir, url, said.append) == []
        assert "outside of the work folder" in said[0]
    assert {path.name for path in tmp_path.iterdir()} <= {"all.db", "all.db-wal", "all.db-shm"}


def test_a_sample_grid_replaces_a_link_and_leaves_what_it_leads_to(tmp_path: Path) -> None:
    png, victim, artifacts = tmp_path / "samples.png", tmp_path / "victim", tmp_path / "artifacts"
    png.write_bytes(b"a picture")
    victim.write_text("precious")
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "digits") as store:
        trial = store.study.ask()
        kept = artifacts / attach_samples(trial, png, artifacts)
        kept.unlink()
        kept.symlink_to(victim)
        attach_samples(trial, png, artifacts)
    assert victim.read_text() == "precious"
    assert kept.read_bytes() == b"a picture"
    assert not kept.is_symlink()


def test_an_artifact_that_the_database_puts_elsewhere_is_not_written(tmp_path: Path) -> None:
    from nas.study.artifacts import _replace

    (tmp_path / "samples.png").write_bytes(b"a picture")
    for name in ("../victim", "study.db", ".."):
        with pytest.raises(WorkdirError, match="outside of its folder"):
            _replace(tmp_path / "artifacts" / name, tmp_path / "samples.png")


def test_json_that_python_can_not_read_is_a_value_error() -> None:
    for text in ("[" * 100_000, "9" * 5000, "{"):
        with pytest.raises(ValueError, match=r"deeply|digits|Expecting"):
            parse_json(text)


@pytest.mark.parametrize("name", ["workdir", "teacher", "extractor_weights"])
def test_a_path_with_a_nul_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no path has a NUL character"):
        SearchConfig.of(budget_macs="2M", **{name: "a\0b"})
