"""What a search comes to: the gain over uniform widths, the teacher's price, what to do next."""

from __future__ import annotations

import io
import math
import shlex
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nas.reporting import (
    SearchReport,
    TrialReport,
    choose_best,
    gain,
    next_commands,
    render,
    render_next,
    verdict,
)

TEACHER = {"name": "digits", "macs": 20_000_000, "params": 800_000, "fid": 0.82, "fid_samples": 2000}


@pytest.fixture
def study(finished: SearchReport) -> Any:
    """Makes the report of a study of trials with these baselines, fractions, FIDs and MACs."""

    def make(
        *trials: tuple[str | None, float, float | list[float], int], budget: int = 2_000_000, **changes: Any
    ) -> SearchReport:
        made = [
            report(finished.trials[0], number, *trial)  # type: ignore[arg-type]
            for number, trial in enumerate(trials)
        ]
        chosen, below = choose_best(made), budget >= TEACHER["macs"]  # type: ignore[operator]
        return finished.model_copy(
            update={
                "study": "digits-2Mmacs",
                "trials": made,
                "front": chosen.front,
                "best": chosen.best,
                "within_margin": [t.number for t in chosen.within_margin],
                "estimates": chosen.estimates,
                "budget": {"macs": budget, "params": None, "latency": None},
                "teacher": TEACHER,
                "below_teacher": below,
                "teacher_on_front": below and chosen.leaves(0.82),
                "folder": "nas-runs/digits-2Mmacs",
                "storage": "sqlite:///nas-runs/digits-2Mmacs/study.db",
                **changes,
            }
        )

    return make


def report(
    like: TrialReport, number: int, baseline: str | None, fraction: float, fid: float | list[float], macs: int
) -> TrialReport:
    fids = fid if isinstance(fid, list) else [fid]
    return like.model_copy(
        update={
            "number": number,
            "baseline": baseline,
            "budget_fraction": fraction,
            "fid": fids[0] if fids else None,
            "fids": fids,
            "macs": macs,
            "summary": f"m{number}",
            "selected": True,
        }
    )


def test_the_gain_over_uniform_widths_at_the_budget_is_said_in_numbers(study: Any) -> None:
    found = study(
        ("uniform, 100% of the budget", 1.0, 6.71, 1_770_000),
        ("uniform, 50% of the budget", 0.5, 11.2, 960_000),
        (None, 1.0, 3.80, 1_980_000),
    )
    assert verdict(found) == [
        "Gain: FD (digits) 3.80 at 1.98M MACs against 6.71 of uniform widths at 1.77M MACs, "
        "both within 2M MACs: 43% lower."
    ]


def test_with_several_seeds_medians_are_compared(study: Any) -> None:
    found = study(("uniform, 100% of the budget", 1.0, [7.0, 6.0, 8.0], 10**6), (None, 1.0, 3.5, 10**6 + 1))
    known = gain(found)
    assert known is not None
    assert known.reduction == pytest.approx(0.5)
    assert known.significant


def test_a_search_that_finds_nothing_better_says_what_to_raise(study: Any) -> None:
    found = study(("uniform, 100% of the budget", 1.0, 3.0, 1_770_000), (None, 1.0, 5.0, 1_980_000))
    (line,) = verdict(found)
    assert line.startswith(
        "Gain: no student within 2M MACs beats FD (digits) 3.00 of uniform widths at 1.77M MACs: "
        "raise --trials"
    )
    assert "--rungs" in line


def test_a_gain_within_the_noise_is_called_so(study: Any) -> None:
    found = study(("uniform, 100% of the budget", 1.0, 5.05, 1_770_000), (None, 1.0, 5.0, 1_980_000))
    assert "1% lower, which is within the noise" in verdict(found)[0]


def test_without_a_complete_baseline_there_is_no_comparison(study: Any) -> None:
    assert "nothing to compare with" in verdict(study((None, 1.0, 3.8, 1_980_000)))[0]


@pytest.mark.parametrize("budget", [2_000_000, 5 * 10**9], ids=["within", "below"])
def test_without_a_student_trained_to_the_end_there_is_no_verdict(study: Any, budget: int) -> None:
    assert verdict(study(("uniform, 50% of the teacher", 0.5, [], 9_000_000), budget=budget)) == []


def test_below_the_teacher_the_best_student_has_a_price_and_the_baseline_its_own_budget(study: Any) -> None:
    found = study(
        ("uniform, 50% of the teacher", 0.5, 4.0, 9_000_000),
        (None, 0.9, 1.5, 16_000_000),
        (None, 0.5, 2.0, 9_900_000),
        budget=5 * 10**9,
    )
    assert verdict(found) == [
        "Below the teacher: the best student costs 80% of the teacher's MACs, with "
        "FD (digits) 1.50 against 0.82.",
        "Gain: FD (digits) 2.00 at 9.9M MACs against 4.00 of uniform widths at 9M MACs, "
        "both within 10M MACs: 50% lower.",
    ]


def shown(found: SearchReport) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(render(found))
    return out.getvalue()


def test_a_teacher_that_fits_is_a_known_point_of_the_front(study: Any) -> None:
    trials = (("uniform, 50% of the teacher", 0.5, 4.0, 9_000_000), (None, 0.9, 1.5, 16_000_000))
    below = shown(study(*trials, budget=5 * 10**9))
    rows = [line.split() for line in below.splitlines()]
    assert ["teacher", "0.82", "20M", "800k", "100.0%"] in rows
    assert "teacher: known, not trained again" in below
    assert "not trained again" not in shown(study(*trials))


def test_a_teacher_that_a_student_equals_for_less_is_not_on_the_front(study: Any) -> None:
    found = study((None, 0.9, 0.8, 16_000_000), budget=5 * 10**9)
    assert not found.teacher_on_front
    assert "not trained again" not in shown(found)


def test_the_columns_are_explained_under_the_table(study: Any) -> None:
    text = shown(study(("uniform, 100% of the budget", 1.0, 6.71, 1_770_000)))
    for column in ("FD (digits)", "seeds", "posterior estimate", "teacher's MACs", "before training"):
        heading = [word for line in text.splitlines()[1:3] for word in line.split()]
        assert set(column.split()) <= set(heading)
        assert f"{column}: " in text


def test_the_next_commands_look_export_and_search_on(study: Any) -> None:
    found = study(("uniform, 100% of the budget", 1.0, 6.71, 1_770_000), (None, 1.0, 3.8, 1_980_000))
    assert [command for command, _ in next_commands(found)] == [
        "nas-dashboard --study digits-2Mmacs",
        "nas-export --best --study digits-2Mmacs -o student.safetensors",
        "nas-search --config nas-runs/digits-2Mmacs/config.toml --trials 24",
    ]
    called = [command for command, _ in next_commands(found, ".venv/bin/")]
    assert all(command.startswith(".venv/bin/nas-") for command in called)


def test_the_next_commands_are_whole_lines_in_a_file_and_say_what_they_do(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = f"{tmp_path}/nas-runs/digits-2Mmacs"  # studies keep absolute paths
    out = io.StringIO()
    Console(file=out, width=40).print(
        render_next(study((None, 1.0, 3.8, 1_980_000), folder=folder)), soft_wrap=True
    )
    lines = [line for line in out.getvalue().splitlines() if line]
    assert lines == [
        "Next:",
        "  # the study in the browser",
        "  nas-dashboard --study digits-2Mmacs",
        "  # the best student as a file",
        "  nas-export --best --study digits-2Mmacs -o student.safetensors",
        "  # search on",
        "  nas-search --config nas-runs/digits-2Mmacs/config.toml --trials 24",
    ]


@pytest.mark.parametrize("place", ["/somewhere/my runs", "/home/Ann's runs"])
def test_the_next_commands_go_on_in_further_lines_of_a_terminal_and_can_be_copied(
    study: Any, place: str
) -> None:
    found = study((None, 1.0, 3.8, 1_980_000), folder=f"{place}/digits-2Mmacs")
    for width in (60, 80):
        text = render_next(found, "/opt/nas/.venv/bin/", width).plain
        assert max(map(len, text.splitlines())) <= width
        commands = [line for line in text.replace(" \\\n", " ").splitlines() if "nas-" in line]
        whole = [shlex.split(command) for command, _ in next_commands(found, "/opt/nas/.venv/bin/")]
        assert [shlex.split(line) for line in commands] == whole


def test_the_verdict_is_the_last_that_a_report_says(study: Any) -> None:
    found = study(("uniform, 100% of the budget", 1.0, 6.71, 1_770_000), (None, 1.0, 3.8, 1_980_000))
    *_, best, said = shown(found).strip().splitlines()
    assert best.startswith("Best student: trial 1, FD (digits) 3.80, 1.98M MACs, ")
    assert said == verdict(found)[-1]


def test_after_finalists_the_chosen_one_is_exported_and_measured_from_its_file(study: Any) -> None:
    found = study(
        (None, 1.0, [3.8, 3.9], 1_980_000), study="digits-2Mmacs-final", finalists_of="digits-2Mmacs"
    )
    assert [command for command, _ in next_commands(found)][1:] == [
        "nas-export --best --study digits-2Mmacs-final -o student.safetensors",
        "nas-evaluate student.safetensors",
    ]


def test_a_report_of_finalists_has_the_seeds_and_intervals_of_their_table(study: Any) -> None:
    found = study((None, 1.0, [3.8, 3.9], 1_980_000), finalists_of="digits-2Mmacs")
    low, high = found.interval(found.trials[0])
    row = f"3.80 3.90 3.85 {low:.2f} to {high:.2f}"
    assert row in " ".join(shown(found).split())
    assert shown(found).strip().splitlines()[-1].startswith("Chosen: trial 0, ")
    assert "Pareto front" not in shown(found)


def test_after_many_trials_the_best_are_trained_for_longer(study: Any) -> None:
    found = study(*[(None, 1.0, 3.8 + number, 1_980_000 - number) for number in range(24)])
    assert next_commands(found)[-1][0] == "nas-distill --top 3 --seeds 3 --study digits-2Mmacs"


def test_while_only_baselines_are_finished_nothing_is_concluded(study: Any) -> None:
    found = study(("uniform, 100% of the budget", 1.0, 3.0, 1_770_000), (None, 1.0, [], 1_980_000))
    found.trials[1] = found.trials[1].model_copy(update={"state": "RUNNING"})
    (line,) = verdict(found)
    assert line.startswith("Gain: only uniform widths are finished yet, FD (digits) 3.00 of uniform widths")
    found.trials[1] = found.trials[1].model_copy(update={"state": "PRUNED"})
    assert "no student within 2M MACs beats" in verdict(found)[0]


def test_the_next_commands_find_a_study_that_is_elsewhere(study: Any, tmp_path: Path) -> None:
    trial = (None, 1.0, 3.8, 1_980_000)
    folder = f"{tmp_path}/my runs/digits-2Mmacs"
    found = study(trial, folder=folder, storage=f"sqlite:///{folder}/study.db")
    where = f"--study digits-2Mmacs --workdir '{tmp_path}/my runs'"
    assert next_commands(found)[0][0] == f"nas-dashboard {where}"
    found = study(trial, storage="postgresql+psycopg://nas@db/nas")
    assert next_commands(found)[0][0].endswith("--storage postgresql+psycopg://nas@db/nas")


def test_fids_that_are_infinite_beat_nothing(study: Any) -> None:
    found = study(("uniform, 100% of the budget", 1.0, 6.71, 1_770_000), (None, 1.0, 9e9, 1_980_000))
    assert math.isfinite(found.best.median)
    assert "no student within 2M MACs beats" in verdict(found)[0]
