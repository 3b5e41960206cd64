"""Names with HTML, Markdown, terminal escapes and Rich markup are text wherever they are shown."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nas.dashboard.board import Board
from nas.dashboard.markdown import block, cell, code, literal
from nas.dashboard.note import note
from nas.dashboard.students import draw_widths, trial_note
from nas.printable import UNSEEN, printable
from nas.progress import Terminal
from nas.reporting import trial_reports
from nas.study import StudyStore
from tests.nas.dashboard.http import ask, served
from tests.nas.dashboard.trials import finish

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![x](//attacker.example/x.png)",
    "`</code><b>x",
    "``` \n# x",
    "a|b`|<b>c",
    "\\`<b>x\\|",
    "# x\n\n- y",
    "**x** _y_ ~~z~~ $x$",
    "https://attacker.example www.attacker.example a@attacker.example",
    "&lt;b&gt;",
    "\x1b[31mred\x1b]8;;http://x\x07",
    "[bold red]x[/]",
    "\u202egnp.exe",
]
FULL = MarkdownIt("gfm-like", {"html": True, "linkify": False})  # lets HTML pass, as the dashboard's pages do
names = st.one_of(st.sampled_from(HOSTILE), st.text("<>`|\\*_[]()!#$~&\n ab", max_size=20))


def tags(markdown: str) -> set[str]:
    """Kinds of tokens beside text that Markdown is read as, raw HTML among them."""
    found = set()
    for token in FULL.parse(markdown):
        found |= {token.type, *(child.type for child in token.children or [])}
    return found


@given(names)
def test_a_name_in_a_paragraph_is_text_or_code(name: str) -> None:
    paragraph = {"paragraph_open", "inline", "text", "paragraph_close", "code_inline", "text_special"}
    assert tags(f"best: {literal(name)} of all") <= paragraph


@given(names)
def test_code_in_a_line_holds_all_of_a_name(name: str) -> None:
    assert tags(f"x {code(name)} y") <= {"paragraph_open", "inline", "text", "paragraph_close", "code_inline"}


@given(names)
def test_a_name_stays_in_its_cell(name: str) -> None:
    table = f"| a | b |\n|---|---|\n| {cell(name)} | {literal(name)} |\n"
    kinds = [token.type for token in FULL.parse(table)]
    assert kinds.count("td_open") == 2
    assert not {"html_inline", "html_block", "link_open", "image", "strong_open"} & tags(table)
    cells = [t for t in FULL.parse(table) if t.type == "inline"][2:]
    assert [child.type for child in cells[0].children or []] == ["code_inline"]


@given(names)
def test_a_block_of_code_holds_all_of_its_lines(lines: str) -> None:
    assert tags(block(f"x {lines}") + "\n\nend") == {
        "fence",
        "paragraph_open",
        "inline",
        "text",
        "paragraph_close",
    }


@given(st.text())
def test_no_control_character_is_left_and_json_reads_the_same(text: str) -> None:
    assert not UNSEEN.search(printable(text))
    dumped = json.dumps(text, ensure_ascii=False)
    assert json.loads(printable(dumped)) == text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_a_study_stay_text_in_notes_and_pages(name: str, tmp_path: Path) -> None:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", name, identity={"extractor": name}) as store:
        finish(store, 30, 1_000_000, architecture=name, baseline=name)
        finish(store, 30.1, 900_000, architecture=name + "2")
        finish(store, 30.2, 800_000, architecture="c", search_trial=1, reason=name)
        found = tags(note(store, trial_reports(store), None, tie_break="/tie-break/1"))
        assert not {"html_inline", "html_block", "image"} & found
        for trial in trial_reports(store):
            marked = trial_note(trial, name, "stylegan2", [name])
            assert not {"html_inline", "html_block", "image", "link_open"} & tags(marked)
        with served(Board([(store, tmp_path)])) as url:
            for path in ("/nas/studies/1/summary", "/tie-break/1"):
                page = ask(url + path)
                assert page.status == 200
                assert not UNSEEN.search(page.text)
                for tag in ("<script", "<img src=x", "<b>", 'javascript:alert(1)"', 'attacker.example"'):
                    assert tag not in page.text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_terminal_gets_no_escape_of_a_name(name: str) -> None:
    out = io.StringIO()
    console = Terminal(file=out, force_terminal=True, color_system=None, width=200)
    console.print(f"study {name}")
    console.print_json(json.dumps({"study": name}, ensure_ascii=False))
    assert not UNSEEN.search(out.getvalue())
    printed = out.getvalue().partition("{")[2]
    assert json.loads("{" + printed) == {"study": name}


def test_a_drawing_has_a_bar_for_each_layer() -> None:
    assert draw_widths([("4 px", 64), ("16 px", 32), ("128 px", 1)]).splitlines() == [
        "  4 px ████████████████████████ 64",
        " 16 px ████████████ 32",
        "128 px ▍ 1",
    ]
