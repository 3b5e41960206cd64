"""A judge that tests of a module share."""

from __future__ import annotations

import pytest

from distill.evaluation.fidelity import Fidelity
from tests.distill.evaluation.digit_sets import SETS


@pytest.fixture(scope="module")
def whole() -> Fidelity:
    return Fidelity(SETS, "digits")
