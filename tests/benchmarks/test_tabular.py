"""The tabular benchmark: its grid, its table, and replays of a synthetic one."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import create_trial

from benchmarks import front_per_compute
from benchmarks.tabular import figures, strategies
from benchmarks.tabular.grid import KINDS, LEVELS, Grid
from benchmarks.tabular.replay import World, _answer, replay_supernet
from benchmarks.tabular.synthetic import write_synthetic
from benchmarks.tabular.table import COLUMNS, read_table
from distill.teachers import load_teacher
from nas.budget import Budget
from search_spaces import FixedSuggest, Utilisation

Row = tuple[str, int, int, float, float, int, int]


@pytest.fixture(scope="module")
def grid() -> Grid:
    teacher = load_teacher()
    return Grid(teacher.family.space(teacher.generator.architecture))


@pytest.fixture(scope="module")
def utilisation(grid: Grid) -> Utilisation:
    return Budget(strategies.BUDGET).utilisation(grid.space)


def write(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(rows)
    return path


def test_every_architecture_of_the_grid_fits_and_is_there_once(grid: Grid, utilisation: Utilisation) -> None:
    found = grid.all(utilisation)
    assert len({str(architecture) for architecture in found}) == len(found) > 50
    assert all(utilisation(architecture) <= 1 for architecture in found)
    choices = math.prod(len(values) for values in (*LEVELS.values(), *KINDS.values()))
    assert len(list(grid.choices())) == choices


def test_baselines_and_openings_are_architectures_of_the_grid(grid: Grid, utilisation: Utilisation) -> None:
    names = {str(architecture) for architecture in grid.all(utilisation)}
    for choices in (grid.uniform(), *grid.initial_designs()):
        for index in range(len(LEVELS["budget_fraction"])):
            assert str(grid.sample(FixedSuggest({"budget_fraction": index, **choices}), utilisation)) in names


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
def synthetic(grid: Grid, utilisation: Utilisation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_synthetic(tmp_path_factory.mktemp("table") / "synthetic.csv", grid, utilisation)


@pytest.mark.parametrize("name", strategies.STRATEGIES)
def test_every_strategy_can_be_replayed_and_spends_no_more_than_allowed(name: str, synthetic: Path) -> None:
    found = front_per_compute.one(name, 0, synthetic, trials=12)
    assert found.images == sorted(found.images)
    assert found.seconds == sorted(found.seconds)
    assert found.images[-1] < 13 * 2_000
    spends_all = getattr(strategies.STRATEGIES[name], "spends_all", True)
    assert found.images[-1] >= 12 * 2_000 or not spends_all
    assert all(0 <= fraction <= 1 + 1e-9 for fraction in found.fractions)
    assert found.fractions[-1] > 0
    assert found.best is not None


def test_a_replay_is_the_same_for_the_same_seed(synthetic: Path) -> None:
    one, other = (front_per_compute.one("ours with TPE", 3, synthetic, trials=6) for _ in range(2))
    assert one == other


def test_ours_differs_from_what_it_is_compared_with_in_what_the_names_say() -> None:
    searches = {
        name: strategy
        for name, strategy in strategies.STRATEGIES.items()
        if isinstance(strategy, strategies.Search)
    }
    ours = searches["ours"]
    assert searches["ours with TPE"] == replace(ours, sampler="tpe")
    assert searches["ours with Optuna's GP"] == replace(ours, sampler="optuna-gp")
    assert searches["ours without halving"] == replace(ours, options={"halving": False})
    exact = {"settings": {"significance": 0.0, "replicates": 0}, "options": {"naive": True}}
    assert searches["ours, exact distances (no margin, no replicates)"] == replace(ours, **exact)
    plain, opened = searches["Optuna TPE"], searches["Optuna TPE + baselines and initial designs"]
    assert plain == replace(opened, options={**opened.options, "proposer_class": strategies.Plain})


def test_a_supernet_is_paid_first_and_its_front_distilled_then(
    grid: Grid, utilisation: Utilisation, synthetic: Path
) -> None:
    table = read_table(synthetic)
    assert table.shared is not None
    world = World.drawn(table, grid, utilisation, np.random.default_rng(0), 2)
    first, *others = replay_supernet(world, images=40_000)
    assert first.images == table.shared.images
    best = min(table.shared.fids, key=table.shared.fids.__getitem__)
    assert first.best == best
    assert [a.images for a in others] == [first.images + 2_000 * (i + 1) for i in range(len(others))]
    at_end = {name: world.fids(name, 0)[-1] for name in first.front}
    alone = others[len(first.front) - 1]
    assert alone.best == min(at_end, key=at_end.__getitem__)
    assert set(alone.front) <= set(first.front)


def test_rankings_of_a_table_are_those_of_its_figures(synthetic: Path) -> None:
    table = read_table(synthetic)
    found = figures.rankings(table)
    assert list(found) == ["1000", "seeds", "shared"]
    assert found["1000"] == pytest.approx(1)
    assert 0 < found["seeds"] < 1
    assert 0 < found["shared"] < 1
    assert list(figures.rankings(replace(table, shared=None))) == ["1000", "seeds"]
    text = list(figures.ranking_lines(found))
    assert "after 1,000 images, with the end of the same training" in text[1]
    assert text[1].endswith("1.00")


def test_an_answer_has_the_front_that_a_report_shows() -> None:
    """Of what is expected: one run that is hardly better than three others is likely lucky."""
    study = optuna.create_study(directions=["minimize"] * 2)
    for name, macs, fids in (
        ("expensive", 200, [10.0]),
        ("cheap", 100, [9.0, 10.1, 11.4]),
        ("bad", 300, [13.0]),
    ):
        first = len(study.trials)
        for run, fid in enumerate(fids):
            notes = {"architecture": name} | ({"replicate_of": first} if run else {})
            study.add_trial(create_trial(values=[fid, macs], user_attrs=notes))
    answer = _answer(study, 0, 0.0, naive=False)
    assert answer.best == "cheap"
    assert answer.front == ("cheap",)
    assert _answer(study, 0, 0.0, naive=True).front == ("cheap", "expensive")


def test_the_most_expensive_student_has_a_share_of_the_hypervolume(
    grid: Grid, utilisation: Utilisation, synthetic: Path
) -> None:
    table = read_table(synthetic)
    world = World.drawn(table, grid, utilisation, np.random.default_rng(0), 2)
    most_expensive = table.architectures[int(table.macs.argmax())]
    cheapest = table.architectures[int(table.macs.argmin())]
    assert figures.volume_fraction(world, [most_expensive]) > 0.01
    assert figures.volume_fraction(world, [cheapest, most_expensive]) > figures.volume_fraction(
        world, [cheapest]
    )
    assert figures.volume_fraction(world, table.architectures) == pytest.approx(1)


def test_intervals_hold_the_mean_and_shrink_with_the_replays() -> None:
    few, many = (figures.mean(np.array([0.4, 0.6] * count)) for count in (2, 200))
    assert (few[0], many[0]) == (pytest.approx(0.5), pytest.approx(0.5))
    assert 0 < many[1] < few[1] < 0.5
    splits = [(0, 1), (0, 2), (0, 1), (0, 2)] * 100
    alike = figures.by_split(np.array([0.4, 0.6, 0.4, 0.6] * 100), splits)
    assert alike.tolist() == pytest.approx([0.4, 0.6]), "many replays of two splits are two values"
    points = np.arange(5.0)
    rising = np.array([[0, 0, 1, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]) / 1.0
    first, low, high = figures.to_reach(rising, points, 0.9)
    assert (low, first, high) == (2, 3, 3)
    assert figures.to_reach(rising, points, 2.0) == (math.inf,) * 3


def test_a_missing_table_is_answered_with_the_command_that_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["front_per_compute", "--table", str(tmp_path / "none.csv")])
    with pytest.raises(SystemExit) as stopped:
        front_per_compute.main()
    assert stopped.value.code == 2
    assert "none.csv: python -m benchmarks.tabular.distill_all makes it" in capsys.readouterr().err


@pytest.mark.slow
def test_quick_needs_no_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["front_per_compute", "--quick", "--json", "--table", "none.csv"])
    front_per_compute.main()
    found = json.loads(capsys.readouterr().out)
    assert found["synthetic"]
    assert list(found["strategies"]) == list(strategies.STRATEGIES)


def test_the_text_shows_seconds_and_intervals(synthetic: Path) -> None:
    names = ("ours with TPE", "random search")
    found = {
        name: [front_per_compute.one(name, seed, synthetic, trials=4) for seed in (0, 1)] for name in names
    }
    text = list(figures.lines(figures.figures(found, 4 * 2_000, 1_000)))
    assert "seconds" in text[0]
    assert all(line.startswith(name) and "±" in line for name, line in zip(names, text[1:], strict=False))
    assert "second tries" in text[-1]


def test_a_table_of_one_seed_is_refused_with_the_command_that_resumes(
    synthetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = synthetic.read_text().splitlines()
    (tmp_path / "one.csv").write_text(
        "\n".join([rows[0], *(row for row in rows[1:] if row.split(",")[1] == "0")])
    )
    monkeypatch.setattr("sys.argv", ["front_per_compute", "--table", str(tmp_path / "one.csv")])
    with pytest.raises(SystemExit, match="2"):
        front_per_compute.main()
    assert "complete for 1 seed(s)" in capsys.readouterr().err
