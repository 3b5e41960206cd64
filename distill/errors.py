"""Errors that a user can cause while distilling or measuring."""

from search_spaces.errors import UserError


class DataError(UserError):
    """Images that can't be used as training data."""


class TeacherError(UserError):
    """A teacher that can't be loaded or does not fit the request."""


class RecipeError(UserError):
    """A recipe or schedule that does not exist, or does not go with the teacher or the space."""


class FidelityError(UserError):
    """A metric that can't be computed as asked."""
