"""What tests of several packages share: a tiny teacher, and one thread."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from search_spaces import Checkpoint, save_checkpoint
from search_spaces.stylegan2 import (
    Block,
    DiscriminatorArchitecture,
    GeneratorArchitecture,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
)

LONG = "NAS_TEST_LONG"  # environment variable: set, tests of minutes run, too

torch.set_num_threads(1)
settings.register_profile("tests", deadline=None)  # times on a shared machine mean nothing
settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of minutes, unless they are asked for."""
    for item in items:
        if item.get_closest_marker("long") and not os.environ.get(LONG):
            item.add_marker(pytest.mark.skip(reason=f"takes minutes: set {LONG}=1"))


@pytest.fixture(scope="session")
def teacher_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a random 16 px grey StyleGAN2 of a few channels, with its discriminator."""
    path = tmp_path_factory.mktemp("teacher") / "tiny.safetensors"
    generator = GeneratorArchitecture(
        (Block(8, convs=1), Block(8), Block(8)), image_channels=1, latent_dim=8, style_dim=8, mapping_layers=2
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = (
            StyleGAN2Generator(generator).eval(),
            StyleGAN2Discriminator(DiscriminatorArchitecture.beside(generator)).eval(),
        )
    save_checkpoint(Checkpoint("stylegan2", *networks, {"name": "tiny"}), path)
    return path
