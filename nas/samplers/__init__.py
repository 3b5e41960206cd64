"""Where proposals come from: Optuna samplers, ours among them, by name."""

from nas.samplers.joint import JointSampler, draw
from nas.samplers.registry import SAMPLERS, MakeSampler, check_sampler, make_sampler
from nas.samplers.seeding import SeededByTrial, trial_seed

__all__ = [
    "SAMPLERS",
    "JointSampler",
    "MakeSampler",
    "SeededByTrial",
    "check_sampler",
    "draw",
    "make_sampler",
    "trial_seed",
]
