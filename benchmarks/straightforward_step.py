"""The distillation step of `benchmarks.straightforward`: separate passes, a live teacher, plain Adam.

Real images, fake images and R1 are passes of their own, the teacher runs in every step, and Adam goes from
tensor to tensor.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.straightforward import Discriminator, Generator


class Step:
    """Discriminator step, lazy R1, and a generator step with the teacher beside the student."""

    def __init__(
        self,
        student: Generator,
        discriminator: Discriminator,
        teacher: Generator,
        teacher_discriminator: Discriminator,
        *,
        kd_weight: float,
        r1_gamma: float,
        r1_every: int,
        bf16: bool,
        device: str,
    ) -> None:
        self.student, self.discriminator = student.to(device), discriminator.to(device)
        self.teacher = teacher.to(device).eval().requires_grad_(False)
        self.teacher_discriminator = teacher_discriminator.to(device).eval().requires_grad_(False)
        self.ema = copy.deepcopy(self.student).eval().requires_grad_(False)
        self.kd_weight, self.r1_gamma, self.r1_every = kd_weight, r1_gamma, r1_every
        self.bf16, self.device, self.steps = bf16, device, 0
        adam: dict[str, Any] = {"lr": 2e-3, "betas": (0.0, 0.99), "eps": 1e-8, "foreach": False}
        self.generator_optimizer = torch.optim.Adam(student.parameters(), **adam)
        self.discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), **adam)

    def __call__(self, real: Tensor, latent_dim: int) -> dict[str, Tensor]:
        """One step on `real` (N, C, R, R); the losses."""
        losses = self._discriminator_step(real, torch.randn(len(real), latent_dim).to(self.device))
        if self.steps % self.r1_every == 0:
            losses |= self._r1_step(real)
        losses |= self._generator_step(torch.randn(len(real), latent_dim).to(self.device))
        for mean, now in zip(self.ema.parameters(), self.student.parameters(), strict=True):
            mean.data.mul_(0.99).add_(now.data, alpha=0.01)
        self.steps += 1
        return losses

    def _autocast(self) -> torch.autocast:
        return torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16)

    def _discriminator_step(self, real: Tensor, z: Tensor) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(True)
        with self._autocast():
            with torch.no_grad():
                fake = self.student(z)
            fake_logits, real_logits = self.discriminator(fake), self.discriminator(real)
        loss = F.softplus(fake_logits.float()).mean() + F.softplus(-real_logits.float()).mean()
        _descend(loss, self.discriminator_optimizer)
        return {"d_adversarial": loss.detach()}

    def _r1_step(self, real: Tensor) -> dict[str, Tensor]:
        real = real.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.discriminator(real).sum(), real, create_graph=True)
        penalty = gradient.square().sum(dim=(1, 2, 3)).mean()
        _descend(penalty * (self.r1_gamma / 2 * self.r1_every), self.discriminator_optimizer)
        return {"d_r1": penalty.detach()}

    def _generator_step(self, z: Tensor) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(False)
        with self._autocast():
            fake = self.student(z)
            logits = self.discriminator(fake)
            with torch.no_grad():
                taught = self.teacher(z)
                wanted = self.teacher_discriminator.features(taught)
            features = self.teacher_discriminator.features(fake)
        adversarial = F.softplus(-logits.float()).mean()
        pixel = (fake.float() - taught.float()).abs().mean()
        distances = [
            (mine.float() - theirs.float()).abs().mean() / theirs.float().abs().mean().clamp_min(1e-6)
            for mine, theirs in zip(features, wanted, strict=True)
        ]
        feature = torch.stack(distances).mean()
        _descend(adversarial + self.kd_weight * (pixel + feature), self.generator_optimizer)
        return {
            "g_adversarial": adversarial.detach(),
            "g_pixel": pixel.detach(),
            "g_feature": feature.detach(),
        }


def _descend(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
