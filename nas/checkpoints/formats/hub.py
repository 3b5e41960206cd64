"""Hugging Face's layout: a folder with weights, configuration, samples and a card."""

from __future__ import annotations

from pathlib import Path

from nas.checkpoints.formats.agreement import check_images
from nas.checkpoints.formats.settings import Settings, Written
from nas.errors import ConfigError
from nas.extras import install
from search_spaces import Checkpoint

SAMPLES = "samples.png"
READABLE = 0o644


def check_hub(checkpoint: Checkpoint) -> None:
    """Raise ConfigError where a package is missing."""
    try:
        import fvcore  # noqa: F401  # only whether it is there: the card has costs
        import huggingface_hub  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise ConfigError(f"--format hub: {error.name} is missing: {install('search,hub')}") from error


def write_hub(checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    """Write a new folder of `config.json`, `model.safetensors`, `README.md` and, of drawn images, a picture.

    Raises:
        ExportError: the network's images are no images.
        OSError: the folder can't be written.
    """
    from nas.checkpoints.hub_student import HubStudent

    generator = checkpoint.generator.eval()
    check_images(generator.graph(), checkpoint.metadata.get("name", "the network"))
    student = HubStudent(checkpoint.family, generator.architecture.to_json(), dict(checkpoint.metadata))
    student.generator.load_state_dict(generator.state_dict())
    path.mkdir()
    student.save_pretrained(path)
    for file in path.iterdir():
        file.chmod(READABLE)
    size = sum(file.stat().st_size for file in path.iterdir())
    return Written("hub", path, size)
