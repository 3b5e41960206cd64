"""StyleGAN2 checkpoints of other projects: NVIDIA's pickles and rosinality's state dicts."""

from search_spaces.stylegan2.reading.checkpoints import read

__all__ = ["read"]
