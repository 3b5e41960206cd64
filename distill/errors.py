"""What can go wrong while distilling or measuring: by the user's request, or by a training itself."""

from search_spaces import UserError


class DataError(UserError):
    """Images that can't be used as training data."""


class TeacherError(UserError):
    """A teacher that can't be loaded or does not fit the request."""


class TeacherCacheError(UserError):
    """Teacher images that can't be kept."""


class RecipeError(UserError):
    """A recipe or schedule that does not exist, or does not go with the teacher or the space."""


class TrainingError(UserError):
    """Settings of a training that contradict each other, this machine, or the training that is resumed."""


class FidelityError(UserError):
    """A metric that can't be computed as asked."""


class TrainingDivergedError(RuntimeError):
    """A loss is not finite any more: this training has failed."""


class NonFiniteImagesError(RuntimeError):
    """A generator made NaN or infinity: its training has failed."""
