"""Activations that are made a second time in the backward pass, instead of being kept (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from distill.errors import TrainingError
from search_spaces import Generator


def check_activation_checkpointing(generator: Generator, checkpoint_activations: bool) -> None:
    """Raise TrainingError where activations of `generator` are to be made again and have no `stages`."""
    if checkpoint_activations and not generator.stages():
        raise TrainingError(
            "--checkpoint-activations: this generator has no parts whose activations can be made again to "
            "less memory and the same training: leave it out; for less memory give a smaller --batch-size"
        )


class ActivationCheckpointing:
    """A context in which `stages` keep only their inputs; the gradients are the same, to the bit on a CPU.

    Random numbers are drawn alike the second time, so noise layers add the same noise. Outside the context
    the modules are as before: copies of them, their state and what is counted on them know nothing of it.
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
            del stage.forward  # the instance's own, so that the class's is found again


def _recomputed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def twice(*inputs: Any) -> Any:
        return checkpoint(forward, *inputs, use_reentrant=False, preserve_rng_state=True)

    return twice
