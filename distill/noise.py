"""Torch's global random numbers, which noise layers draw from: from a seed, or as one training's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from distill.seeds import derive_seed


@contextlib.contextmanager
def seeded_noise(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Global random numbers for noise, from `seed`, on the CPU and on `device`; as before afterwards."""
    device, noise_seed = torch.device(device), derive_seed(seed, "noise")
    if device.type == "cpu":
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(noise_seed)
            yield
        return
    module = torch.get_device_module(device)
    index = module.current_device() if device.index is None else device.index
    with torch.random.fork_rng(devices=[index], device_type=device.type), module.device(index):
        torch.default_generator.manual_seed(noise_seed)
        module.manual_seed(noise_seed)
        yield


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
