"""The contract suite names the part that a family misses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from torch import Tensor, nn

from distill.tasks import TASKS
from search_spaces import Discriminator, Family, Generator
from tests.image_family import TRANSLATOR, InvertedDigits, Translator, TranslatorArchitecture, TranslatorSpace
from tests.search_spaces.contract import SPACE, missing_parts

TEACHER = TranslatorArchitecture(12)


@pytest.fixture(autouse=True)
def task() -> Iterator[None]:
    TASKS[InvertedDigits.name] = InvertedDigits
    yield
    del TASKS[InvertedDigits.name]


def without(name: str) -> type:
    """The translators' space, but for one of its functions."""
    members = {
        n: member for n, member in vars(TranslatorSpace).items() if n not in (name, "__dict__", "__weakref__")
    }
    return type("Space", (), members)


class Unfinished(Generator):
    def __init__(self, architecture: TranslatorArchitecture) -> None:
        super().__init__()
        self.weight = nn.Linear(1, 1)


class Blind(Discriminator):
    def __init__(self, architecture: TranslatorArchitecture) -> None:
        super().__init__()
        self.architecture = architecture

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3))


class Unspecified(Translator):
    def __init__(self, architecture: TranslatorArchitecture) -> None:
        super().__init__(architecture)
        del self.input_specs


def test_a_whole_family_misses_nothing() -> None:
    assert missing_parts(TRANSLATOR, TEACHER) == []


@pytest.mark.parametrize("name", SPACE)
def test_a_space_without_one_of_its_functions(name: str) -> None:
    family = replace(TRANSLATOR, space=without(name))
    assert missing_parts(family, TEACHER) == [f"Space lacks {name}(), see SearchSpace.{name}"]


def test_the_functions_of_a_space_are_those_of_its_protocol() -> None:
    assert set(SPACE) == {
        "sample",
        "macs",
        "params",
        "smallest",
        "largest",
        "uniform",
        "initial_designs",
        "inherit",
        "with_fractions",
    }


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"build": Unspecified}, ["Unspecified lacks input_specs"]),
        (
            {"build": Unfinished},
            [
                "Unfinished lacks input_specs",
                "Unfinished lacks architecture",
                "Unfinished lacks image_shape",
                "Unfinished lacks forward()",
            ],
        ),
        ({"build": lambda architecture: nn.Linear(1, 1)}, ["Linear is no subclass of Generator"]),
        ({"build_discriminator": Blind}, ["Blind lacks features()"]),
        ({"tasks": ("dreams",)}, ["Family.tasks has 'dreams', which is not in distill.tasks.TASKS"]),
        ({"options": dict}, ["Family.options is <class 'dict'>, which is no subclass of BaseModel"]),
        ({"resolutions": ()}, ["Family.resolutions is empty"]),
        ({"space": None, "read": None}, ["Family.space is None", "Family.read is None"]),
    ],
)
def test_the_missing_part_is_named(changes: dict[str, Any], says: list[str]) -> None:
    family: Family = replace(TRANSLATOR, **changes)
    found = missing_parts(family, TEACHER)
    assert len(found) == len(says)
    assert all(sentence.startswith(beginning) for sentence, beginning in zip(found, says, strict=True))
