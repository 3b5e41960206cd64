"""The nas-* commands that a text shows, read by the commands' own parsers without a run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from nas.cli import dashboard, distill, evaluate, export, report, sample, search, study, teacher
from nas.errors import ConfigError

COMMANDS: dict[str, click.Command] = {
    "nas-dashboard": dashboard.main,
    "nas-distill": distill.main,
    "nas-evaluate": evaluate.main,
    "nas-export": export.main,
    "nas-report": report.main,
    "nas-sample": sample.main,
    "nas-search": search.main,
    "nas-study": study.main,
    "nas-teacher": teacher.main,
}

FENCED = re.compile(r"^```\w*\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}.*\n)+", flags=re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
BEFORE = re.compile(
    r"(?:(?:\w+=\S*|exec|srun(?: -\S+)*) )*(?:\S*/)?(?=nas-)"
)  # variables, a launcher, a folder
VARIABLE = re.compile(r"\$\w+|\$\{\w+\}")
LEFT_OUT = {"[OPTIONS]", "…"}  # what stands for more in a usage line or in a sentence
NAMES = {"sampler": "nas.samplers:SAMPLERS", "metrics": "distill.evaluation.metrics:METRICS"}


@dataclass(frozen=True)
class Shown:
    """A command as it is shown. One in a sentence may leave out what is not spoken of."""

    line: str
    is_complete: bool


def text_of(page: Path) -> str:
    """A page's text; of a notebook as Markdown, its code in blocks."""
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return text
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(said if kind == "markdown" else f"```python\n{said}\n```" for kind, said in cells)


def prose(text: str) -> str:
    """`text` without fenced blocks."""
    return FENCED.sub("", text)


def blocks(text: str) -> list[str]:
    """What stands in fenced and indented blocks, a line for a line that the shell reads."""
    found = [each[1] for each in FENCED.finditer(text)]
    found += [each[0] for each in INDENTED.finditer(prose(text))]
    return [re.sub(r" *\\\n *", " ", block) for block in found]


def spans(text: str) -> list[str]:
    """Code within sentences, each on one line."""
    return [" ".join(found.split()) for found in SPAN.findall(prose(text))]


def commands(text: str) -> Iterator[Shown]:
    """Every nas-* command that `text` shows: in blocks, after pipes, and in code within sentences."""
    for block in blocks(text):
        for line in block.splitlines():
            yield from (Shown(each, "[OPTIONS]" not in each) for each in _within(line.removeprefix("!")))
    for span in spans(text):
        if not re.search(r" --[\w-]+$", span):  # else a flag that the text speaks of
            yield from (Shown(each, False) for each in _within(span))


def _within(line: str) -> Iterator[str]:
    for part in re.split(r"[|;]|&&", line):
        command = BEFORE.sub("", part.strip(), count=1) if BEFORE.match(part.strip()) else part.strip()
        if command.split(" ")[0] in COMMANDS:
            yield command


def read(shown: Shown) -> None:
    """Read a command as a run does, up to the values of its options: no file is looked at but a --config.

    Raises:
        click.UsageError: an unknown flag or subcommand, a flag without its value, or an argument is missing.
        UserError: a value is outside its range, or a name that none of the registry is.
    """
    program, *words = shlex.split(shown.line, comments=True)
    words = [VARIABLE.sub("variable", word) for word in words[: _end(words)]]
    partial = not shown.is_complete or LEFT_OUT.intersection(words)
    words = _without_what_is_left_out(words)
    command, context = COMMANDS[program], _context(COMMANDS[program])
    if isinstance(command, click.Group):
        if not words or words[0].startswith("-"):
            command.make_parser(context).parse_args(words)
            return
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    command.make_parser(_context(command)).parse_args(list(words))
    try:
        given = command.make_context(program, list(words), resilient_parsing=bool(partial)).params
        _check_names(command, given)
        with command.callback.read(given):  # type: ignore[union-attr]  # `options` adds it
            pass
    except click.exceptions.Exit:  # --help, --version
        return
    except ConfigError as error:
        if not partial or not re.match(r"give --|.* (is missing|goes with)", str(error)):
            raise


def _context(command: click.Command) -> click.Context:
    """A context of `command` as its own run has: it keeps the help option of the first one that it gets."""
    return click.Context(command, **command.context_settings)


def _end(words: list[str]) -> int:
    """Where the shell takes over."""
    return next((i for i, word in enumerate(words) if word in (">", ">>", "&", "2>")), len(words))


def _without_what_is_left_out(words: list[str]) -> list[str]:
    kept: list[str] = []
    for word in words:
        if word not in LEFT_OUT:
            kept.append(word)
        elif word == "…" and kept and kept[-1].startswith("-"):
            kept.pop()
    return kept


def _check_names(command: click.Command, given: Mapping[str, Any]) -> None:
    """Refuse names that a run looks up only later, in its registries.

    Raises:
        ConfigError: with the flag and the known names.
    """
    for parameter in command.params:
        option = getattr(parameter, "option", None)
        where = getattr(option, "choices", "") or NAMES.get(parameter.name or "", "")
        value = given.get(parameter.name or "")
        if not where or not isinstance(value, str):
            continue
        module, _, registry = where.partition(":")
        known = {*getattr(import_module(module), registry), "none", "adaptive"}
        for name in re.findall(r"[^,]+", value):
            if Path(name).suffix == "" and name.partition("=")[0] not in known:
                raise ConfigError(f"{parameter.opts[0]} {name}: choose one of {', '.join(sorted(known))}")


def options(command: click.Command) -> set[str]:
    """The flags of a command and its subcommands."""
    own = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    within = command.commands.values() if isinstance(command, click.Group) else []
    return own.union(*(options(one) for one in within))
