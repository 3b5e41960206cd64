"""Before a command imports its libraries: Ctrl-C ends it in one line, its user has a home and its files."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from nas.printable import printable

INTERRUPTED = 130
WRONG_REQUEST = 2

FILES = {  # options that name a file to read ─► what to give
    "--config": "a TOML file of settings",
    "--discriminator": "a checkpoint",
    "--enqueue": "a JSON file of architectures",
    "--extractor-weights": "a file of weights",
    "--latents": "a .npy of latents",
    "--teacher": "a checkpoint",
}
DATA = "--data"
NO_FILES = ("digits", "teacher")  # built in, or made: names of data beside those with a colon and lists
CHECKPOINT_FIRST = ("nas-sample", "nas-evaluate", "nas-teacher info", "nas-teacher import")


def end_quietly() -> None:
    """Let Ctrl-C and SIGTERM end the program at once, if this process is one of our commands.

    The handler raises nothing: libraries that are interrupted while they are imported make other errors of
    it. `Command.main` calls `raise_again`, as from then on there is something to clean up.
    """
    if not Path(sys.argv[0]).name.startswith("nas-"):
        return
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _end)


def raise_again() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, where `end_quietly` has changed that."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: object) -> None:
    os.write(2, f"{Path(sys.argv[0]).name}: interrupted before it began\n".encode())
    os._exit(INTERRUPTED)


def have_identity() -> None:
    """Set HOME and LOGNAME where nothing else says them: Ray and PyTorch ask for both when imported."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()
    try:
        getpass.getuser()
    except (KeyError, OSError):  # the second: since Python 3.13
        os.environ["LOGNAME"] = f"uid{os.getuid()}"


def refuse_missing_files() -> None:
    """End the program, if this process is one of our commands, where a file that it is to read is missing.

    Only what is plain to see is looked for; the commands check all that they read when they read it.
    """
    program = Path(sys.argv[0]).name
    said = missing_file(program, sys.argv[1:]) if program.startswith("nas-") else ""
    if said:
        os.write(2, f"{program}: {printable(said)}\n".encode(errors="backslashreplace"))
        raise SystemExit(WRONG_REQUEST)


def missing_file(program: str, arguments: Sequence[str]) -> str:
    """What is wrong with the files that the `arguments` of `program` name, in a line; empty if nothing is."""
    if {"-h", "--help", "--version"}.intersection(arguments):
        return ""
    for name, value, what in _named_files(program, arguments):
        if value and not os.path.exists(os.path.expanduser(value)):
            return f"{' '.join((f'{name} {value}').split())} does not exist: give {what}"
    return ""


def _named_files(program: str, arguments: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Flag, value, and what to give, for all options of files; a checkpoint without a flag if it is first."""
    command, rest = program, list(arguments)
    if program == "nas-teacher" and rest:
        command, rest = f"{program} {rest[0]}", rest[1:]
    if command in CHECKPOINT_FIRST and rest and not rest[0].startswith("-"):
        yield "", rest[0], "a checkpoint"
    for argument, following in zip(rest, [*rest[1:], ""], strict=False):
        flag, has_value, value = argument.partition("=")
        value = value if has_value else following
        if flag in FILES and value != NO_FILES[0]:  # a teacher that is built in
            yield flag, value, FILES[flag]
        elif flag == DATA and value not in NO_FILES and not {",", ":"}.intersection(value):
            yield flag, value, f"a folder or .zip of images, or a name such as {NO_FILES[0]}"
