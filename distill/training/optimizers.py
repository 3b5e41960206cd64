"""The trainer's Adam, and the guard that skips steps which would break it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

SLOWER = 0.5  # factor of the learning rates once too many steps in a row were skipped


def adam(network: nn.Module, lr: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Fused Adam over all parameters of `network`."""
    return torch.optim.Adam(network.parameters(), lr=lr, betas=betas, eps=1e-8, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give all parameters the learning rate `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def match_formats(optimizer: torch.optim.Optimizer) -> None:
    """Give the state the memory format of the weights, which fused kernels require; formats may change."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if value.shape == parameter.shape and value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter).copy_(value)


class Guard:
    """Skips steps whose losses or gradients are NaN or infinite; nothing here waits for an accelerator.

    Neither weights nor moments of Adam change in such a step, and what the networks note in passing (running
    statistics, an estimate of overfitting) is as before it.

    Args:
        modules: whose buffers are guarded.
        state: further tensors that are.
        device: of all.
    """

    def __init__(self, modules: Sequence[nn.Module], state: MutableMapping[str, Tensor], device: str) -> None:
        self._buffers = [buffer for module in modules for buffer in module.buffers()]
        self.state = state
        self.rate = 1.0  # factor of the learning rates
        self._before: tuple[list[Tensor], dict[str, Tensor]] = ([], {})
        self._is_bad = torch.zeros((), dtype=torch.bool, device=device)  # a part of this step
        self._skipped, self._in_a_row = (torch.zeros((), dtype=torch.int64, device=device) for _ in range(2))

    @property
    def skipped(self) -> int:
        """Steps of the training of which a part was skipped."""
        return int(self._skipped)

    @property
    def in_a_row(self) -> int:
        """Such steps without another one between them, the last step being one."""
        return int(self._in_a_row)

    def slow_down(self) -> None:
        """Lower the learning rates, and count anew how many are skipped in a row."""
        self.rate *= SLOWER
        self._in_a_row.zero_()

    @torch.no_grad()
    def before(self) -> None:
        """Keep what a part of a step may change in passing."""
        kept = {name: value.clone() for name, value in self.state.items()}
        self._before = ([buffer.clone() for buffer in self._buffers], kept)

    @torch.no_grad()
    def check(self, losses: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, *, scaled: bool) -> None:
        """Have the `optimizer` skip its next step if that would break the weights.

        With `scaled` gradients the scaler does so, and that happens in good trainings too: losses count.
        """
        finite = torch.stack([loss.float().isfinite() for loss in losses.values()]).all()
        if not scaled:
            parameters = (each for group in optimizer.param_groups for each in group["params"])
            gradients = [each.grad for each in parameters if each.grad is not None]
            largest = torch.stack([*torch._foreach_norm(gradients, float("inf"))])
            finite = finite & largest.isfinite().all()
            optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]  # fused Adam looks at it
        buffers, state = self._before
        for now, then in zip(self._buffers, buffers, strict=True):
            now.copy_(torch.where(finite, now, then))
        for name, value in self.state.items():
            self.state[name] = torch.where(finite, value, state.get(name, torch.zeros_like(value)))
        self._is_bad |= ~finite

    def end_step(self) -> None:
        """All parts of a step are done."""
        self._skipped += self._is_bad
        self._in_a_row = (self._in_a_row + 1) * self._is_bad
        self._is_bad = torch.zeros_like(self._is_bad)

    def state_dict(self) -> dict[str, Any]:
        """What to resume from."""
        return {"skipped": self.skipped, "in_a_row": self.in_a_row, "rate": self.rate}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume; a checkpoint of an earlier version has nothing."""
        self._skipped.fill_(state.get("skipped", 0))
        self._in_a_row.fill_(state.get("in_a_row", 0))
        self.rate = float(state.get("rate", 1.0))


def is_finite(module: nn.Module) -> bool:
    """Whether all weights are numbers: those that are not stay so in every further step."""
    return all(bool(parameter.isfinite().all()) for parameter in module.parameters())
