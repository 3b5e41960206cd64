"""Words of messages."""

from __future__ import annotations

import pytest

from search_spaces import count_of


@pytest.mark.parametrize(
    ("number", "plural", "text"),
    [(0, "", "0 images"), (1, "", "1 image"), (2_000, "", "2,000 images"), (2, "pictures", "2 pictures")],
)
def test_one_is_singular(number: int, plural: str, text: str) -> None:
    assert count_of(number, "image", plural) == text
