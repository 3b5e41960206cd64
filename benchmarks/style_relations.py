"""StyleKD's relations along latent directions (Xu et al., arXiv 2208.08840), as a row of the KD schedules.

A batch is generated twice, from its styles and from styles that are moved along principal directions of the
teacher's style space. Within each network the cosine similarities of the features of all images to those of
all moved ones are a matrix, a softmax makes rows distributions, and the student's shall be the teacher's
(Kullback-Leibler divergence, weight 30 beside L1 3 and LPIPS 3 in the public code). Ours: features are those
of every block but the first, directions are the ten principal ones, at one standard deviation, with a random
sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from distill.adversarial import Terms
from distill.recipes import GeneratorStep, WeightDecay

DIRECTIONS = 10
SAMPLES, SEED = 4_096, 1_000_303  # of the styles whose principal directions are taken


@dataclass(frozen=True)
class StyleRelations(WeightDecay):
    """Weight decay's terms and the relations, under one KD weight."""

    teacher: Any = None  # a StyleGAN2 generator, frozen
    directions: Tensor | None = None  # (K, style_dim), as long as a standard deviation
    relations: float = 30.0

    name: ClassVar = "style-relations"

    def generator_terms(self, step: GeneratorStep) -> Terms:
        terms = super().generator_terms(step)
        if step.kd_weight == 0 or self.directions is None:
            return terms
        count = len(step.fake)
        chosen = self.directions[torch.randint(len(self.directions), (count,))].to(step.fake)
        offset = chosen * (torch.randint(2, (count, 1)) * 2 - 1).to(step.fake)
        own = moved_features(step.student, step.batch.inputs, offset)
        with torch.no_grad():
            known = moved_features(self.teacher, step.batch.inputs, offset)
        losses = [relation_kl(s, t) for s, t in zip(own, known, strict=True)]
        return terms | {"g_relations": step.kd_weight * self.relations * torch.stack(losses).mean()}


def relation_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(teacher ‖ student) of the relations of features (2·N, D) of N images and, below, the moved ones."""
    own, known = (_similarities(features.float()) for features in (student, teacher))
    return F.kl_div(F.log_softmax(own, dim=1), F.softmax(known, dim=1), reduction="batchmean")


def _similarities(features: Tensor) -> Tensor:
    """(2·N, D) ─► the cosines of every image and every moved one, (N, N)."""
    plain, moved = F.normalize(features, dim=1).chunk(2)
    return plain @ moved.T


def moved_features(generator: Any, inputs: Sequence[Tensor], offset: Tensor) -> list[Tensor]:
    """Features (2·N, D) of every block but the first, of images of `inputs` and of those at moved styles."""
    found: list[Tensor] = []

    def note(block: Any, args: Any, result: tuple[Tensor, Tensor]) -> None:
        found.append(result[0].flatten(1))

    hooks = [block.register_forward_hook(note) for block in generator.blocks[1:]]
    try:
        w = generator.mapping(*inputs)
        generator.synthesize(torch.cat([w, w + offset]))
    finally:
        for hook in hooks:
            hook.remove()
    return found


@torch.no_grad()
def principal_directions(generator: Any, draw: Callable[[int], Sequence[Tensor]]) -> Tensor:
    """The principal directions of styles, (K, style_dim), each as long as its standard deviation."""
    styles = generator.mapping(*draw(SAMPLES))
    _, sizes, axes = torch.linalg.svd(styles - styles.mean(dim=0), full_matrices=False)
    kept = min(DIRECTIONS, len(axes))
    return axes[:kept] * (sizes[:kept, None] / SAMPLES**0.5)


def with_relations(bench: Any) -> StyleRelations:
    """The recipe of `bench` with the relations beside its terms, which keep their weights.

    The teacher is a StyleGAN2, and students have styles of the same size.
    """
    base, teacher = bench.recipe, bench.teacher.generator
    own = {field.name: getattr(base, field.name) for field in fields(base)}
    teacher = teacher.to(bench.device).eval().requires_grad_(False)
    inputs = next(bench.task.inputs(SEED, SAMPLES))
    directions = principal_directions(teacher, lambda count: [x.to(bench.device) for x in inputs])
    return StyleRelations(**own, teacher=teacher, directions=directions)
