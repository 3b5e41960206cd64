"""The documentation: its links lead somewhere, and its commands take the flags that they are shown with."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from nas.cli import dashboard, distill, evaluate, export, report, sample, search, teacher

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docker").rglob("*.md")])
COMMANDS: dict[str, click.Command] = {
    "nas-dashboard": dashboard.main,
    "nas-distill": distill.main,
    "nas-evaluate": evaluate.main,
    "nas-export": export.main,
    "nas-report": report.main,
    "nas-sample": sample.main,
    "nas-search": search.main,
    "nas-teacher": teacher.main,
}

FENCED = re.compile(r"^```\w*\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}(?=nas-).*\n(?:^ {4}.*\n)*", flags=re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(text: str) -> str:
    """`text` without fenced blocks."""
    return FENCED.sub("", text)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ +(.*)$", prose(page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def command_lines(text: str) -> Iterator[str]:
    """Every nas-* command that `text` shows: in blocks, after pipes, and in code spans."""
    blocks = [found[1] for found in FENCED.finditer(text)] + [found[0] for found in INDENTED.finditer(text)]
    shown = [line for block in blocks for line in re.sub(r"\\\n", " ", block).splitlines()]
    spans = [found.replace("\n", " ") for found in SPAN.findall(prose(text))]
    spans = [span for span in spans if not re.search(r" --[\w-]+$", span)]  # a flag that the text speaks of
    for line in [*shown, *spans]:
        for part in re.split(r"[|;]", line):
            if part.strip().split(" ")[0] in COMMANDS:
                yield part.strip()


def parse(line: str) -> None:
    """Parse the flags of a command as click does, without looking at values or files.

    Raises:
        click.UsageError: an unknown flag, a flag without its value, or an unknown subcommand.
    """
    program, *words = shlex.split(line, comments=True)
    words = words[: words.index(">")] if ">" in words else words
    words = [word for word in words if not word.startswith("$")]
    command, context = COMMANDS[program], click.Context(COMMANDS[program])
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found)
    command.make_parser(context).parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in LINK.findall(prose(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), f"{target}: no such file"
        assert not anchor or anchor in anchors(linked), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_takes_the_flags_that_it_is_shown_with(page: Path) -> None:
    for line in command_lines(page.read_text()):
        try:
            parse(line)
        except click.UsageError as error:
            pytest.fail(f"{line}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_flag_in_the_text_belongs_to_a_command_or_a_benchmark(page: Path) -> None:
    scripts = "".join(path.read_text() for path in (ROOT / "benchmarks").glob("*.py"))
    known = {option for command in COMMANDS.values() for option in options(command)}
    known |= {"--help", "--version", *re.findall(r'"(--[\w-]+)"', scripts)}
    for span in SPAN.findall(prose(page.read_text())):
        flags = re.findall(r"(?:^|\s)(--[a-z][\w-]*)", span) if span.startswith(("--", "nas-")) else []
        assert set(flags) <= known, f"`{span}`: no such flag"


def options(command: click.Command) -> set[str]:
    """The flags of a command and its subcommands."""
    own = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    within = command.commands.values() if isinstance(command, click.Group) else []
    return own.union(*(options(one) for one in within))


def test_the_parser_of_these_tests_finds_what_is_wrong() -> None:
    parse("nas-teacher import ffhq256.pkl -o ffhq256.safetensors --force  # a comment")
    for wrong in (
        "nas-search --budget-mac 5G",
        "nas-search --budget-macs",
        "nas-teacher look t.pkl",
        "nas-report --top 3",
    ):
        with pytest.raises(click.UsageError):
            parse(wrong)


def test_commands_are_found_in_blocks_spans_and_pipes() -> None:
    block = "```\nnas-search --a \\\n  --b\n```\n\n    nas-report | nas-sample x\n\n"
    text = block + "run `nas-export --trial 3`, not `nas-distill --top`\n"
    assert list(command_lines(text)) == [
        "nas-search --a    --b",
        "nas-report",
        "nas-sample x",
        "nas-export --trial 3",
    ]


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    missing = [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name}" not in index]
    assert missing == ["README.md"]
