"""Weight inheritance: a student starts with the teacher's most important channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from search_spaces.base import Importance
from search_spaces.batch_statistics import BATCH_SIZE
from search_spaces.dcgan.generator import DCGANGenerator
from search_spaces.dcgan.layers import GeneratorLayer
from search_spaces.image_difference import Site, image_difference
from search_spaces.importance import evaluating, fold_taps, importance_inputs, most_important
from search_spaces.inputs import input_batches


@torch.no_grad()
def inherit(teacher: DCGANGenerator, student: DCGANGenerator, importance: Importance = "magnitude") -> None:
    """Copy the weights of `teacher` that fit into `student`.

    Of every layer the channels that matter most by `importance` are kept. A smaller kernel gets the sum of
    the taps that fall together (see `fold_taps`). Biases, scales, shifts and running statistics go with their
    channels; if channels or taps are left out, the statistics are measured anew. A layer without
    normalisation absorbs the teacher's, as it is in evaluation mode.
    """
    kept = _KEPT[importance](teacher, [layer.layer.channels for layer in student.layers])
    normalised = _normalised_like(teacher, student)
    _copy(teacher, normalised, kept)
    pairs = zip(normalised.architecture.layers, teacher.architecture.layers, strict=True)
    if any((mine.channels, mine.kernel) != (theirs.channels, theirs.kernel) for mine, theirs in pairs):
        rng = torch.Generator().manual_seed(0)
        normalised.calibrate(input_batches(normalised.input_specs, BATCH_SIZE, rng))
    if normalised is not student:
        _copy(normalised, student, [torch.arange(len(indices), device=indices.device) for indices in kept])


def _normalised_like(teacher: DCGANGenerator, student: DCGANGenerator) -> DCGANGenerator:
    """The student, or a network of its widths and kernels that has the teacher's normalisation."""
    pairs = zip(student.architecture.layers, teacher.architecture.layers, strict=True)
    layers = tuple(
        replace(mine, norm=theirs.norm, epsilon=theirs.epsilon, bias=theirs.bias) for mine, theirs in pairs
    )
    architecture = replace(student.architecture, layers=layers)
    if architecture == student.architecture:
        return student
    with torch.random.fork_rng(devices=[]):
        return DCGANGenerator(architecture).to(next(student.parameters()).device)


def _copy(source: DCGANGenerator, target: DCGANGenerator, kept: list[Tensor]) -> None:
    """Set all of `target` to the part of `source` that is between the channels `kept` of each layer."""
    incoming = torch.arange(source.architecture.latent_dim, device=kept[0].device)
    for one, other, outgoing in zip(source.layers, target.layers, kept, strict=True):
        _inherit_layer(one, other, incoming, outgoing)
        incoming = outgoing


def _kept_by_magnitude(teacher: DCGANGenerator, widths: Sequence[int]) -> list[Tensor]:
    """Indices of the channels that every layer keeps, in their order in the teacher.

    From the image backwards, a layer keeps the channels with the largest effect on the kept channels of the
    next layer: root mean square of the channel over latents × norm of the weights that read it, normalisation
    included.
    """
    magnitudes = _magnitudes(teacher)
    device = magnitudes[0].device
    kept = [torch.arange(widths[-1], device=device)]
    for i in reversed(range(len(widths) - 1)):
        reads = _effective_taps(teacher.layers[i + 1])[:, kept[0]]
        importance = magnitudes[i] * reads.square().sum(dim=(1, 2, 3)).sqrt()
        kept.insert(0, most_important(importance, widths[i]))
    return kept


def _magnitudes(teacher: DCGANGenerator) -> list[Tensor]:
    """Root mean square of every channel of every layer in evaluation mode, `(C,)` each."""
    (z,) = importance_inputs(teacher, next(teacher.parameters()).device)
    with evaluating(teacher):
        maps = teacher.activations(z)
    return [each.square().mean(dim=(0, 2, 3)).sqrt() for each in maps]


def _kept_by_image_difference(teacher: DCGANGenerator, widths: Sequence[int]) -> list[Tensor]:
    """As `_kept_by_magnitude`, but those with the largest `image_difference`, in every layer by itself."""
    *hidden, image = teacher.layers
    scores = image_difference(teacher, {str(i): Site(layer, "output") for i, layer in enumerate(hidden)})
    kept = [most_important(score, width) for score, width in zip(scores.values(), widths, strict=False)]
    return [*kept, torch.arange(image.layer.channels, device=image.map.weight.device)]


_KEPT: dict[Importance, Callable[[DCGANGenerator, Sequence[int]], list[Tensor]]] = {
    "magnitude": _kept_by_magnitude,
    "image-difference": _kept_by_image_difference,
}


def _taps(layer: GeneratorLayer) -> Tensor:
    """The weights of a layer, (in, out, k, k), whatever its kind."""
    weight = layer.map.weight
    if layer.layer.kind == "dense":
        side = layer.layer.kernel
        return weight.reshape(layer.layer.channels, side, side, -1).permute(3, 0, 1, 2)
    return weight if layer.layer.kind == "transposed" else weight.transpose(0, 1)


def _set_taps(layer: GeneratorLayer, taps: Tensor) -> None:
    """The inverse of `_taps`."""
    if layer.layer.kind == "dense":
        layer.map.weight.copy_(taps.permute(1, 2, 3, 0).flatten(0, 2))
    else:
        layer.map.weight.copy_(taps if layer.layer.kind == "transposed" else taps.transpose(0, 1))


def _effective_taps(layer: GeneratorLayer) -> Tensor:
    """The weights with the scale of the normalisation behind them, (in, out, k, k)."""
    taps = _taps(layer)
    return taps if layer.norm is None else taps * layer.norm.scale()[:, None, None]


def _inherit_layer(
    source: GeneratorLayer, target: GeneratorLayer, incoming: Tensor, outgoing: Tensor
) -> None:
    folded = source.norm is not None and target.norm is None  # the normalisation goes into the weights
    taps = (_effective_taps(source) if folded else _taps(source))[incoming][:, outgoing]
    stride = source.layer.stride if source.layer.kind == "transposed" else 1
    _set_taps(target, fold_taps(taps, target.layer.kernel, stride))
    pixels = source.layer.kernel**2 if source.layer.kind == "dense" else 1  # each with its own bias
    bias = source.map.bias if source.map.bias is not None else taps.new_zeros(source.layer.channels * pixels)
    bias = bias.reshape(-1, pixels)[outgoing].flatten()
    if source.norm is not None and folded:
        norm, scale = source.norm, source.norm.scale()[outgoing]
        shift = norm.bias[outgoing] - norm.running_mean[outgoing] * scale
        bias = bias * scale.repeat_interleave(pixels) + shift.repeat_interleave(pixels)
    if target.map.bias is not None:
        target.map.bias.copy_(bias)
    if source.norm is not None and target.norm is not None:
        for name, tensor in target.norm.state_dict(keep_vars=True).items():
            tensor.copy_(getattr(source.norm, name)[outgoing])
