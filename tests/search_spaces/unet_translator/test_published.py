"""The U-Net translators that people train: as pix2pix has them."""

from __future__ import annotations

import pytest

from search_spaces import ArchitectureError
from search_spaces.unet_translator import Level, TeacherOptions
from search_spaces.unet_translator.published import (
    TRAINING,
    conditional,
    teacher_architecture,
)
from tests.search_spaces.unet_translator.teachers import published


@pytest.mark.parametrize(("resolution", "count"), [(32, 5), (64, 6), (128, 7), (256, 8)])
def test_a_teacher_is_as_published(resolution: int, count: int) -> None:
    architecture = published(resolution, 4)
    widths = (4, 8, 16, *(32,) * (count - 3))
    assert architecture.levels == tuple(Level(width) for width in widths)
    assert architecture.sides[-1] == 1
    assert (architecture.norm, architecture.dropout) == ("batch", count > 5)


def test_its_discriminator_and_training_are_pix2pixs() -> None:
    assert str(conditional(published(256))) == "patches of 256 px c3+3 batch 64 128 256 512"
    by_instance = teacher_architecture(TeacherOptions(norm="instance"), 64, 1)
    assert str(conditional(by_instance)) == "patches of 64 px c1+1 instance 64 128 256 512"
    assert (TRAINING.adversarial, TRAINING.augment) == ("logistic", "none")
    assert (TRAINING.generator_lr, TRAINING.betas) == (2e-4, (0.5, 0.999))


def test_other_resolutions_are_refused() -> None:
    with pytest.raises(ArchitectureError, match=r"^resolution 100: .* give one of them"):
        published(100)
