"""Torch's global random numbers, which noise layers draw from: seeded, or owned by one training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from distill.seeds import derive_seed


@contextlib.contextmanager
def seeded_noise(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed the global random numbers of the CPU and `device`; restore them when the block ends."""
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
    """The state of the global random generators that belongs to one training."""

    def __init__(self, seed: int, device: str) -> None:
        self.state: dict[str, Tensor] = {
            d: torch.Generator(d).manual_seed(seed).get_state() for d in {"cpu", device}
        }

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Use this training's state while the block runs; restore the global one when it ends."""
        accelerators = [device for device in self.state if device != "cpu"]
        with torch.random.fork_rng(devices=accelerators):
            torch.set_rng_state(self.state["cpu"])
            for device in accelerators:
                torch.cuda.set_rng_state(self.state[device], device)
            yield
            self.state = {"cpu": torch.get_rng_state()}
            self.state |= {device: torch.cuda.get_rng_state(device) for device in accelerators}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Resume from a saved `state`; devices that it does not contain keep theirs."""
        self.state = {device: state.get(device, own) for device, own in self.state.items()}
