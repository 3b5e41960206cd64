"""Torch's global random numbers, which noise layers draw from, as one training's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor


class OwnNoise:
    """Global generators that go on where this training left them, and are as before outside of it."""

    def __init__(self, seed: int, device: str) -> None:
        self.state: dict[str, Tensor] = {
            d: torch.Generator(d).manual_seed(seed).get_state() for d in {"cpu", device}
        }

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """While it lasts, random numbers are this training's; what happens in between changes nothing."""
        accelerators = [device for device in self.state if device != "cpu"]
        with torch.random.fork_rng(devices=accelerators):
            torch.set_rng_state(self.state["cpu"])
            for device in accelerators:
                torch.cuda.set_rng_state(self.state[device], device)
            yield
            self.state = {"cpu": torch.get_rng_state()}
            self.state |= {device: torch.cuda.get_rng_state(device) for device in accelerators}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a saved `state`; a device that it does not know keeps its own."""
        self.state = {device: state.get(device, own) for device, own in self.state.items()}
