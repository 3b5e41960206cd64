"""Trainings in stages: until the distance is flat, then on from the best weights with fresh optimizers."""

from distill.stages.plateau import Measured, Plateau, train_until_flat
from distill.stages.snapshot import Snapshot

__all__ = ["Measured", "Plateau", "Snapshot", "train_until_flat"]
