"""The base class of errors that a user can cause, and words of messages: text of files made safe, counts."""


class UserError(Exception):
    """The request was wrong: the message names the value that was given and says what to do, in one line.

    Commands turn it into exit code 2. Anything that is not a `UserError` is a bug and shows its traceback.
    """


class CheckpointError(UserError):
    """A checkpoint file that can't be read as the network that it should hold."""


class ArchitectureError(UserError):
    """An architecture that its family can't build."""


def one_line(text: object, most: int = 200) -> str:
    """`text`, which a file may have chosen, in one printable line of about `most` characters at most.

    Control characters are escaped, long text is cut.
    """
    try:
        said = str(text)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        said = "a number of too many digits to show"
    cut = said[:most] + ("…" if len(said) > most else "")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


def os_reason(error: OSError) -> str:
    """The reason of an OSError in the words of the system, if there are any."""
    return error.strerror or str(error)


def count_of(number: int, what: str, plural: str = "") -> str:
    """Such as "1 replicate" and "2,000 images"; `plural` where it is not `what` with an s."""
    return f"{number:,} {what if number == 1 else plural or what + 's'}"
