"""The DCGAN students below one teacher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from search_spaces.dcgan import architecture as closed_form
from search_spaces.dcgan import inherit as inheritance
from search_spaces.dcgan.architecture import GeneratorArchitecture, Layer
from search_spaces.sampling import Choice, OneOf, RelativeWidth, StudentSpace, WidthGrid


@dataclass(frozen=True)
class DCGANSpace(StudentSpace[GeneratorArchitecture]):
    """Students with the teacher's resolution, colours, latent `z` and depth; none of their layers is larger.

    Searched: the relative width of every layer but the last, which makes the image; kernel sizes that keep
    the sizes of outputs; and whether normalisation is kept, where the teacher has any.
    """

    name = "dcgan"
    macs = staticmethod(closed_form.macs)
    params = staticmethod(closed_form.params)
    inherit = staticmethod(inheritance.inherit)

    # the smallest published student is 128 times narrower than the largest teacher, down to 2 channels
    grid: ClassVar[WidthGrid] = WidthGrid(steps=128, min_channels=1)

    def choices(self) -> list[Choice]:
        """Widths first, then kernels, from `z` to the image; layers are counted from 1."""
        layers = list(enumerate(self.teacher.layers, 1))
        found: list[Choice] = [RelativeWidth(f"width_{i}") for i, _ in layers[:-1]]
        for i, layer in layers:
            if len(kernels(layer)) > 1:
                found.append(OneOf(f"kernel_{i}", kernels(layer), layer.kernel))
        return found + ([OneOf("norm", ("batch", "none"), "batch")] if self._normalised else [])

    def initial_designs(self) -> list[dict[str, Any]]:
        """Tapered widths, which inherit far better than uniform ones of the same MACs; smallest kernels;
        tapered widths without normalisation. Each where it differs from the uniform choices.
        """
        small = {
            f"kernel_{i}": kernels(layer)[-1]
            for i, layer in enumerate(self.teacher.layers, 1)
            if len(kernels(layer)) > 1
        }
        designs = [self.tapered()] if len(self.widths()) > 1 else []
        designs += [{**self.uniform(), **small}] if small else []
        return designs + ([{**self.tapered(), "norm": "none"}] if self._normalised else [])

    def widths(self) -> tuple[int, ...]:
        """Channels of every layer but the last."""
        return tuple(layer.channels for layer in self.teacher.layers[:-1])

    def with_widths(
        self, architecture: GeneratorArchitecture, widths: Sequence[float]
    ) -> GeneratorArchitecture:
        """`architecture` with the nearest widths of the grid."""
        triples = zip(architecture.layers[:-1], widths, self.widths(), strict=True)
        hidden = (replace(layer, channels=self.grid.snap(width, limit)) for layer, width, limit in triples)
        return replace(architecture, layers=(*hidden, architecture.layers[-1]))

    def chosen(self, answers: Mapping[str, Any]) -> GeneratorArchitecture:
        """The student that `answers` describe, at the teacher's widths."""
        layers = [
            with_kernel(layer, answers.get(f"kernel_{i}", layer.kernel))
            for i, layer in enumerate(self.teacher.layers, 1)
        ]
        if answers.get("norm") == "none":
            layers = [without_norm(layer) for layer in layers]
        return replace(self.teacher, layers=tuple(layers))

    def simpler(self, architecture: GeneratorArchitecture) -> Iterator[GeneratorArchitecture]:
        """Narrowest widths, then the smallest kernels, then no normalisation."""
        yield (simple := self.narrowest(architecture))
        layers = tuple(with_kernel(layer, kernels(layer)[-1]) for layer in simple.layers)
        yield replace(simple, layers=layers)
        yield replace(simple, layers=tuple(without_norm(layer) for layer in layers))

    @property
    def _normalised(self) -> bool:
        return any(without_norm(layer) != layer for layer in self.teacher.layers)


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
