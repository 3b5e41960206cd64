"""Read published DCGAN checkpoints, bare state dicts, as our networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from search_spaces.base import Found
from search_spaces.dcgan.generator import DCGANGenerator
from search_spaces.dcgan.infer import Inferred, infer, is_discriminator
from search_spaces.dcgan.layouts import DEFAULT
from search_spaces.dcgan.modules import Module, modules_of
from search_spaces.errors import CheckpointError, one_line
from search_spaces.reading import Network, choose, find_networks, with_weights

MOST_TENSORS = 200  # a DCGAN has some 30; larger files are skipped
CONDITION = "emb"  # in the name of a module that embeds a class


def read(content: Any) -> Found | None:
    """The generator in `content`, as `read_untrusted` returns it; None without a DCGAN.

    Kinds, widths, depth and sizes follow from the tensors' shapes and order. Shapes do not define strides,
    activations, the latent's distribution and the epsilon of normalisation, follows from the names if they
    are of a public implementation (`layouts.py`), else it is assumed as DCGAN has it, and noted in the
    metadata. A discriminator in it is not read: those of DCGANs are normalised, our discriminators are not.

    Raises:
        CheckpointError: it is one, but can't be used: its tensors don't fit, it is conditional, or there is
            only a discriminator.
        ArchitectureError: its layers make no image.
    """
    networks = [each for each in find_networks(content) if each.module is None and each.is_named]
    chosen = choose(networks, _read)
    if chosen is not None:
        return _found(*chosen)
    if any(_is_discriminator(each) for each in networks):
        raise CheckpointError("it holds a discriminator and no generator")
    return None


def _read(network: Network) -> Inferred | None:
    """The generator that `network` is, or None; raises as `read`."""
    modules = None if network.role == "discriminator" else _modules(network.tensors)
    return None if modules is None else infer(modules)


def _is_discriminator(network: Network) -> bool:
    modules = _modules(network.tensors)
    return modules is not None and is_discriminator(modules)


def _found(network: Network, inferred: Inferred) -> Found:
    generator = with_weights(DCGANGenerator, inferred.architecture, inferred.state, "generator")
    metadata = {"source_format": "DCGAN state dict", **network.origin}
    metadata["source_layout"] = inferred.layout.source
    if inferred.layout is DEFAULT:
        metadata["assumed"] = (
            f"activation {DEFAULT.activation}, latent {DEFAULT.latent}, epsilon 1e-05, "
            "transposed convolutions double the size"
        )
    return Found(generator, None, metadata)


def _modules(state: Mapping[str, Tensor]) -> list[Module] | None:
    """The chain of layers in `state`, or None.

    Raises:
        CheckpointError: it is a DCGAN's beside the embedding of a class.
    """
    if len(state) > MOST_TENSORS:
        return None
    conditions = [key for key in state if CONDITION in key]
    modules = modules_of({key: tensor for key, tensor in state.items() if key not in conditions})
    if modules is None:
        return None
    if conditions and infer(modules) is not None:
        raise CheckpointError(
            f"it holds a class-conditional generator ({one_line(conditions[0], 40)}): "
            "give an unconditional one"
        )
    return None if conditions else modules
