"""The commands, one thin file each."""

from nas.cli.start import end_quietly, have_identity, refuse_missing_files

__all__ = ["dashboard", "distill", "evaluate", "export", "report", "sample", "search", "study", "teacher"]

have_identity()
end_quietly()  # before the commands import PyTorch, which takes seconds
refuse_missing_files()
