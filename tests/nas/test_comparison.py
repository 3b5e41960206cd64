"""What differs between a study and a request is said in the words of the command line."""

from __future__ import annotations

from typing import Any

import pytest

from nas.config import REVISION, SearchConfig, conditions, differences, in_words, recipe_revision


def identity(**changes: Any) -> dict[str, str]:
    return {"teacher": "a" * 16} | conditions(SearchConfig.of(**{"budget_macs": "2M"} | changes))


def words(before: dict[str, str], now: dict[str, str]) -> str:
    return in_words(differences(before, now, {"teacher": "old.pkl"}, {}))


@pytest.mark.parametrize(
    ("change", "before", "now"),
    [
        ({"batch_size": 32}, "--batch-size 64", "--batch-size 32"),
        ({"rungs": "1k,4032"}, "--rungs 4k,8k,16k", "--rungs 1k,4032"),
        ({"budget_macs": 1_920_001}, "--budget-macs 2M", "--budget-macs 1920001"),
        ({"budget_latency": "30ms"}, "no --budget-latency", "--budget-latency 30ms"),
        ({"mirror": True}, "--no-mirror", "--mirror"),
        ({"inherit": False, "importance": "image-difference"}, "--inherit", "--no-inherit"),
        ({"adversarial": "hinge"}, "no --adversarial", "--adversarial hinge"),
        ({"r1_gamma": 0.5}, "no --r1-gamma", "--r1-gamma 0.5"),
        ({"seed": 7}, "--seed 0", "--seed 7"),
    ],
)
def test_a_setting_is_named_as_it_is_typed(change: dict[str, Any], before: str, now: str) -> None:
    if "inherit" in change:
        old, new = identity(), identity() | {"inherit": "False"}
    else:
        old, new = identity(), identity(**change)
    assert words(old, new) == (
        f"{before}, not {now}: give {before} to resume it, or use --study NAME for a new one"
    )


def test_six_differences_are_shown_and_the_others_counted() -> None:
    six = {"batch_size": 32, "seed": 7, "mirror": True, "rungs": "1k", "fid_samples": 500, "r1_gamma": 0.5}
    shown = words(identity(), identity(**six))
    assert all(f"not {flag}" in shown for flag in ("--batch-size 32", "--rungs 1k", "--r1-gamma 0.5"))
    assert shown.count("; ") == 5
    assert "more" not in shown
    shown = words(identity(), identity(**six, adversarial="hinge"))
    assert "; and 1 more: give the settings as they were to resume it, or use --study" in shown


def test_differences_that_nobody_typed_come_last() -> None:
    before = identity(seed=3) | {"held_out": "0.5", "similarity_lr": "0.5"}
    found = differences(before, identity(seed=7, fid_samples=500), {}, {})
    assert [each.now for each in found[:2]] == ["--fid-samples 500", "--seed 7"]
    assert {each.now for each in found[2:]} == {"--held-out 0.0", "--similarity-lr 0.002"}


def test_a_teacher_is_named_and_told_apart_by_its_digest() -> None:
    before = identity() | {"space": "dcgan"}
    now = before | {"teacher": "b" * 16, "space": "biggan"}
    assert words(before, now).startswith(
        f"--teacher old.pkl (digest {'a' * 16}), not --teacher of digest {'b' * 16}: give"
    )


@pytest.mark.parametrize(
    ("asked", "taught"),
    [
        ({"recipe": "compressing-gans"}, "--recipe compressing-gans"),
        ({"recipe": "dgl-gan"}, "--recipe dgl-gan"),
        ({"kd_schedule": "adaptive"}, "--recipe weight-decay with --kd-schedule adaptive"),
    ],
)
def test_a_study_of_other_losses_is_refused_in_one_line_that_says_so(
    asked: dict[str, str], taught: str
) -> None:
    config = SearchConfig.of(budget_macs="2M", **asked)
    now = conditions(config) | {REVISION: recipe_revision(config)}
    names = config.public()
    found = differences(now | {REVISION: "1"}, now, names, {})
    assert in_words(found) == (
        f"an earlier version, in which {taught} taught otherwise (CHANGELOG.md): its results can't be "
        "compared with this one's: use --study NAME for a new one"
    )
    assert differences(now, now, names, {}) == []


def test_another_recipe_explains_another_revision() -> None:
    config = SearchConfig.of(budget_macs="2M", recipe="dgl-gan")
    before, now = identity() | {REVISION: "1"}, conditions(config) | {REVISION: recipe_revision(config)}
    assert "--recipe weight-decay, not --recipe dgl-gan" in in_words(differences(before, now, {}, {}))
    assert recipe_revision(SearchConfig.of(budget_macs="2M")) == "1"
