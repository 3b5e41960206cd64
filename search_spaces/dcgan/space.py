"""The DCGAN students below one teacher, proposed so that they fit a budget by construction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.base import Slimmable, Suggest, Utilisation
from search_spaces.dcgan import architecture as closed_form
from search_spaces.dcgan.architecture import GeneratorArchitecture, Layer
from search_spaces.dcgan.generator import DCGANGenerator
from search_spaces.dcgan.inherit import inherit
from search_spaces.errors import ArchitectureError
from search_spaces.widths import MIN_BUDGET_FRACTION, MIN_RELATIVE_WIDTH, snap_width, spend, width_step

STEPS = 128  # of widths: the smallest published student is that much narrower than the widest teacher …
LEAST = 1  # … and has 2 channels before its image


@dataclass(frozen=True)
class DCGANSpace:
    """Students that keep the teacher's resolution, colours, latent `z` and depth, and exceed it nowhere.

    Searched: the share of the budget to spend; the relative width of every layer but the last, which makes
    the image; kernel sizes, as far as outputs keep their sizes; and whether normalisation is kept, where the
    teacher has any. The widths are then scaled together until the share is spent.
    """

    teacher: GeneratorArchitecture

    name = "dcgan"

    def macs(self, architecture: GeneratorArchitecture) -> int:
        return closed_form.macs(architecture)

    def params(self, architecture: GeneratorArchitecture) -> int:
        return closed_form.params(architecture)

    def largest(self) -> GeneratorArchitecture:
        return self.teacher

    def smallest(self) -> GeneratorArchitecture:
        return list(self._simpler(self.teacher))[-1]

    def uniform(self) -> dict[str, Any]:
        layers = self.teacher.layers
        choices: dict[str, Any] = {f"width_{i}": 1.0 for i in range(1, len(layers))}
        choices |= {f"kernel_{i}": layer.kernel for i, layer in self._kernels_to_choose()}
        return choices | ({"norm": "batch"} if self._normalised else {})

    def initial_designs(self) -> list[dict[str, Any]]:
        hidden = len(self.teacher.layers) - 1
        taper = {f"width_{i + 1}": MIN_RELATIVE_WIDTH ** (i / max(1, hidden - 1)) for i in range(hidden)}
        tapered = {**self.uniform(), **taper}  # inherits far better than uniform widths of the same MACs
        small = {f"kernel_{i}": kernels(layer)[-1] for i, layer in self._kernels_to_choose()}
        initial_designs = [tapered] if hidden > 1 else []
        initial_designs += [{**self.uniform(), **small}] if small else []
        initial_designs += [{**tapered, "norm": "none"}] if self._normalised else []
        return initial_designs

    def sample(self, suggest: Suggest, utilisation: Utilisation) -> GeneratorArchitecture:
        share = suggest.suggest_float("budget_fraction", MIN_BUDGET_FRACTION, 1.0)
        proposal, widths = self._choose(suggest)

        def scaled(scale: float) -> GeneratorArchitecture:
            """`proposal` with its relative widths times `scale`."""
            hidden = zip(proposal.layers[:-1], widths, strict=True)
            narrowed = [
                replace(
                    layer, channels=snap_width(layer.channels * width * scale, layer.channels, STEPS, LEAST)
                )
                for layer, width in hidden
            ]
            return replace(proposal, layers=(*narrowed, proposal.layers[-1]))

        return spend(share, utilisation, scaled, widths, self._simpler)

    def inherit(self, teacher: DCGANGenerator, student: DCGANGenerator) -> None:
        inherit(teacher, student)

    def slimmable(self, teacher: DCGANGenerator) -> Slimmable:
        raise ArchitectureError(
            "students of dcgan can't share weights: that is not built for this family; train each student by "
            "itself"
        )

    def shared(self) -> dict[str, Any]:
        return {}

    @property
    def _normalised(self) -> bool:
        return any(without_norm(layer) != layer for layer in self.teacher.layers)

    def _kernels_to_choose(self) -> list[tuple[int, Layer]]:
        """Layers of the teacher that could have another kernel, with their numbers, counted from 1."""
        return [(i, layer) for i, layer in enumerate(self.teacher.layers, 1) if len(kernels(layer)) > 1]

    def _choose(self, suggest: Suggest) -> tuple[GeneratorArchitecture, list[float]]:
        """An architecture at the teacher's widths, and the relative widths that are still to be scaled."""
        hidden = range(1, len(self.teacher.layers))
        widths = [suggest.suggest_float(f"width_{i}", MIN_RELATIVE_WIDTH, 1.0, log=True) for i in hidden]
        layers = list(self.teacher.layers)
        for i, layer in self._kernels_to_choose():
            kernel = suggest.suggest_categorical(f"kernel_{i}", kernels(layer))
            layers[i - 1] = with_kernel(layer, kernel)
        if self._normalised and suggest.suggest_categorical("norm", ("batch", "none")) == "none":
            layers = [without_norm(layer) for layer in layers]
        return replace(self.teacher, layers=tuple(layers)), widths

    def _simpler(self, architecture: GeneratorArchitecture) -> Iterator[GeneratorArchitecture]:
        """Ever cheaper variants of `architecture`, the last one being the smallest of the space."""
        pairs = zip(architecture.layers[:-1], self.teacher.layers, strict=False)
        narrow = [replace(layer, channels=width_step(t.channels, STEPS, LEAST)) for layer, t in pairs]
        layers = (*narrow, architecture.layers[-1])
        yield replace(architecture, layers=layers)
        layers = tuple(with_kernel(layer, kernels(layer)[-1]) for layer in layers)
        yield replace(architecture, layers=layers)
        yield replace(architecture, layers=tuple(without_norm(layer) for layer in layers))


def kernels(layer: Layer) -> tuple[int, ...]:
    """Kernel sizes that leave the size of the layer's output as it is, the largest, its own, first.

    Both edges lose a tap for every pixel of padding; a transposed convolution needs as many taps as its
    stride, or pixels between would be empty.
    """
    least = layer.stride if layer.kind == "transposed" else 1
    surplus = min(layer.padding, max(0, layer.kernel - least) // 2)
    return tuple(layer.kernel - 2 * i for i in range(surplus + 1))


def with_kernel(layer: Layer, kernel: int) -> Layer:
    """`layer` with one of its `kernels`."""
    return replace(layer, kernel=kernel, padding=layer.padding - (layer.kernel - kernel) // 2)


def without_norm(layer: Layer) -> Layer:
    """`layer` without normalisation, whose shift a bias takes over, unless that costs more.

    A dense layer has a bias for every pixel, where a scale and a shift are of a channel.
    """
    costs_more = layer.kind == "dense" and layer.kernel > 1 and not layer.bias
    return replace(layer, norm=False, bias=True) if layer.norm and not costs_more else layer
