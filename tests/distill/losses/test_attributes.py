"""Cross-entropies of attributes."""

from __future__ import annotations

import math

import pytest
import torch

from distill.losses import attribute_loss


def test_attributes_that_exclude_each_other_compete_in_a_softmax() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]])
    wanted = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    each = [
        math.log(sum(math.exp(x) for x in row)) - row[label]
        for row, label in zip(logits.tolist(), (1, 0), strict=True)
    ]
    assert float(attribute_loss(logits, wanted, exclusive=True)) == pytest.approx(sum(each) / 2)


def test_other_attributes_are_decisions_of_their_own_summed_over_attributes() -> None:
    logits = torch.tensor([[1.0, -2.0]])
    wanted = torch.tensor([[1.0, 1.0]])
    expected = math.log(1 + math.exp(-1.0)) + math.log(1 + math.exp(2.0))
    assert float(attribute_loss(logits, wanted, exclusive=False)) == pytest.approx(expected)
    twice = attribute_loss(logits.repeat(2, 1), wanted.repeat(2, 1), exclusive=False)
    assert float(twice) == pytest.approx(expected), "a mean over images"
