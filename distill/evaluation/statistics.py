"""Mean and covariance of features, batch by batch: 50,000 images take no more memory than 50."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

Statistics = dict[str, np.ndarray]
"""`mu` `(D,)` and `sigma` `(D, D)`, float64."""


class RunningStatistics:
    """Mean and unbiased covariance of all that was added, as `numpy.cov` gives them for everything at once.

    Sums are taken around the first batch's mean: a covariance is the difference of two sums, which would be
    large and nearly equal around zero.
    """

    def __init__(self) -> None:
        self.count = 0

    def add(self, features: Tensor) -> None:
        """Take in `(N, D)`, N > 0, on the CPU."""
        features = features.double()
        if not self.count:
            dimensions = features.shape[1]
            self._shift = features.mean(dim=0)
            self._sum = torch.zeros(dimensions, dtype=torch.float64)
            self._products = torch.zeros(dimensions, dimensions, dtype=torch.float64)
        centred = features - self._shift
        self._sum += centred.sum(dim=0)
        self._products.addmm_(centred.T, centred)
        self.count += len(features)

    def result(self) -> Statistics:
        """Statistics of at least two rows."""
        mean = self._sum / self.count
        covariance = (self._products - self.count * mean.outer(mean)) / (self.count - 1)
        return {"mu": (self._shift + mean).numpy(), "sigma": covariance.numpy()}
