"""Measures of translated images beside what they were made of: a new one is a function of an evaluation set.

`distill.evaluation.metrics.METRICS` names them; a task says which it has (`Task.metrics`).
"""

from distill.evaluation.translations.accuracy import accuracy
from distill.evaluation.translations.base import Measure, Noted, Resources, Shown, Values
from distill.evaluation.translations.distances import content, perceptual, target

__all__ = ["Measure", "Noted", "Resources", "Shown", "Values", "accuracy", "content", "perceptual", "target"]
