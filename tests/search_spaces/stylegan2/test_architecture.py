"""What an architecture says of itself."""

from __future__ import annotations

import pytest

from search_spaces import ArchitectureError
from search_spaces.stylegan2 import DiscriminatorArchitecture


def test_an_unconditional_discriminator_has_no_mapping_network_to_speak_of() -> None:
    discriminator = DiscriminatorArchitecture((4, 4, 4), mapping_layers=2)
    assert discriminator == DiscriminatorArchitecture((4, 4, 4))
    assert "mapping_layers" not in discriminator.to_json()
    assert DiscriminatorArchitecture.from_json(discriminator.to_json()) == discriminator


def test_a_conditional_one_has() -> None:
    discriminator = DiscriminatorArchitecture((4, 4, 4), classes=3, mapping_layers=2)
    assert discriminator.to_json()["mapping_layers"] == 2
    assert DiscriminatorArchitecture.from_json(discriminator.to_json()) == discriminator
    with pytest.raises(ArchitectureError, match="0 mapping layers: give 1 to"):
        DiscriminatorArchitecture((4, 4, 4), classes=3, mapping_layers=0)


def test_what_earlier_versions_wrote_of_an_unconditional_one_is_read() -> None:
    written = {"channels": [4, 4, 4], "image_channels": 3, "minibatch_std_group": 4, "classes": 0}
    for layers in ({}, {"mapping_layers": 8}, {"mapping_layers": 4}):
        assert DiscriminatorArchitecture.from_json(written | layers) == DiscriminatorArchitecture((4, 4, 4))


def test_its_short_form_stays_what_trainings_under_way_have_noted() -> None:
    assert str(DiscriminatorArchitecture((4, 4, 4))) == "D rgb3 g4 c0m8 4:4 8:4 16:4"
