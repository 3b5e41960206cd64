"""The tabular benchmark: its grid, its table, and replays of a made-up one."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks import front_per_compute
from benchmarks.tabular.distill_all import COLUMNS
from benchmarks.tabular.grid import KINDS, LEVELS, Grid
from benchmarks.tabular.table import read_table
from distill.teacher import load_teacher
from nas.budget import Budget
from search_spaces import FixedSuggest, Load

Row = tuple[str, int, int, float, float, int, int]


@pytest.fixture(scope="module")
def grid() -> Grid:
    teacher = load_teacher()
    return Grid(teacher.family.space(teacher.generator.architecture))


@pytest.fixture(scope="module")
def load(grid: Grid) -> Load:
    return Budget(front_per_compute.BUDGET).load(grid.space)


def write(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(rows)
    return path


def test_every_architecture_of_the_grid_fits_and_is_there_once(grid: Grid, load: Load) -> None:
    found = grid.all(load)
    assert len({str(architecture) for architecture in found}) == len(found) > 50
    assert all(load(architecture) <= 1 for architecture in found)
    choices = math.prod(len(values) for values in (*LEVELS.values(), *KINDS.values()))
    assert len(list(grid.choices())) == choices


def test_baselines_and_openings_are_architectures_of_the_grid(grid: Grid, load: Load) -> None:
    names = {str(architecture) for architecture in grid.all(load)}
    for choices in (grid.uniform(), *grid.openings()):
        for share in range(len(LEVELS["share"])):
            assert str(grid.sample(FixedSuggest({"share": share, **choices}), load)) in names


def test_seeds_that_are_not_complete_are_left_out(tmp_path: Path) -> None:
    rows: list[Row] = [
        (name, seed, images, 10.0 * seed + images, 1.0 + seed, 7, 3)
        for name in ("one", "other")
        for seed in range(3)
        for images in (100, 200)
        if (name, seed, images) != ("other", 1, 200)
    ]
    table = read_table(write(tmp_path / "table.csv", rows))
    assert (table.architectures, table.images, table.seeds) == (("one", "other"), (100, 200), 2)
    assert table.fids[0].tolist() == [[100.0, 200.0], [120.0, 220.0]]
    assert table.seconds.tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert table.macs.tolist() == [7, 7]


@pytest.fixture(scope="module")
def made_up(grid: Grid, load: Load, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of four seeds in which parameters help, and some seeds are luckier than others."""
    rows: list[Row] = []
    for place, architecture in enumerate(grid.all(load)):
        macs, params = grid.macs(architecture), grid.params(architecture)
        for seed in range(4):
            luck = math.exp(0.1 * math.sin(7 * place + seed))
            for rung, images in enumerate((1_000, 2_000)):
                rows.append(
                    (str(architecture), seed, images, 1e6 / params * luck / (1 + rung), 1.0, macs, params)
                )
    return write(tmp_path_factory.mktemp("table") / "made-up.csv", rows)


@pytest.mark.parametrize("name", front_per_compute.STRATEGIES)
def test_every_strategy_can_be_replayed_and_spends_no_more_than_allowed(
    name: str, made_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_per_compute, "TRIALS", 12)
    answers, shares, well = front_per_compute.one(name, 0, made_up)
    images: list[Any] = [answer.images for answer in answers]
    assert images == sorted(images)
    assert 12 * 2_000 <= images[-1] < 13 * 2_000
    assert all(0 <= share <= 1 + 1e-9 for share in shares)
    assert shares[-1] > 0
    assert answers[-1].best in answers[-1].front
    assert isinstance(bool(well), bool)


def test_a_replay_is_the_same_for_the_same_seed(made_up: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_per_compute, "TRIALS", 6)
    one, other = (front_per_compute.one("ours with TPE", 3, made_up) for _ in range(2))
    assert one == other
