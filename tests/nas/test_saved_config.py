"""What a study saves of its configuration, and which settings make two searches the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nas.config import (
    MAY_CHANGE,
    NO_SNAPSHOTS,
    RAMP,
    REVISION,
    SNAPSHOTS,
    SearchConfig,
    conditions,
    default_conditions,
    read_toml,
)
from nas.database import parse_url
from nas.errors import StorageError, StudyError


def of(**values: Any) -> SearchConfig:
    return SearchConfig.of(**{"budget_macs": 2_000_000} | values)


def test_what_changes_a_fid_is_a_condition_and_what_does_not_is_none() -> None:
    assert set(conditions(of())) | MAY_CHANGE == set(SearchConfig.model_fields)
    for change in ({"trials": 99}, {"workers": 7}, {"workdir": "elsewhere"}, {"sampler": "random"}):
        assert conditions(of(**change)) == conditions(of())
    for change in ({"significance": 0.0}, {"replicates": 0}, {"seeds": 1}, {"reduction_factor": 3.0}):
        assert conditions(of(**change)) == conditions(of())
    for change in ({"micro_batch": 8}, {"compile": True}, {"checkpoint_activations": True}):
        assert conditions(of(**change)) == conditions(of())
    assert conditions(of(precision="bf16")) != conditions(of())
    for change in (
        {"seed": 1},
        {"kd_weight_start": 2.0},
        {"rungs": (1, 2)},
        {"fid_samples": 9},
        {"budget_macs": 7},
    ):
        assert conditions(of(**change)) != conditions(of())
    within = of(budget_latency=0.03)
    for other in (of(), of(budget_latency=0.02), of(budget_latency=0.03, latency_on="cuda")):
        assert conditions(other) != conditions(within)


def test_a_password_is_in_nothing_that_others_read(tmp_path: Path) -> None:
    config = of(storage="postgresql+psycopg://nas:secret@db/nas", workdir=tmp_path, study="one")
    config.folder.mkdir()
    assert "secret" not in str(config.public())
    assert "secret" not in config.save().read_text()
    open_to_all = of(storage="postgresql+psycopg://nas@db/nas", workdir=tmp_path, study="one")
    assert open_to_all.public()["storage"] == "postgresql+psycopg://nas@db/nas"


def test_a_saved_storage_without_its_password_is_not_mistaken_for_another(tmp_path: Path) -> None:
    for storage in ("postgresql+psycopg://nas:secret@db/nas", "postgresql+psycopg://db/nas?password=secret"):
        saved = of(storage=storage, workdir=tmp_path, study="one").public()
        assert "secret" not in str(saved)
        with pytest.raises(StorageError, match="has lost its password: give the whole URL by --storage"):
            parse_url(saved["storage"])


def test_settings_that_another_version_saved_are_refused_in_one_line() -> None:
    kept = of(study="one").public()
    assert SearchConfig.saved(kept) == of(study="one")
    for change in ({"kd_start": 1.0}, {"workers": 0}):
        with pytest.raises(
            StudyError, match=f"study 'one' has settings of another version .{next(iter(change))}"
        ):
            SearchConfig.saved(kept | change)


def test_defaults_are_the_conditions_of_a_search_that_says_nothing() -> None:
    said = conditions(SearchConfig.of(budget_macs=10**6))
    depends = {"budget_macs", "rungs", "fid_samples", "extractor", *RAMP}  # on the data or the teacher
    changed = {"kd_weight_end", "similarity_lr", "importance"}  # since studies that did not note them
    defaults = default_conditions()
    assert defaults.pop(REVISION) == "1"  # of studies from before it was noted
    assert defaults.pop(SNAPSHOTS) == NO_SNAPSHOTS  # a study's identity has it from the teacher's files
    assert defaults.keys() == said.keys()
    assert all(said[name] == value for name, value in defaults.items() if name not in depends | changed)


def test_equal_weights_of_similarity_are_equal_settings_and_go_through_the_file(tmp_path: Path) -> None:
    asked = of(similarity="mmd=0.5, pixel = 1.0,wavelet=0", workdir=tmp_path, study="s")
    assert asked.similarity == "pixel=1,mmd=0.5"
    assert conditions(asked) == conditions(of(similarity="pixel=1,mmd=0.5"))
    asked.folder.mkdir()
    assert SearchConfig.of(**read_toml(asked.save(), SearchConfig)).similarity == asked.similarity
    assert of(similarity=of().similarity) == of()


@pytest.mark.parametrize("changed", [{"similarity": "pixel=1"}, {"adversarial": "hinge"}])
def test_what_a_student_is_taught_with_is_a_condition_of_a_study(changed: dict[str, str]) -> None:
    assert conditions(of(**changed)) != conditions(of())


def test_how_channels_are_ranked_is_a_condition_of_a_study() -> None:
    assert conditions(of(importance="magnitude")) != conditions(of())


def test_a_setting_that_a_saved_study_lacks_is_not_filled_in() -> None:
    saved = SearchConfig.of(budget_macs="2M").public()
    del saved["kd_weight_start"]
    assert SearchConfig.saved(saved).kd_weight_start == 1.0


def test_channels_are_ranked_by_image_differences_unless_an_older_study_or_nothing_is_ranked() -> None:
    assert of().importance == "image-difference"
    assert of(teacher="t.pt", data="faces").importance == "image-difference"
    assert of(importance="magnitude").importance == "magnitude"
    assert of(inherit=False).importance == "magnitude"
    assert default_conditions()["importance"] == "magnitude", "of studies from before it was a setting"
