"""Where proposals come from: Optuna samplers, ours among them, by name."""

from nas.samplers.registry import SAMPLERS, check_sampler, make_sampler, resume_seed

__all__ = ["SAMPLERS", "check_sampler", "make_sampler", "resume_seed"]
