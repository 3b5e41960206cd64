"""The root of every error that a user can cause, and how text out of a file is put into one."""


class UserError(Exception):
    """The request was wrong: the message names the value that was given and says what to do, in one line.

    Commands turn it into exit code 2. Anything that is not a `UserError` is a bug and shows its traceback.
    """


class CheckpointError(UserError):
    """A checkpoint file that can't be read as what it was given for."""


class ArchitectureError(UserError):
    """An architecture that its family can't build."""


def one_line(text: object, most: int = 200) -> str:
    """`text`, which a file may have chosen, in one printable line of about `most` characters at most.

    Control characters are escaped, long text is cut.
    """
    said = str(text)
    cut = said[:most] + ("…" if len(said) > most else "")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


def os_reason(error: OSError) -> str:
    """Why the system refused: its own words, where it has any."""
    return error.strerror or str(error)
