"""The commands, one thin file each."""

__all__ = ["dashboard", "distill", "evaluate", "export", "report", "sample", "search", "teacher"]
