"""Hugging Face's layout: a folder with weights, configuration, samples and a card."""

from __future__ import annotations

import os
import tempfile
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
    """Write `config.json`, `model.safetensors`, `README.md` and, of drawn images, `samples.png`.

    Files of other names in the folder are left alone.

    Raises:
        ExportError: the network's images are no images.
        OSError: the folder can't be written.
    """
    from nas.checkpoints.hub_student import HubStudent

    generator = checkpoint.generator.eval()
    check_images(generator.graph(), checkpoint.metadata.get("name", "the network"))
    student = HubStudent(checkpoint.family, generator.architecture.to_json(), dict(checkpoint.metadata))
    student.generator.load_state_dict(generator.state_dict())
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path, prefix=".partial-") as scratch:
        made = Path(scratch)
        student.save_pretrained(made)
        files = sorted(made.iterdir())
        size = sum(file.stat().st_size for file in files)
        for file in files:
            file.chmod(READABLE)
            os.replace(file, path / file.name)
    if SAMPLES not in {file.name for file in files}:
        (path / SAMPLES).unlink(missing_ok=True)  # of the student that was here before
    return Written("hub", path, size)
