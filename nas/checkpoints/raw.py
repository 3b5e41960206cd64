"""Raw images of a network for arrays of inputs, so that it can be compared with the original."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from distill.evaluation import images_at_a_time
from distill.memory import is_out_of_memory
from distill.noise import seeded_noise
from distill.tasks import check_sides
from nas.checkpoints.arrays import read_array, read_classes
from nas.checkpoints.sampling import BATCH, known_options
from nas.errors import ConfigError
from search_spaces import Generator, Inputs, InputSpec, load_checkpoint

MOST = 10.0  # of an image's values: far above, they are 8 bits


@torch.no_grad()
def raw_images(
    checkpoint: Path, inputs: Path, labels: str = "", *, noise: str = "const", **options: Any
) -> Tensor:
    """The raw images (N, C, H, W), float32, of the network in evaluation form: not resized, not clamped.

    Args:
        checkpoint: of a student or a teacher.
        inputs: .npy of what the network takes: latents (N, D), or images (N, C, H, W), usually in [-1, 1].
            Images may have other sides than the network was trained for, where it can take them.
        labels: what it takes beside them: "0,3,7" or a .npy of classes, or a .npy of attributes (N, K).
        noise: of networks with noise inputs; constant, so that images depend on inputs alone.
        options: passed to the network: `psi`, where it has such.

    Raises:
        CheckpointError, ConfigError, DataError, ArchitectureError: a file can't be read or does not fit, the
            network has no such option or no images of such sides, or memory does not suffice.
    """
    loaded = load_checkpoint(checkpoint)
    takes_noise = "noise" in loaded.generator.sampling_options
    given = options | {"noise": noise if takes_noise or noise != "const" else "random"}
    given = known_options(loaded, checkpoint, given)
    generator, tensors = _inputs(loaded.generator, checkpoint, inputs, labels)
    at_a_time = images_at_a_time(generator.image_shape[1], most=BATCH)
    batches = zip(*(torch.split(tensor, at_a_time) for tensor in tensors), strict=True)
    try:
        with seeded_noise(0):
            return torch.cat([generator(*batch, **given) for batch in batches])
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise ConfigError(f"--inputs {inputs}: so many images don't fit into memory; give fewer") from error


def _inputs(generator: Generator, checkpoint: Path, file: Path, labels: str) -> tuple[Generator, Inputs]:
    """The network for images of the given sides, and its inputs in their order."""
    specs = {spec.kind: spec for spec in generator.input_specs}
    main = specs["image"] if "image" in specs else specs["latent"]
    shape: tuple[int | None, ...] = (None, *main.shape)
    if main.kind == "image":
        shape = (None, main.shape[0], None, None)
    x = read_array("--inputs", file, shape, _words(main))
    if main.kind == "image" and (most := float(x.abs().max())) > MOST:
        raise ConfigError(
            f"--inputs {file} has values up to {most:g}: networks take images in [-1, 1], that is "
            "x / 127.5 - 1 of 8 bits"
        )
    if main.kind == "image":
        generator = for_sides(generator, (x.shape[2], x.shape[3]), f"--inputs {file}: images")
    beside = specs.get("label") or specs.get("attributes")
    if beside is None:
        if labels:
            raise ConfigError(f"--labels {labels}: {checkpoint} takes none: leave --labels out")
        return generator, (x,)
    if not labels:
        what = "classes" if beside.kind == "label" else beside.kind
        raise ConfigError(f"--labels is missing: {checkpoint} takes {what} {_words(beside)}: give them")
    if beside.kind == "label":
        values = read_classes("--labels", labels, len(x), beside.shape[0])
    else:
        wanted = f"({len(x)}, {beside.shape[0]})"
        values = read_array("--labels", Path(labels), (len(x), *beside.shape), wanted)
    return generator, tuple(x if spec.kind == main.kind else values for spec in generator.input_specs)


def for_sides(generator: Generator, sides: tuple[int, ...], what: str) -> Generator:
    """`generator` for images of the given height and width, or of the one side of squares, px.

    `what` the images are is said in messages.

    Raises:
        DataError: a side is no multiple of its stride.
        ArchitectureError: it can't take images of these sides.
    """
    (known,) = (spec.shape[1:] for spec in generator.input_specs if spec.kind == "image")
    if set(sides) == set(known):
        return generator
    check_sides(sides, generator.stride, what)
    generator.at_resolution(min(sides))  # refuses what is too small
    return generator.at_resolution(max(sides))


def _words(spec: InputSpec) -> str:
    """The shape of a batch of an input, in words."""
    shape = (spec.shape[0], "H", "W") if spec.kind == "image" else spec.shape
    return f"(N, {', '.join(map(str, shape))})"
