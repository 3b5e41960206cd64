"""U-Net translators of the public pix2pix code: one module nested in another, `model.model.1.model…`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from search_spaces.base import Found
from search_spaces.errors import CheckpointError
from search_spaces.reading import Network, choose, find_networks, with_weights
from search_spaces.translation import Norm
from search_spaces.unet_translator.architecture import (
    DROPOUT_FROM,
    KERNEL,
    MAX_LEVELS,
    GeneratorArchitecture,
    Level,
)
from search_spaces.unet_translator.generator import UnetTranslator

PREFIX = "model."
MARKS = ("0.weight", "1.model.1.weight", "3.weight")  # of the outermost level and the one inside it
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class _Places:
    """Prefixes of the modules of a level: convolution, its normalisation, transposed one, its."""

    down: str
    down_norm: str
    up: str
    up_norm: str


def read(content: Any) -> Found | None:
    """The generator in `content`, as `read_untrusted` returns it; None without a U-Net translator.

    Widths, depth and normalisation follow from shapes and names. The resolution is the one at which the
    innermost map has 1 px, as in the public code. Dropout has no tensors and is inactive in use: it is
    assumed, as published, for students that are trained.

    Raises:
        CheckpointError: it is one, but its tensors don't fit.
        ArchitectureError: its sizes can't be built.
    """
    chosen = choose(find_networks(content), _read)
    if chosen is None:
        return None
    network, generator = chosen
    a = generator.architecture
    assumed = f"resolution {a.resolution} px" + (", dropout in training" if a.dropout else "")
    return Found(
        generator,
        None,
        {"source_format": "U-Net translator state dict", **network.origin, "assumed": assumed},
    )


def _read(network: Network) -> UnetTranslator | None:
    """The generator that `network` is, or None; raises as `read`."""
    theirs = dict(network.tensors)
    while theirs and all(name.startswith(PREFIX) for name in theirs):
        theirs = {name.removeprefix(PREFIX): tensor for name, tensor in theirs.items()}
    if network.role == "discriminator" or not all(mark in theirs for mark in MARKS):
        return None
    if theirs[MARKS[0]].shape[2:] != (KERNEL, KERNEL):
        return None
    places = _places(theirs)
    norm: Norm = "batch" if f"{places[-1].up_norm}.weight" in theirs else "instance"
    architecture = GeneratorArchitecture(
        levels=tuple(Level(len(theirs[f"{place.down}.weight"])) for place in places),
        resolution=1 << len(places),
        input_channels=theirs[MARKS[0]].shape[1],
        image_channels=theirs[MARKS[-1]].shape[1],
        norm=norm,
        dropout=len(places) > DROPOUT_FROM + 1,
    )
    return with_weights(UnetTranslator, architecture, _renamed(theirs, places, norm), "generator")


def _places(theirs: State) -> list[_Places]:
    """Where the modules of every level are, finest first."""
    inside = ["", "1.model."]
    while f"{inside[-1]}3.model.1.weight" in theirs:
        inside.append(f"{inside[-1]}3.model.")
    if len(inside) > MAX_LEVELS:
        raise CheckpointError(f"it has {len(inside)} levels, U-Nets here at most {MAX_LEVELS}")
    return [
        _Places(f"{inside[0]}0", "", f"{inside[0]}3", ""),
        *(_Places(f"{at}1", f"{at}2", f"{at}5", f"{at}6") for at in inside[1:-1]),
        _Places(f"{inside[-1]}1", "", f"{inside[-1]}3", f"{inside[-1]}4"),
    ]


def _renamed(theirs: State, places: list[_Places], norm: Norm) -> dict[str, Tensor]:
    """The tensors under our names; statistics of instance normalisation, which it never uses, go."""
    names: dict[str, str] = {}
    for i, place in enumerate(places):
        names |= {place.down: f"down.{i}.conv", place.up: f"up.{i}.conv"}
        names |= {place.down_norm: f"down.{i}.norm", place.up_norm: f"up.{i}.norm"}
    ours: dict[str, Tensor] = {}
    for name, tensor in theirs.items():
        module, _, leaf = name.rpartition(".")
        if leaf != _STATISTICS[2] and (norm == "batch" or leaf not in _STATISTICS):
            ours[f"{names.get(module, module)}.{leaf}"] = tensor
    return ours
