"""nas-study: list studies, look at one beside its search, remove what it does not need, copy or delete it."""

from nas.cli.study.group import main

__all__ = ["main"]
