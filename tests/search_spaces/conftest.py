"""A tiny teacher of every family."""

from __future__ import annotations

import pytest

from search_spaces import (
    FAMILIES,
    Architecture,
    Discriminator,
    Family,
    Generator,
    SearchSpace,
)
from tests.search_spaces.contract import missing_parts
from tests.search_spaces.networks import lived_in
from tests.search_spaces.teachers import TEACHERS


@pytest.fixture(params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> Family:
    return FAMILIES[request.param]


@pytest.fixture
def architecture(family: Family) -> Architecture:
    """A tiny teacher's; every law below is about a family that has all parts of the contract."""
    assert family.name in TEACHERS, f"tests/search_spaces/teachers.py has no tiny teacher of {family.name}"
    assert missing_parts(family, TEACHERS[family.name]) == []
    return TEACHERS[family.name]


@pytest.fixture
def space(family: Family, architecture: Architecture) -> SearchSpace:
    return family.space(architecture)


@pytest.fixture
def teacher(family: Family, architecture: Architecture) -> Generator:
    return lived_in(family.build(architecture))


@pytest.fixture
def discriminator(family: Family, architecture: Architecture) -> Discriminator:
    return lived_in(family.build_discriminator(family.default_discriminator(architecture)))
