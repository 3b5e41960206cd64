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
        self._state: dict[str, Tensor] = {
            d: torch.Generator(d).manual_seed(seed).get_state() for d in {"cpu", device}
        }
        self._in_use = False

    @property
    def state(self) -> dict[str, Tensor]:
        """The states by device, also while the block of a call runs."""
        if not self._in_use:
            return dict(self._state)
        accelerators = {device: torch.cuda.get_rng_state(device) for device in self._accelerators}
        return {"cpu": torch.get_rng_state()} | accelerators

    @property
    def _accelerators(self) -> list[str]:
        return [device for device in self._state if device != "cpu"]

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Use this training's state while the block runs; restore the global one when it ends."""
        with torch.random.fork_rng(devices=self._accelerators):
            torch.set_rng_state(self._state["cpu"])
            for device in self._accelerators:
                torch.cuda.set_rng_state(self._state[device], device)
            self._in_use = True
            try:
                yield
                self._state = self.state
            finally:
                self._in_use = False

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Resume from a saved `state`; devices that it does not contain keep theirs."""
        self._state = {device: state.get(device, own) for device, own in self._state.items()}
