"""Where proposals come from: Optuna samplers, ours among them, by name."""

from nas.samplers.joint import JointSampler, draw
from nas.samplers.registry import SAMPLERS, MakeSampler, check_sampler, make_sampler, resume_seed

__all__ = [
    "SAMPLERS",
    "JointSampler",
    "MakeSampler",
    "check_sampler",
    "draw",
    "make_sampler",
    "resume_seed",
]
