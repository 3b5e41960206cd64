"""Fit a student's mapping network to the teacher's style space `w`, also a shallower or narrower one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from search_spaces.inputs import draw_inputs
from search_spaces.stylegan2.mapping import MappingNetwork

BASIS_LATENTS = 4_096  # over which the principal directions of `w` are found
FIT_STEPS = 300
FIT_BATCH = 256
FIT_LR = 1.0  # weights are stored 100× enlarged, see `MAPPING_LR`


@dataclass(frozen=True)
class StyleBasis:
    """The map from a student's styles to its teacher's: `w_teacher ≈ axes @ w_student + origin`."""

    axes: Tensor  # (teacher's style_dim, student's style_dim), orthonormal columns
    origin: Tensor  # (teacher's style_dim,)


def inherit_mapping(teacher: MappingNetwork, student: MappingNetwork) -> StyleBasis:
    """Fit `student` so that the same `z` gives the teacher's `w`, in a basis as wide as the student's styles.

    Equal networks are copied. A narrower one uses the principal directions of the teacher's styles. Others
    are fitted by regression on random latents, in seconds, without generating images (ours).
    """
    wide, narrow = teacher.layers[-1].bias, student.layers[-1].bias
    if len(wide) == len(narrow) and len(teacher.layers) == len(student.layers):
        student.load_state_dict(teacher.state_dict())
        return StyleBasis(torch.eye(len(wide), device=wide.device), torch.zeros_like(wide))
    rng = torch.Generator().manual_seed(0)
    basis = _basis(teacher(*_inputs(teacher, BASIS_LATENTS, rng)), len(narrow))
    _fit(teacher, student, basis, rng)
    return basis


def _basis(styles: Tensor, width: int) -> StyleBasis:
    """The `width` directions in which styles (N, style_dim) vary most; all of space when it is as wide."""
    if width == styles.shape[1]:
        return StyleBasis(torch.eye(width, device=styles.device), torch.zeros_like(styles[0]))
    origin = styles.mean(dim=0)
    _, _, directions = torch.linalg.svd(styles - origin, full_matrices=False)
    return StyleBasis(directions[:width].T.contiguous(), origin)


def _fit(teacher: MappingNetwork, student: MappingNetwork, basis: StyleBasis, rng: torch.Generator) -> None:
    parameters = list(student.parameters())
    optimizer = torch.optim.Adam(parameters, lr=FIT_LR, betas=(0.9, 0.99))
    for step in range(FIT_STEPS):
        optimizer.param_groups[0]["lr"] = FIT_LR * (1 - step / FIT_STEPS)
        inputs = _inputs(teacher, FIT_BATCH, rng)
        target = (teacher(*inputs) - basis.origin) @ basis.axes
        with torch.enable_grad():
            loss = F.mse_loss(student(*inputs), target.detach())
            gradients = torch.autograd.grad(loss, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _inputs(mapping: MappingNetwork, count: int, rng: torch.Generator) -> tuple[Tensor, ...]:
    device = mapping.layers[0].weight.device
    return tuple(x.to(device) for x in draw_inputs(mapping.input_specs, count, rng))
