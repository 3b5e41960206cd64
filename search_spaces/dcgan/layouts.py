"""Settings of generators that tensors do not define: from known implementations, else DCGAN's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.dcgan.architecture import Activation, Latent


@dataclass(frozen=True)
class Layout:
    """The generator of one public implementation, recognised by the names of its modules with kernels."""

    source: str  # where it is published
    modules: tuple[str, ...]  # in order; layers below are numbered as they are
    kernels: tuple[int, ...] | None = None  # of its convolutions, where names are ambiguous
    latent: Latent = "normal"
    activation: Activation = "relu"  # of all layers but the last
    layers: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)  # other settings


UPSAMPLED = {"kind": "upsampled", "stride": 2, "epsilon": 0.8}
VALID = {"padding": 0, "output_padding": 0}

DEFAULT = Layout("unknown", ())  # Radford et al., arXiv 1511.06434
KNOWN = (
    Layout(
        "github.com/efleurine/faces-dcgan", ("fc", "t_conv1.0", "t_conv2.0", "t_conv3.0"), latent="uniform"
    ),
    Layout(
        "github.com/fletchersarip93/face-generator",
        tuple(f"generator_deconv.{i}.0" for i in range(5)),
        latent="uniform",
        activation="leaky",
        layers={0: {"activation": "none"}},
    ),
    Layout(
        "github.com/dennisjooo/DCGAN-on-MNIST",
        ("layer_stack.1", "layer_stack.4", "layer_stack.7", "layer_stack.10"),
        activation="leaky",
        layers={1: {"output_padding": 0}},  # 4 px become 7
    ),
    Layout("github.com/syoopie/fashion-DCGAN", ("layer1.0", "layer2.0", "layer3.0"), kernels=(7, 5, 5)),
    Layout("github.com/csinva/gan-vae-pretrained-pytorch", ("0", "2", "4"), kernels=(1, 1, 28)),
    Layout(
        "github.com/eriklindernoren/PyTorch-GAN",  # dcgan.py; also WGANs of this form
        ("l1.0", "conv_blocks.2", "conv_blocks.6", "conv_blocks.9"),
        activation="leaky",
        layers={0: {"activation": "none"}, 1: UPSAMPLED, 2: UPSAMPLED},
    ),
    Layout(
        "DeepLearning.AI, Build Basic GANs, week 2",
        ("gen.0.0", "gen.1.0", "gen.2.0", "gen.3.0"),
        kernels=(3, 4, 3, 4),  # 3, 6, 13, 28 px
        layers={1: {"stride": 1, **VALID}, 2: VALID, 3: VALID},
    ),
)


def layout_of(modules: tuple[str, ...], kernels: tuple[int, ...]) -> Layout:
    """The known layout of a network with these modules, below any common prefix; else the default."""
    return next(
        (known for known in KNOWN if known.kernels in (None, kernels) and _is_below_one(known, modules)),
        DEFAULT,
    )


def _is_below_one(known: Layout, modules: tuple[str, ...]) -> bool:
    """Whether `modules` have the names of `known`, all with the same prefix or none."""
    prefix = modules[0].removesuffix(known.modules[0])
    return prefix[-1:] in ("", ".") and modules == tuple(f"{prefix}{name}" for name in known.modules)
