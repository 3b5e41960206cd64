"""The configuration of a search: defaults, checks, names, and the file it is saved to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.errors import RecipeError
from distill.recipes import RECIPES, WeightDecay
from distill.schedules import Ramp, Schedule
from distill.tasks import NoiseTask, PairedTask, UnpairedTask
from nas.config import (
    DIGITS_DEFAULTS,
    REAL_DEFAULTS,
    SearchConfig,
    conditions,
    default_conditions,
    read_toml,
)
from nas.errors import ConfigError


def of(**values: Any) -> SearchConfig:
    return SearchConfig.of(**{"budget_macs": 2_000_000} | values)


def test_the_digits_and_other_images_have_their_own_defaults() -> None:
    assert (of().rungs, of().extractor) == (DIGITS_DEFAULTS["rungs"], "digits")
    assert of(data="digits") == of()
    assert (of(teacher="t.pt", data="faces").rungs, of(teacher="t.pt", data="faces").extractor) == (
        REAL_DEFAULTS["rungs"],
        "",
    )
    assert of(teacher="t.pt", data="faces", extractor="digits", fid_samples=7).extractor == "digits"


def test_the_built_in_teacher_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    unnamed, named = (
        SearchConfig.of(budget_macs=2_000_000, **given) for given in ({}, {"teacher": "digits"})
    )
    assert named == unnamed
    Path("digits").touch()
    assert SearchConfig.of(budget_macs=2_000_000, teacher="digits").teacher == Path("digits")


def test_the_teacher_cache_has_no_more_images_than_a_training_or_the_teachers_distance_needs() -> None:
    assert of().cached_images == of(teacher="t.pt", data="faces").cached_images == 10_000
    assert of(rungs="500,1k", fid_samples=100).cached_images == 1_000
    assert of(rungs="500,1k").cached_images == DIGITS_DEFAULTS["fid_samples"]
    assert of(rungs="500,1k", teacher_cache_size="5k").cached_images == 5_000
    assert conditions(of(rungs="1k", fid_samples=100))["teacher_cache_size"] == "1000"
    assert default_conditions()["teacher_cache_size"] == "10000", "of studies from before it was noted"


def test_own_images_are_held_out_as_their_task_says_and_none_of_the_digits_or_of_samples() -> None:
    real, digits, samples = of(teacher="t.pt", data="faces"), of(), of(teacher="t.pt")
    assert [each.held_out for each in (real, digits, samples)] == [None, 0.0, 0.0]
    assert NoiseTask.default_held_out == 0.5
    assert UnpairedTask.default_held_out == PairedTask.default_held_out == 0.1
    assert conditions(of(teacher="t.pt", data="faces", held_out=0)) != conditions(real)


def test_every_recipe_brings_its_default_schedule() -> None:
    assert of().schedule == Schedule("cosine", 1.0, 0.3, 0.6, 1.0)
    for name, recipe in RECIPES.items():
        assert of(teacher="t.pt", data="faces", recipe=name).schedule == recipe.default_schedule
        assert of(recipe=name).schedule == recipe.default_schedule, "the digits have none of their own"
    assert of(recipe="dgl-gan").schedule == Schedule("step", 0.0, 0.1, 0.0, 0.5)
    assert of(recipe="dgl-gan", kd_weight_end=0.5).schedule.end == 0.5
    with pytest.raises(RecipeError, match="--recipe osmosis: choose one of weight-decay, dgl-gan"):
        of(recipe="osmosis")


def test_similarity_comes_first_and_adversarial_training_is_short() -> None:
    for data in (of(teacher="t.pt", data="faces"), of(data="digits")):
        assert data.ramp == WeightDecay.default_ramp == Ramp(begin=0.75, full=1.0, weight=0.1)
        assert data.similarity_lr == 2e-3
    assert of(teacher="t.pt", data="faces", recipe="dgl-gan").ramp == Ramp()
    asked = of(teacher="t.pt", data="faces", adversarial_start=0.5, adversarial_full=0.5)
    assert asked.ramp == Ramp(0.5, 0.5, 0.1)


def test_flags_that_were_not_given_leave_the_defaults() -> None:
    assert of(trials=None, rungs=None, mirror=None, storage=None) == of()
    assert of(inherit=False).inherit is False


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"budget_macs": None}, "give --budget-macs, --budget-params or --budget-latency"),
        ({"budget_latency": 0.0}, "--budget-latency 0.0: "),
        ({"budget_latency": float("nan")}, "--budget-latency nan: "),
        ({"budget_latency": float("inf")}, "--budget-latency inf: "),
        ({"importance": "luck"}, "--importance luck: give a value that is 'magnitude' or 'image-difference'"),
        (
            {"importance": "image-difference", "inherit": False},
            "--importance image-difference: leave it out with --no-inherit",
        ),
        (
            {"similarity": "sharp=1"},
            "--similarity sharp=1: term 'sharp' is unknown: choose from pixel, feature",
        ),
        ({"similarity": 3}, "--similarity 3: give text"),
        ({"latency_on": "cuda"}, "--latency-on cuda: give --budget-latency, too, such as"),
        ({"budget_latency": 0.03, "latency_on": "phone"}, "--latency-on phone: give a value that is"),
        ({"budget_macs": 0}, "--budget-macs 0: "),
        ({"budget_macs": -5}, "--budget-macs -5: "),
        ({"budget_params": -1}, "--budget-params -1: "),
        ({"trials": 0}, "--trials 0: "),
        ({"rungs": (10, 10)}, r"rungs 10,10 must increase, such as 4k,8k,16k"),
        ({"rungs": (100, 20)}, r"rungs 100,20 must increase"),
        ({"rungs": (0, 20)}, "--rungs 0: "),
        ({"reduction_factor": 1.0}, "--reduction-factor 1: give a number of at least 2"),
        ({"reduction_factor": float("nan")}, "--reduction-factor nan: nan is not a finite number"),
        ({"fid_samples": 1}, "--fid-samples 1: give at least 2"),
        (
            {"held_out": 0.5, "fid_samples": 3},
            "--fid-samples 3: precision and recall of finalists need at least 4",
        ),
        ({"held_out": 1}, r"--held-out 1: give a number below 1$"),
        (
            {"data": "teacher", "held_out": 0.5},
            "--held-out 0.5: leave it out with --data teacher, which holds a fifth of the samples out",
        ),
        ({"kd_schedule": "step", "kd_decay_start": 0.2}, "--kd-decay-start 0.2: --kd-schedule step has no"),
        ({"rung_samples": 1}, "at least 2 and at most --fid-samples, 2000"),
        ({"rung_samples": 2_001}, "--rung-samples 2001: give at least 2"),
        ({"seed": -1}, "--seed -1: "),
        ({"workers": -2}, "--workers -2: "),
        ({"batch_size": 0}, "--batch-size 0: "),
        ({"gpus_per_trial": -3.0}, "--gpus-per-trial -3: give a fraction up to 1, a whole number, or auto"),
        ({"trials": "a_b"}, "--trials a_b: "),
        ({"colour": "red"}, "colour"),
        ({"precision": "fp8"}, "--precision fp8: choose one of auto, fp32, bf16, fp16"),
        ({"micro_batch": 48}, "--micro-batch 48 does not divide the batch of 64: give a number that does"),
        ({"micro_batch": -8}, "--micro-batch -8 does not divide"),
        ({"teacher_samples": 500}, "--teacher-samples 500: leave it out with --data digits, or give --data"),
        ({"data": "teacher", "teacher_samples": 0}, "--teacher-samples 0: give"),
        ({"data": "faces"}, "--data faces: give the generator to compress by --teacher, too"),
        ({"study": "a/b"}, "--study 'a/b'"),
        ({"study": ".."}, r"--study '\.\.'"),
        ({"study": "cache"}, "--study cache: that folder is for what studies share"),
    ],
)
def test_a_value_outside_its_range_is_one_line_with_the_value(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as error:
        of(**values)
    assert "\n" not in str(error.value)


def test_a_quarter_of_the_trials_is_replicated_unless_it_is_said_how_many() -> None:
    assert [of(trials=trials).replicate_runs for trials in (1, 12, 50)] == [0, 3, 12]
    assert of(trials=12, replicates=0).replicate_runs == 0
    assert of(trials=12, replicates=30).replicate_runs == 30
    for flag, value in (("significance", -1), ("replicates", -1), ("seeds", 0)):
        with pytest.raises(ConfigError, match=f"--{flag} {value}: "):
            of(**{flag: value})


def test_the_same_request_always_has_the_same_name() -> None:
    assert of().named("digits").study == "digits-2Mmacs"
    assert of(budget_params=80_000).named("digits").study == "digits-2Mmacs-80kparams"
    assert of(budget_macs=None, budget_latency=0.03).named("digits").study == "digits-30ms-on-cpu"
    on_a_gpu = of(budget_latency=250e-6, latency_on="cuda")
    assert on_a_gpu.named("digits").study == "digits-2Mmacs-250us-on-cuda"
    assert of(study="mine").named("digits").study == "mine"
    assert of(workdir="runs").named("digits").folder == Path("runs/digits-2Mmacs")


def test_a_folder_gives_its_whole_name_and_a_file_its_name_without_the_suffix(tmp_path: Path) -> None:
    (tmp_path / "faces-0.5").mkdir()
    for data, name in (("faces-0.5", "faces-0.5"), ("faces-0.5.zip", "faces-0.5"), ("cats.zip", "cats")):
        named = of(teacher="t.pt", data=str(tmp_path / data)).named("big").study
        assert named == f"big-{name}-2Mmacs"


def test_a_name_of_its_own_that_is_too_long_for_a_folder_is_refused() -> None:
    with pytest.raises(ConfigError, match="is too long for a folder: give --study"):
        of().named("ffhq" * 60)


def test_a_teachers_name_can_not_lead_out_of_the_work_folder() -> None:
    config = of(workdir="runs").named("../../ffhq 256/x")
    assert config.folder.parent == Path("runs")


def test_the_study_is_a_file_in_its_folder_unless_a_storage_is_given() -> None:
    assert of(study="s", workdir="/r").storage_url == "sqlite:////r/s/study.db"
    assert of(storage="postgresql://u@h/d").storage_url == "postgresql://u@h/d"


@pytest.mark.parametrize("workdir", ["100%", "what?"])
def test_a_work_folder_that_a_url_would_read_otherwise_is_refused(workdir: str) -> None:
    with pytest.raises(ConfigError, match="give one without % and"):
        _ = of(study="s", workdir=workdir).storage_url
    assert of(study="s", workdir=workdir, storage="sqlite:///x.db").storage_url == "sqlite:///x.db"


def test_paths_become_absolute_for_workers_and_digits_stay_digits(tmp_path: Path) -> None:
    config = of(teacher="t.safetensors", data="digits", workdir="runs", perceptual="l.pt").absolute()
    assert config.teacher is not None
    assert Path(config.perceptual) == Path("l.pt").resolve()
    assert (config.teacher.is_absolute(), config.workdir.is_absolute(), config.data) == (True, True, "digits")
    assert Path(of(teacher="t.pt", data="faces").absolute().data).is_absolute()


# The file


def saved(config: SearchConfig) -> SearchConfig:
    config.folder.mkdir(parents=True, exist_ok=True)
    return SearchConfig.of(**read_toml(config.save(), SearchConfig))


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(
    values=st.fixed_dictionaries(
        {},
        optional={
            "data": TEXT,
            "sampler": TEXT,
            "storage": TEXT,
            "teacher": TEXT.map(Path),
            "mirror": st.booleans(),
            "budget_params": st.integers(1, 10**12),
            "kd_weight_start": st.floats(0, 1e6),
            "kd_decay_end": st.floats(1e-9, 1),
            "gpus_per_trial": st.floats(0, 1) | st.integers(1, 8).map(float) | st.just("auto"),
            "rungs": st.sets(st.integers(1, 10**9), min_size=1).map(lambda rungs: tuple(sorted(rungs))),
        },
    )
)
def test_a_saved_configuration_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    values = {"teacher": Path("t.pt"), "data": "faces"} | values
    config = of(**values, workdir=tmp_path_factory.getbasetemp() / "saved", study="one")
    assert saved(config) == config


def test_a_setting_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / "search.toml").write_text('trials = 8\nbudget = "5G"\n')
    with pytest.raises(
        ConfigError, match=r"search\.toml sets 'budget', which does not exist; did you mean budget_"
    ):
        read_toml(tmp_path / "search.toml", SearchConfig)


@pytest.mark.parametrize("content", [b"trials = = 8", b"\xff\xfe", None])
def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "search.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"search\.toml can't be read"):
        read_toml(path, SearchConfig)


@pytest.mark.parametrize(
    "given",
    [
        {"budget_macs": "2M"},
        {"budget_macs": 2_000_000, "recipe": "dgl-gan"},
        {"budget_macs": "5G", "teacher": "faces.pkl"},
        {"budget_macs": "5G", "teacher": "faces.pkl", "data": "faces.zip"},
        {"budget_macs": "2M", "share_weights": True},
    ],
)
def test_a_configuration_made_in_python_has_the_commands_defaults(given: dict[str, Any]) -> None:
    made = SearchConfig(**given)
    assert made == SearchConfig.of(**given)
    assert SearchConfig.model_validate(made.model_dump(mode="json")) == made


def test_the_default_weights_hold_in_python_too() -> None:
    assert SearchConfig(budget_macs=2_000_000).schedule == Schedule("cosine", 1.0, 0.3, 0.6, 1.0)
