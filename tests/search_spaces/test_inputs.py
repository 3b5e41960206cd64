"""Descriptions of a generator's inputs."""

from __future__ import annotations

from search_spaces import InputSpec, classes_of

LATENT = InputSpec("latent", (5,), "normal")
LABEL = InputSpec("label", (3,), "onehot")


def test_classes_are_those_of_the_label_wherever_it_stands() -> None:
    assert classes_of((LATENT, LABEL)) == classes_of((LABEL, LATENT)) == 3
    assert classes_of((LATENT,)) == classes_of(()) == 0
