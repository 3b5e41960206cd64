"""Sizes of a family's networks: flags of the command line, made of the family's own model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, Field

from distill.errors import TrainingError
from nas.cli import teacher
from nas.teacher import TeacherRequest
from nas.teacher.request import shape_of, training_of
from search_spaces import FAMILIES


class Petals(BaseModel):
    """Sizes of a family that nobody has heard of."""

    petals: int = Field(5, ge=1, description="Petals of the flower.")
    width: int = Field(7, ge=1, description="Width of a petal.")


@pytest.fixture
def flower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "flower", replace(FAMILIES["dcgan"], name="flower", options=Petals))


def test_a_new_family_brings_its_sizes_to_the_command_line(flower: None) -> None:
    flags = {each.flag: each for each in teacher.sizes()}
    assert flags["--petals"].help() == "flower: Petals of the flower  [default: 5]"
    assert "flower: Width of a petal." in flags["--width"].text
    assert "dcgan: " in flags["--width"].text, "both families have one"
    assert flags["--width"].default.endswith("; flower 7")


def test_a_size_of_another_family_is_refused_with_the_list_of_this_ones(flower: None) -> None:
    request = TeacherRequest.of(data="digits", output="a.safetensors", sizes={"latent_dim": "8"})
    with pytest.raises(
        Exception, match="--latent-dim 8: --space flower has no such size: give --petals, --width"
    ):
        shape_of(request, FAMILIES["flower"])
    asked = request.model_copy(update={"sizes": {"petals": "0"}})
    with pytest.raises(Exception, match="--petals 0: give a number of at least 1"):
        shape_of(asked, FAMILIES["flower"])


def test_sizes_are_checked_by_their_family(flower: None) -> None:
    request = TeacherRequest.of(data="digits", output="a.safetensors", sizes={"petals": "3"})
    assert shape_of(request, FAMILIES["flower"]).options == Petals(petals=3)


@pytest.mark.parametrize(
    "asked",
    [{"augment": "fixed"}, {"micro_batch": 4}, {"precision": "bf16"}, {"compile": True}],
    ids=lambda asked: next(iter(asked)),
)
def test_what_a_training_of_both_directions_does_not_know_is_refused(asked: dict[str, Any]) -> None:
    family = FAMILIES["resnet-translator"]
    request = TeacherRequest.of(data="pets", output="a.safetensors", space=family.name, resolution=32)
    assert training_of(request, shape_of(request, family)).config.precision == "fp32"
    flag = next(iter(asked)).replace("_", "-")
    changed = request.model_copy(update=asked)
    with pytest.raises(TrainingError, match=f"^--{flag}: unpaired teachers are trained in both directions"):
        training_of(changed, shape_of(changed, family))
