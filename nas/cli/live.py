"""The dashboard beside a search, by the option `--dashboard`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from nas.config import SearchConfig


@contextmanager
def shown_live(config: SearchConfig, port: int | None, console: Console) -> Iterator[Callable[[str], None]]:
    """The dashboard of the study of `config` for the block, where a `port` is given.

    The block gets a function to call with the study's name once it is in the database.

    Raises:
        ConfigError: the port can't be used.
        ModuleNotFoundError: a package of the dashboard is missing.
    """
    if port is None:
        yield lambda study: None
        return
    from nas.dashboard import dashboard_process
    from nas.progress import say

    def said(line: str) -> None:
        say(console, line, dated=False)

    with dashboard_process(port, config.workdir, config.storage, said) as on_open:
        yield on_open
