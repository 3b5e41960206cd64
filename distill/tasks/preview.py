"""What to show of generators: inputs, and how the images for them are arranged beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from search_spaces import Inputs, InputSpec


@dataclass(frozen=True)
class Panel:
    """Columns of images side by side; panels of one picture are above each other."""

    columns: Mapping[str, Tensor]  # by caption, (N, C, H, W), float32 in [-1, 1]
    title: str = ""
    across: int = 1  # images in a row of each column


@dataclass(frozen=True)
class Preview:
    """Inputs of generators, and how their images are shown: see `panels`."""

    inputs: Inputs  # (N, ...)
    given: Mapping[str, Tensor] = field(default_factory=dict)  # the input image and the target, by caption
    domains: tuple[str, ...] = ()  # input i asks for domain i % len(domains)
    across: int = 1  # images in a row, where none are given
    teacher: Tensor | None = None  # the teacher's images, where they are known

    def panels(self, made: Mapping[str, Tensor]) -> list[Panel]:
        """The pictures `made` of `inputs`, (N, C, H, W) each by the caption of their generator.

        Drawn inputs: a panel for each generator. Translated images: a row for each, with the columns input,
        generators, target. Translations to several domains: a panel for each generator, with the columns
        input and domains.
        """
        if self.domains:
            count = len(self.domains)
            by_domain = (
                {domain: images[k::count] for k, domain in enumerate(self.domains)}
                for images in made.values()
            )
            return [
                Panel({**self.given, **columns}, title)
                for title, columns in zip(made, by_domain, strict=True)
            ]
        if self.given:
            target = {caption: images for caption, images in self.given.items() if caption == TARGET}
            first = {caption: images for caption, images in self.given.items() if caption != TARGET}
            return [Panel({**first, **made, **target})]
        return [Panel({"": images}, title, self.across) for title, images in made.items()]


INPUT, TARGET = "input", "target"
"""Captions of the images that are given."""


def preview_of_photos(
    specs: Sequence[InputSpec], photos: Tensor, domains: Mapping[str, Tensor] | None = None
) -> Preview:
    """The inputs that translate each of `photos`, to each of `domains` where there are any.

    Args:
        specs: of the generator: an image, and attributes where there are domains.
        photos: (M, C, H, W), float32 in [-1, 1].
        domains: target attributes (K,) by the name of the domain.
    """
    known = dict(domains or {})
    times = max(1, len(known))
    parts = {"image": photos.repeat_interleave(times, dim=0)}
    if known:
        parts["attributes"] = torch.stack(list(known.values())).repeat(len(photos), 1)
    return Preview(tuple(parts[spec.kind] for spec in specs), {INPUT: photos}, tuple(known))
