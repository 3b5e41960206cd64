"""What can end a search; `nas.cli` turns every `UserError` into exit code 2 and a `SearchError` into 1."""

from search_spaces import UserError


class BudgetError(UserError, ValueError):
    """A budget that is no number, or that no architecture can meet."""


class ConfigError(UserError):
    """A setting outside its allowed values."""


class StudyError(UserError):
    """A study that does not exist, is in use, or belongs to another space or teacher."""


class StorageError(UserError):
    """A storage URL that is malformed or does not answer."""


class WorkdirError(UserError):
    """A work folder that can't be written."""


class ExportError(UserError):
    """A student that can't be exported or loaded."""


class SearchError(RuntimeError):
    """A search that had to end, by no fault of the request: exit code 1. What was finished is kept."""
