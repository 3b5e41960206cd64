"""The documentation: its links lead somewhere, and its commands would run as they are shown."""

import re
from pathlib import Path

import click
import pytest

from nas.errors import ConfigError
from search_spaces import UserError
from tests.shown_commands import COMMANDS, SPAN, Shown, blocks, commands, options, prose, read, spans, text_of

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docker").rglob("*.md")])
WITH_COMMANDS = [*PAGES, *sorted((ROOT / "examples").glob("*.ipynb"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ +(.*)$", prose(page.read_text()), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in LINK.findall(prose(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), f"{target}: no such file"
        assert not anchor or anchor in anchors(linked), f"{target}: no such heading"


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the one file that is opened to read a command: its settings."""
    (tmp_path / "search.toml").write_text('budget_macs = "5G"\n')
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("somewhere")
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_read_by_its_own_parser(page: Path) -> None:
    wrong = []
    for shown in commands(text_of(page)):
        try:
            read(shown)
        except (click.UsageError, UserError) as error:
            said = error.format_message() if isinstance(error, click.UsageError) else error
            wrong.append(f"{shown.line}\n    {said}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_flag_in_the_text_belongs_to_a_command_or_a_benchmark(page: Path) -> None:
    scripts = "".join(path.read_text() for path in (ROOT / "benchmarks").glob("*.py"))
    known = {option for command in COMMANDS.values() for option in options(command)}
    known |= {"--help", "--version", *re.findall(r'"(--[\w-]+)"', scripts)}
    for span in SPAN.findall(prose(page.read_text())):
        flags = re.findall(r"(?:^|\s)(--[a-z][\w-]*)", span) if span.startswith(("--", "nas-")) else []
        assert set(flags) <= known, f"`{span}`: no such flag"


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_and_every_script_exists(page: Path) -> None:
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    text = text_of(page)
    for line in [line for block in blocks(text) for line in block.splitlines()] + spans(text):
        if made := re.match(r"make ([a-z]+)\b", line):
            assert made[1] in targets.split(), line
        for module in re.findall(r"python3? -m ((?:benchmarks|tools)[\w.]*\w)", line):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), line


@pytest.mark.parametrize(
    "wrong",
    [
        "nas-search --budget-mac 5G",
        "nas-search --budget-macs",
        "nas-search --budget-macs 5X",
        "nas-search --trials 8",
        "nas-search --budget-macs 2M --rungs 8k,4k",
        "nas-search --budget-macs 2M --recipe none-such",
        "nas-search --budget-macs 2M --sampler none-such",
        "nas-search --budget-macs 2M digits",
        "nas-evaluate student.safetensors --metrics fid,none-such",
        "nas-export --best",
        "nas-sample -o grid.png",
        "nas-teacher look t.pkl",
        "nas-report --top 3",
    ],
)
def test_a_command_that_would_be_refused_is_found(wrong: str) -> None:
    with pytest.raises((click.UsageError, UserError)):
        read(Shown(wrong, is_complete=True))


def test_a_command_in_a_sentence_may_leave_out_what_is_not_spoken_of() -> None:
    read(Shown("nas-export --format hub", is_complete=False))
    read(Shown("nas-search --budget-macs 2M --sampler …", is_complete=False))
    with pytest.raises(ConfigError, match="--format nothing"):
        read(Shown("nas-export --format nothing", is_complete=False))


def test_commands_are_found_in_blocks_spans_and_pipes() -> None:
    block = "```\nnas-search --a \\\n  --b\nA=1 srun -n1 bin/nas-report && nas-dashboard\n```\n\n"
    text = block + "    nas-report | nas-sample x\n\nrun `nas-export --trial 3`, not `nas-distill --top`\n"
    assert list(commands(text)) == [
        Shown("nas-search --a --b", True),
        Shown("nas-report", True),
        Shown("nas-dashboard", True),
        Shown("nas-report", True),
        Shown("nas-sample x", True),
        Shown("nas-export --trial 3", False),
    ]


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    missing = [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name}" not in index]
    assert missing == ["README.md"]
