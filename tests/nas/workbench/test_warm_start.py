"""Architectures of the user's, and of an earlier study, are tried first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from distill.teachers import load_teacher
from nas.driver import preview_search
from nas.errors import ConfigError, StudyError
from nas.reporting import SearchReport
from nas.study import StudyStore
from nas.trials import Proposer, WarmStart
from nas.workbench import SharedSpace, Workbench, warm_start_architectures
from nas.workbench.warm_start import read_warm_start
from search_spaces import WITHIN_BUDGET, FixedSuggest, RandomSuggest


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "given.json"  # type: ignore[return-value]


@pytest.fixture
def bench(make_bench: Any, file: Path) -> Any:
    return make_bench(enqueue=(file,))


def smallest(bench: Any) -> Any:
    return bench.space.smallest()


@pytest.mark.parametrize("several", [False, True])
def test_architectures_are_read_from_json(bench: Any, file: Path, several: bool) -> None:
    values = smallest(bench).to_json()
    file.write_text(json.dumps([values] if several else values))
    assert read_warm_start(bench).architectures == [smallest(bench)]


@pytest.mark.parametrize("content", ["", "{}", "[1]", "nonsense", '{"blocks": 3}'])
def test_a_file_that_holds_none_is_named(bench: Any, file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"--enqueue .*given\.json can't be read"):
        read_warm_start(bench)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "an empty list"),
        ("[null]", "entry 1 is null, no JSON object"),
        ('[{"a": 1}]', "entry 1: not a "),
    ],
)
def test_the_entry_that_is_wrong_is_named(bench: Any, file: Path, content: str, says: str) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(says)):
        read_warm_start(bench)


def test_a_file_that_is_not_there_is_named(bench: Any) -> None:
    with pytest.raises(ConfigError, match=r"--enqueue .*given\.json can't be read"):
        read_warm_start(bench)


def test_an_architecture_above_the_budget_is_refused(bench: Any, file: Path) -> None:
    file.write_text(json.dumps(bench.teacher.generator.architecture.to_json()))
    bench.config = bench.config.model_copy(update={"budget_macs": bench.space.macs(smallest(bench))})
    with pytest.raises(ConfigError, match="is above the budget"):
        read_warm_start(bench)


def test_an_architecture_of_other_images_is_refused(bench: Any, file: Path) -> None:
    file.write_text(json.dumps(replace(smallest(bench), image_channels=3).to_json()))
    with pytest.raises(ConfigError, match="makes other images than the teacher"):
        read_warm_start(bench)


def test_what_shared_weights_cannot_make_is_refused(bench: Any, file: Path) -> None:
    bench.config = bench.config.model_copy(update={"share_weights": True})
    space = SharedSpace.of(bench.teacher.family, bench.space)
    utilisation = bench.config.budget.utilisation(bench.space)
    uniform = space.sample(RandomSuggest(0), utilisation)
    file.write_text(json.dumps(uniform.to_json()))
    assert read_warm_start(bench).architectures == [uniform]
    other = replace(smallest(bench), style_dim=bench.teacher.generator.architecture.style_dim // 2)
    file.write_text(json.dumps([uniform.to_json(), other.to_json()]))
    with pytest.raises(ConfigError, match=r"--enqueue .*teacher's mapping: leave it out of the file, or"):
        read_warm_start(bench)


def test_a_dry_run_shows_what_is_given(bench: Any, file: Path) -> None:
    file.write_text(json.dumps([smallest(bench).to_json()]))
    given = read_warm_start(bench)
    given = WarmStart(given.architectures, [{"budget_fraction": 1.0, **bench.space.uniform()}] * 2)
    baseline = bench.space.sample(
        FixedSuggest(given.choices[0]), bench.config.budget.utilisation(bench.space)
    )
    shown = preview_search(bench, warm_start_architectures(given, bench))
    assert [proposed.summary for proposed in shown.warm_start] == [str(smallest(bench)), str(baseline)]
    console = Console(width=300)
    with console.capture() as text:
        console.print(shown.render())
    shown_text = text.get()
    assert sum(line.lstrip().startswith("warm start") for line in shown_text.splitlines()) == 2
    assert (
        "Trials: 5, of them 1 uniform-width baseline, 1 initial design, 2 warm-start trials, 1 left"
        in shown_text
    )


def test_no_image_is_decoded_for_what_is_given(bench: Any, file: Path) -> None:
    file.write_text("nonsense")
    elsewhere = bench.config.model_copy(update={"data": "/there/is/no/such/folder"})
    with pytest.raises(ConfigError, match="can't be read"):
        read_warm_start(Workbench(elsewhere, teacher=bench.teacher))


def test_a_search_with_shared_weights_starts_from_a_front_with_and_without(
    finished: SearchReport, make_bench: Any
) -> None:
    bench = make_bench(workdir=Path(finished.folder).parent, warm_start=finished.study, share_weights=True)
    given = read_warm_start(bench)
    assert len(given.choices) == len(finished.front)
    shared = bench.teacher.family.slimmable.fixed_choices
    without = [{name: c for name, c in choices.items() if name not in shared} for choices in given.choices]
    same = warm_start_architectures(WarmStart((), without), bench)
    assert same == warm_start_architectures(given, bench)
    slimmable = bench.teacher.family.slimmable.build(bench.teacher.generator, "magnitude")
    assert all(slimmable.read_out(architecture) is not None for architecture in same)


def test_the_front_of_a_search_below_the_teacher_starts_one_within_a_budget(
    finished: SearchReport, make_bench: Any
) -> None:
    with StudyStore.open(finished.storage, finished.study) as store:
        tenth = {t.number: t.params for t in store.study.trials}[finished.front[0].number]
    bench = make_bench(workdir=Path(finished.folder).parent, warm_start=finished.study)
    bench.space = bench.space.with_fractions(replace(WITHIN_BUDGET, low=0.9))
    within = [choices["budget_fraction"] for choices in read_warm_start(bench).choices]
    assert within[0] == max(0.9, tenth["budget_fraction"])
    assert all(fraction >= 0.9 for fraction in within)


def test_what_is_given_comes_after_the_baselines_and_openings_and_once(bench: Any, tmp_path: Path) -> None:
    bench.config = bench.config.model_copy(update={"trials": 20, "replicates": 0})
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "study") as store:
        utilisation = bench.config.budget.utilisation(bench.space)
        given = WarmStart([smallest(bench), smallest(bench)])
        proposed = []
        while (
            proposal := Proposer(store, bench.space, utilisation, bench.config, warm_start=given).next()
        ) is not None and len(proposed) < 12:
            proposed.append(proposal)
            store.study.tell(proposal.trial, [3.0, 1.0])
        architectures = [proposal.architecture for proposal in proposed]
        assert architectures.count(smallest(bench)) == 1
        place = architectures.index(smallest(bench))
        assert proposed[0].baseline
        assert all("baseline" not in t.user_attrs for t in store.study.trials[proposed[place].trial :])


def test_the_front_of_an_earlier_study_is_enqueued(finished: SearchReport, make_bench: Any) -> None:
    workdir = Path(finished.folder).parent
    bench = make_bench(workdir=workdir, warm_start=finished.study)
    choices = read_warm_start(bench).choices
    assert len(choices) == len(finished.front)
    utilisation = bench.config.budget.utilisation(bench.space)
    known = {trial.summary for trial in finished.front}
    assert {str(bench.space.sample(FixedSuggest(earlier), utilisation)) for earlier in choices} == known


def test_an_earlier_study_of_larger_students_is_refused(finished: SearchReport, make_bench: Any) -> None:
    bench = make_bench(workdir=Path(finished.folder).parent, warm_start=finished.study)
    teacher = load_teacher()
    bench.space = teacher.family.space(teacher.generator.architecture)  # of other widths and blocks
    with pytest.raises(ConfigError, match=f"--warm-start {finished.study} is a study of another space"):
        read_warm_start(bench)


def test_an_earlier_study_that_is_not_there_is_named(make_bench: Any) -> None:
    bench = make_bench(warm_start="nothing")
    bench.config.workdir.mkdir(parents=True)
    with pytest.raises(StudyError, match=r"no study in .*runs: run nas-search first, or name its --workdir"):
        read_warm_start(bench)
    (bench.config.workdir / "faces").mkdir()
    (bench.config.workdir / "faces" / "study.db").touch()
    with pytest.raises(StudyError, match="there is no study 'nothing': there are 'faces'"):
        read_warm_start(bench)
