"""The commands, one thin file each."""

from nas.cli.identity import have_identity
from nas.cli.interruption import end_quietly

__all__ = ["dashboard", "distill", "evaluate", "export", "report", "sample", "search", "teacher"]

have_identity()
end_quietly()  # before the commands import PyTorch, which takes seconds
