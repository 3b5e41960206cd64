"""Errors of distilling and measuring: requests that can't be met, and trainings that fail."""

from search_spaces import UserError


class DataError(UserError):
    """Images that can't be used as training data."""


class TeacherError(UserError):
    """A teacher that can't be loaded or does not fit the request."""


class TeacherCacheError(UserError):
    """A teacher cache that can't be kept."""


class RecipeError(UserError):
    """A recipe or schedule that does not exist, or does not go with the teacher or the space."""


class TrainingError(UserError):
    """Settings that exclude each other, do not suit this machine, or differ from the resumed training's."""


class FidelityError(UserError):
    """A metric that can't be computed as asked."""


class MissingWeightsError(FidelityError):
    """Weights of an extractor that are not on this machine and can't be downloaded."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(f"{reason}: {fix}")
        self.reason = reason


class MissingPackageError(UserError):
    """An optional package is not installed; the message has the pip line."""


class TrainingDivergedError(RuntimeError):
    """A loss is NaN or infinite: this training has failed."""


class NonFiniteImagesError(RuntimeError):
    """A generator made NaN or infinity: its training has failed."""
