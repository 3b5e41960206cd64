"""The ResNet translators that people train: as CycleGAN has them."""

from __future__ import annotations

import pytest

from search_spaces import ArchitectureError
from search_spaces.resnet_translator import Block, TeacherOptions
from search_spaces.resnet_translator.published import (
    TRAINING,
    teacher_architecture,
    unconditional,
)
from tests.search_spaces.resnet_translator.teachers import published


def test_a_teacher_is_as_published() -> None:
    assert published(256).blocks == (Block(256),) * 9
    assert published(128).blocks == (Block(256),) * 6
    options = TeacherOptions(width=8, blocks=2, kind="separable")
    small = teacher_architecture(options, 64, 1)
    assert (small.stem, small.down, small.up) == (8, (16, 32), (16, 8))
    assert small.blocks == (Block(32, "separable"),) * 2
    assert (small.resolution, small.input_channels, small.image_channels) == (64, 1, 1)


def test_its_discriminator_and_training_are_cyclegans() -> None:
    discriminator = unconditional(published(256))
    assert str(discriminator) == "patches of 256 px c3 instance 64 128 256 512"
    assert (TRAINING.adversarial, TRAINING.augment) == ("least-squares", "none")
    assert (TRAINING.generator_lr, TRAINING.betas) == (2e-4, (0.5, 0.999))
    assert TRAINING.r1_gamma is None


def test_other_resolutions_are_refused() -> None:
    with pytest.raises(ArchitectureError, match=r"^resolution 100: .* give one of them"):
        published(100)
