"""The reference pages of the documentation, made of the options' models, and of docstrings for `import nas`.

`python -m tools.reference` writes them; a test compares what is written with what the models say.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from nas.cli import dashboard, distill, evaluate, export, report, sample, search, study, teacher
from nas.cli.command import Command
from nas.cli.options import ModelArgument, ModelOption, grouped
from nas.options import Option
from tools import python_reference

FOLDER = Path("docs/reference")
HOW = "python -m tools.reference"
COMMANDS: dict[str, click.Command] = {
    "nas-search": search.main,
    "nas-distill": distill.main,
    "nas-report": report.main,
    "nas-dashboard": dashboard.main,
    "nas-export": export.main,
    "nas-sample": sample.main,
    "nas-evaluate": evaluate.main,
    "nas-study": study.main,
    "nas-teacher": teacher.main,
}


def pages() -> dict[str, str]:
    """The text of every page by its file's name."""
    found = {f"{name}.md": "\n".join(_page(name, command)) + "\n" for name, command in COMMANDS.items()}
    links = [f"* [{name}]({name}.md): {command.help_lines()[0]}" for name, command in _commands()]
    links.append("* [import nas](python.md): The functions and classes of the Python interface.")
    found["README.md"] = "\n".join(["# Reference", "", _NOTE, "", *links]) + "\n"
    found["python.md"] = python_reference.page(_NOTE_PYTHON)
    return found


_NOTE = f"<!-- Written by `{HOW}` from the options' models: edit these. -->"
_NOTE_PYTHON = f"<!-- Written by `{HOW}` from signatures and docstrings: edit these. -->"


def _commands() -> Iterator[tuple[str, Command]]:
    for name, command in COMMANDS.items():
        assert isinstance(command, Command)
        yield name, command


def _page(name: str, command: click.Command) -> Iterator[str]:
    yield from (f"# {name}", "", _NOTE)
    yield from _described(name, command)
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from ("", f"## {name} {each.name}")
            yield from _described(f"{name} {each.name}", each, heading="###")


def _described(name: str, command: click.Command, heading: str = "##") -> Iterator[str]:
    assert isinstance(command, Command)
    arguments = [each.option for each in command.params if isinstance(each, ModelArgument)]
    named = [each.name.upper() if each.required else f"[{each.name.upper()}]" for each in arguments]
    usage = " ".join([name, *named, "[OPTIONS]"])
    for paragraph in command.help_lines():
        yield from ("", paragraph)
    if not isinstance(command, click.Group):
        yield from ("", f"    {usage}")
    for each in arguments:
        yield from ("", f"`{each.name.upper()}`: {each.help()}")
    for group, parameters in grouped(command).items():
        yield from ("", f"{heading} {group.capitalize()}", "", "| option | what | default |", "|---|---|---|")
        yield from (_row(each.option) for each in parameters if isinstance(each, ModelOption))
    yield from ("", f"{heading} Examples", "")
    yield from (f"    {line}".rstrip() for line in command.examples.strip().splitlines())


def _row(option: Option) -> str:
    flags = ", ".join(name for name in (option.short, option.flag, option.off) if name)
    value = "" if option.is_bool else f" {option.metavar}"
    default = option.default or ("required" if option.required else "")
    cells = (f"`{flags}{value}`", option.text_with_names(), default)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def write(folder: Path = FOLDER) -> None:
    """Write the pages into `folder`, and remove those of commands that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    written = pages()
    for path in folder.glob("*.md"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
