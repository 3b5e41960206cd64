"""What a person sees on stderr before candidates are trained: images being decoded, the bank being made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import Progress


@contextmanager
def decoding(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A bar for `load_images(on_progress=…)`; it appears with the first image and leaves nothing behind."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Decoding images, once", visible=False, total=None)

        def on_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        yield on_progress


def waiting(console: Console, what: str) -> AbstractContextManager[object]:
    """A spinner while `what` goes on; a line where there is no terminal."""
    if console.is_terminal:
        return console.status(what)
    console.print(f"{what} …", highlight=False)
    return nullcontext()
