"""The root of every error that a user can cause."""


class UserError(Exception):
    """The request was wrong: the message names the value that was given and says what to do, in one line.

    Commands turn it into exit code 2. Anything that is not a `UserError` is a bug and shows its traceback.
    """


class CheckpointError(UserError):
    """A checkpoint file that can't be read as what it was given for."""


class ArchitectureError(UserError):
    """An architecture that its family can't build."""
