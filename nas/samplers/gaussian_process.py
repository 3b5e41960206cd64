"""A Gaussian process over the results of all rungs: it predicts the FIDs of untrained architectures.

log FID of architecture x at rung r is modelled as `level_r + linear(x) + smooth(x) + deviation_r(x) + noise`.
All rungs share the effect of the architecture, and each rung deviates from it a little. So the model learns
from candidates that were stopped early, too, and smooths lucky seeds away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[np.float64]

LEVEL_VARIANCE = 10.0  # of a rung's mean log FID: an uninformative prior
START = (0.1, 0.1, 1.5, 0.03, 0.1)  # standard deviations linear, smooth; length; deviation; noise
DOUBT = (1.0, 1.0, 0.5, 1.0, 0.7)  # standard deviations of their logarithms around START, in the prior
FARTHEST = 4.0  # of these: matrices of scales farther away may have no Cholesky factor
FIT_STEPS = 40
JITTER = 1e-6  # beside LEVEL_VARIANCE; a thousandth of an FID


@dataclass(frozen=True)
class Surrogate:
    """A fitted process; made by `fit`."""

    inputs: Tensor  # (n, d)
    rungs: Tensor  # (n,)
    mean: float  # of the observations
    weights: Tensor  # (n,), K⁻¹ (y - mean)
    factor: Tensor  # (n, n), Cholesky factor of K
    scales: Tensor  # (5,), see START

    def predict(self, inputs: Array, rung: int) -> tuple[Array, Array]:
        """Mean and standard deviation of log FID without noise, for `inputs` (m, d) at `rung`; each (m,)."""
        x = torch.from_numpy(inputs)
        r = torch.full((len(x),), rung)
        cross = _kernel(_relation(x, r, self.inputs, self.rungs), self.scales)
        mean = self.mean + cross @ self.weights
        reduced = torch.linalg.solve_triangular(self.factor, cross.T, upper=False).square().sum(dim=0)
        prior = _kernel_diagonal(x, self.scales)
        return mean.numpy(), (prior - reduced).clamp_min(1e-12).sqrt().numpy()


def fit(inputs: Array, rungs: npt.NDArray[np.int64], logs: Array, scales: Tensor | None = None) -> Surrogate:
    """The process given log FIDs `logs` (n,) of encoded architectures `inputs` (n, d) at `rungs` (n,).

    Its five `scales`, where they are not given, are the most likely ones under log-normal priors around
    `START`.
    """
    x, r, mean = torch.from_numpy(inputs), torch.from_numpy(rungs), float(logs.mean())
    y = torch.from_numpy(logs) - mean
    relation = _relation(x, r, x, r)
    if scales is None:
        scales = _likeliest_scales(relation, y)
    factor = _factor(relation, scales)
    return Surrogate(x, r, mean, torch.cholesky_solve(y[:, None], factor)[:, 0], factor, scales)


def _likeliest_scales(relation: Relation, y: Tensor) -> Tensor:
    start = torch.tensor(START, dtype=torch.float64).log()
    doubt = torch.tensor(DOUBT, dtype=torch.float64)
    least, most = start - FARTHEST * doubt, start + FARTHEST * doubt
    free = start.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS([free], max_iter=FIT_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        factor = _factor(relation, free.clamp(least, most).exp())
        whitened = torch.linalg.solve_triangular(factor, y[:, None], upper=False)
        fit = whitened.square().sum() / 2 + factor.diagonal().log().sum()
        value: Tensor = fit + ((free - start) / doubt).square().sum() / 2
        value.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]  # torch has no types here
    return free.detach().clamp(least, most).exp()


def expected_improvement(mean: Array, deviation: Array, threshold: float) -> Array:
    """Expected improvement of normal variables below `threshold`, (m,) (Jones et al. 1998, equation 15)."""
    z = (threshold - mean) / deviation
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    below = torch.special.ndtr(torch.from_numpy(z)).numpy()
    improvement: Array = np.maximum(deviation * (z * below + density), 0.0)  # rounding may take it below
    return improvement


def expected_hypervolume_improvement(
    mean: Array,
    deviation: Array,
    costs: Array,
    front: list[tuple[float, float]],
    reference: tuple[float, float],
) -> Array:
    """Expected hypervolume that candidates of known cost add to a front, (m,).

    Costs are exact, so it is a sum over the steps of the front to the right of a candidate's cost: the step's
    width times the expected improvement on its height (Emmerich et al. 2011 for two objectives).

    Args:
        mean, deviation: of the candidates' first objective, (m,).
        costs: their second objective, (m,).
        front: non-dominated (first, second) objectives, by ascending second.
        reference: worst values of both.
    """
    starts = [-math.inf, *(cost for _, cost in front)]
    ends = [*(cost for _, cost in front), reference[1]]
    heights = [reference[0], *(min(value, reference[0]) for value, _ in front)]
    total = np.zeros(len(mean))
    for start, end, height in zip(starts, ends, heights, strict=True):
        width = np.clip(end - np.maximum(start, costs), 0.0, None)
        total += np.where(width > 0, width * expected_improvement(mean, deviation, height), 0.0)
    return total


class Relation(NamedTuple):
    """Inputs of the kernel, for each pair of two sets of architectures and rungs."""

    products: Tensor
    squares: Tensor
    same_rung: Tensor


def _relation(x: Tensor, r: Tensor, others: Tensor, their_r: Tensor) -> Relation:
    squares = torch.cdist(x, others, compute_mode="donot_use_mm_for_euclid_dist").square()
    return Relation(x @ others.T, squares, (r[:, None] == their_r[None, :]).to(x.dtype))


def _kernel(relation: Relation, scales: Tensor) -> Tensor:
    linear, smooth, length, deviation, _ = scales
    distance = (5 * relation.squares + 1e-12).sqrt() / length
    matern = (1 + distance + distance.square() / 3) * (-distance).exp()
    own = relation.same_rung * (LEVEL_VARIANCE + deviation**2 * matern)
    kernel: Tensor = linear**2 * relation.products + smooth**2 * matern + own
    return kernel


def _kernel_diagonal(x: Tensor, scales: Tensor) -> Tensor:
    linear, smooth, _, deviation, _ = scales
    diagonal: Tensor = linear**2 * x.square().sum(dim=1) + smooth**2 + LEVEL_VARIANCE + deviation**2
    return diagonal


def _factor(relation: Relation, scales: Tensor) -> Tensor:
    noise = (scales[4] ** 2 + JITTER) * torch.eye(len(relation.squares), dtype=torch.float64)
    factor: Tensor = torch.linalg.cholesky(_kernel(relation, scales) + noise)
    return factor
