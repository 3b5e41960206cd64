"""Images of a checkpoint, as a grid or as an array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from distill.evaluation import image_grid, images_at_a_time, save_png
from distill.memory import is_out_of_memory
from distill.noise import seeded_noise
from nas.checkpoints.arrays import read_array, read_classes
from nas.errors import ConfigError
from search_spaces import Checkpoint, Generator, Inputs, load_checkpoint, os_reason
from search_spaces.reading import written_whole

BATCH = 64
NO_OPTIONS = {"psi": 1.0, "noise": "random"}  # the behaviour of generators without options
LACKS = {"psi": "styles, so there is nothing to truncate", "noise": "noise inputs"}


@torch.no_grad()
def draw(
    checkpoint: Path,
    *,
    count: int = 64,
    latents: Path | None = None,
    classes: str = "",
    seed: int = 0,
    **options: Any,
) -> Tensor:
    """Images (N, C, H, W), float32 in about [-1, 1].

    Args:
        checkpoint: of a student or a teacher.
        count: how many, where no `latents` are given.
        latents: .npy of `z`, (N, latent_dim).
        classes: of a conditional generator: "0,3,7", taken in turn; or a .npy of numbers (N,) or of labels
            (N, classes). Without them, any.
        seed: of latents, labels and noise.
        options: passed to the generator: `psi` and `noise`, where it has such.

    Raises:
        CheckpointError, ConfigError: a file can't be read or does not fit, the generator takes inputs from
            data or has no such option, or memory does not suffice.
    """
    loaded = load_checkpoint(checkpoint)
    generator = loaded.generator
    options = known_options(loaded, checkpoint, options)
    inputs = drawn_inputs(generator, checkpoint, count=count, latents=latents, classes=classes, seed=seed)
    try:
        at_a_time = images_at_a_time(generator.image_shape[1], most=BATCH)
        batches = zip(*(torch.split(tensor, at_a_time) for tensor in inputs), strict=True)
        with seeded_noise(seed):
            return torch.cat([generator(*batch, **options) for batch in batches])
    except (RuntimeError, MemoryError) as error:
        raise _too_many(error, count) from error


def drawn_inputs(
    generator: Generator, checkpoint: Path, *, count: int, latents: Path | None, classes: str, seed: int
) -> Inputs:
    """Inputs of `generator` as `draw` is asked for them.

    Raises:
        ConfigError: a file can't be read or does not fit, the generator takes inputs from data, or memory
            does not suffice.
    """
    _check_drawn(generator, checkpoint)
    specs = generator.input_specs
    place = {spec.kind: i for i, spec in enumerate(specs)}
    if latents is not None and "latent" not in place:
        raise ConfigError(f"--latents {latents}: {checkpoint} has no latents; leave --latents out")
    z = None if latents is None else _read_latents(latents, specs[place["latent"]].shape[0])
    if classes and not generator.classes:
        raise ConfigError(f"--classes {classes}: {checkpoint} is not conditional; leave --classes out")
    try:
        inputs = list(generator.example_inputs(count if z is None else len(z), seed))
        if z is not None:
            inputs[place["latent"]] = z
    except (RuntimeError, MemoryError) as error:
        raise _too_many(error, count) from error
    if classes:
        inputs[place["label"]] = read_classes("--classes", classes, len(inputs[0]), generator.classes)
    return tuple(inputs)


def _too_many(error: Exception, count: int) -> Exception:
    """What to raise of an `error` while so many images are made."""
    if not is_out_of_memory(error):
        return error
    return ConfigError(f"--count {count}: so many images don't fit into memory; give fewer")


def _check_drawn(generator: Generator, checkpoint: Path) -> None:
    """Raise ConfigError for a generator with an input that comes from data."""
    needed = [spec for spec in generator.input_specs if spec.distribution == "data"]
    if needed:
        words = " and ".join(f"{spec.kind} (N, {', '.join(map(str, spec.shape))})" for spec in needed)
        translates = any(spec.kind == "image" for spec in needed)
        does = "translates images" if translates else "needs data"
        flags = "photos by --input, or arrays by --inputs" if translates else "them by --inputs"
        raise ConfigError(
            f"{checkpoint} {does}: it needs {words} from data, which can't be drawn: give {flags}"
        )


def known_options(loaded: Checkpoint, checkpoint: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """The `options` that the generator has; raises ConfigError for others, unless they change nothing."""
    known = loaded.generator.sampling_options
    for name in options.keys() - known:
        if options[name] != NO_OPTIONS.get(name):
            raise ConfigError(
                f"--{name} {options[name]}: {checkpoint} is of the family {loaded.family}, which has no "
                f"{LACKS.get(name, 'such option')}; leave --{name} out"
            )
    return {name: value for name, value in options.items() if name in known}


def check_output(output: Path, force: bool = False, suffixes: Sequence[str] = (".png", ".npy")) -> None:
    """Check that `output` can be written, before images are made.

    Raises:
        ConfigError: it has none of the `suffixes`, the folder can't be made, or the file exists and is not
            to be replaced by `force`.
    """
    if output.suffix.lower() not in suffixes:
        raise ConfigError(f"-o {output}: give a file that ends in {' or '.join(suffixes)}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        exists = output.exists()
    except OSError as error:
        raise ConfigError(f"-o {output} can't be written ({os_reason(error)}): choose another") from error
    if exists and not force:
        raise ConfigError(f"{output} exists: choose another -o, or replace it by --force")


def write(images: Tensor, output: Path, columns: int, force: bool = False) -> None:
    """Save as a grid (.png) or as raw values (.npy); the file appears only when complete.

    Raises:
        ConfigError: as `check_output`, or the file can't be written.
    """
    check_output(output, force)
    try:
        if output.suffix.lower() == ".png":
            save_png(image_grid(images, min(columns, len(images)), max_side=None), output)
        else:
            with written_whole(output) as file:
                np.save(file, images.numpy())
    except OSError as error:
        raise ConfigError(f"-o {output} can't be written ({os_reason(error)}): choose another") from error


def _read_latents(path: Path, latent_dim: int) -> Tensor:
    """`z` (N, latent_dim), float32."""
    return read_array("--latents", path, (None, latent_dim), f"(N, {latent_dim})")
