"""Activation checkpointing: recompute activations in the backward pass to save memory (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from distill.errors import TrainingError
from search_spaces import Generator


def check_activation_checkpointing(generator: Generator, checkpoint_activations: bool) -> None:
    """Raise TrainingError for a generator without `stages` to recompute."""
    if checkpoint_activations and not generator.stages():
        raise TrainingError(
            "--checkpoint-activations: recomputation would save this generator no memory or change its "
            "training: leave it out; for less memory give a smaller --batch-size"
        )


class ActivationCheckpointing:
    """A context in which `stages` keep only their inputs; gradients are equal, to the bit on a CPU.

    Recomputation draws the same random numbers, so noise layers add the same noise. Outside the context the
    modules are unchanged, so copies, states and MAC counts are not affected.
    """

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        self._stages = [(stage, _recomputed(stage.forward)) for stage in stages]

    def __enter__(self) -> None:
        for stage, forward in self._stages:
            stage.forward = forward

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stage, _ in self._stages:
            del stage.forward  # removes the override; the method of the class applies again


def _recomputed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def twice(*inputs: Any) -> Any:
        return checkpoint(forward, *inputs, use_reentrant=False, preserve_rng_state=True)

    return twice
