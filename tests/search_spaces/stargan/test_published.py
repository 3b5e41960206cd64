"""The teachers that people train: widths and training as published."""

from __future__ import annotations

import pytest

from search_spaces import ArchitectureError
from search_spaces.stargan import STARGAN, TeacherOptions
from search_spaces.stargan.published import teacher_architecture
from tests.search_spaces.stargan.teachers import published


def test_a_teacher_is_as_wide_and_as_deep_as_published() -> None:
    architecture = published(128)
    assert (architecture.encoder, architecture.decoder) == ((64, 128, 256), (128, 64))
    assert architecture.blocks == ("dense",) * 6
    assert (architecture.stem_kernel, architecture.down_kernel) == (7, 4)
    assert (architecture.up_kernel, architecture.image_kernel) == (4, 7)
    assert architecture.skips == ()


def test_classes_are_its_attributes() -> None:
    grey = teacher_architecture(TeacherOptions(width=8, blocks=2), 48, 1, 7)
    assert (grey.attributes, grey.image_channels, grey.resolution) == (7, 1, 48)
    assert (grey.encoder, grey.blocks) == ((8, 16, 32), ("dense", "dense"))


def test_a_teacher_without_attributes_is_refused_with_the_fix() -> None:
    with pytest.raises(ArchitectureError, match=r"^0 attributes: .* give images that have some$"):
        teacher_architecture(TeacherOptions(), 128, 3)


def test_training_is_as_published() -> None:
    training = STARGAN.training
    assert (training.adversarial, training.discriminator_steps) == ("wasserstein", 5)
    assert (training.generator_lr, training.discriminator_lr, training.betas) == (1e-4, 1e-4, (0.5, 0.999))
    assert training.r1_gamma is None
