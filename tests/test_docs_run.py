"""The quick starts of README.md and docs/quick-start.md run line by line, with smaller sizes than printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import nas
from tests.shown_commands import commands, text_of

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "docs" / "quick-start.md"]
SEARCH = "nas-search --budget-macs 2M --trials 8"
SMALLER = {  # flags that are added to a command as it is printed: the last of equal flags counts
    "nas-search": "--trials 4 --rungs 64,128 --fid-samples 50 --teacher-cache-size 64 --batch-size 32"
    " --replicates 0 --workers 1",
    "nas-distill": "--top 1 --seeds 1 --images 256",
    "nas-dashboard": "--port 0",
}
STEPS = ("nas-report", "nas-distill", "nas-dashboard", "nas-export", "nas-sample", "nas-evaluate")
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
PYTHON = re.compile(r"^```python\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def steps(page: Path) -> list[str]:
    """The commands of a page that follow a search of the digits, as they are printed."""
    lines = [each.line.partition("#")[0].strip() for each in commands(text_of(page)) if each.is_complete]
    return [line for line in lines if line.startswith(STEPS) and "--teacher" not in line]


def smaller(line: str) -> str:
    return f"{line} {SMALLER.get(line.split()[0], '')}".strip()


def run(line: str, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", smaller(line)],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{line}: exit code {done.returncode}\n{done.stderr}"


def show_dashboard(line: str, folder: Path) -> None:
    """Start the dashboard, open its address, end it as Ctrl-C does."""
    server = subprocess.Popen(
        ["bash", "-c", f"exec {smaller(line)}"],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = next(found[0] for said in server.stdout if (found := re.search(r"http://\S+", said)))
        with urllib.request.urlopen(address, timeout=60) as page:
            assert page.status == 200
    finally:
        server.terminate()
        server.wait(timeout=60)


def test_both_pages_and_make_search_begin_with_the_same_search() -> None:
    assert f"$(BIN)/{SEARCH}\n" in (ROOT / "Makefile").read_text()
    assert f"\n{SEARCH}\n" in (ROOT / "docs" / "quick-start.md").read_text()
    assert "make search " in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_quick_start_has_every_step(page: Path) -> None:
    assert {line.split()[0] for line in steps(page)} == set(STEPS)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1800)  # nine programs that import PyTorch, and two searches
def test_the_quick_starts_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = list(dict.fromkeys([SEARCH, *steps(PAGES[1]), *steps(PAGES[0])]))  # what both print runs once
    for line in lines:
        (show_dashboard if line.startswith("nas-dashboard") else run)(line, tmp_path)
    for made in ("report.html", "student.safetensors", "grid.png"):
        assert (tmp_path / made).stat().st_size
    monkeypatch.chdir(tmp_path)
    for page in PAGES:
        (block,) = [code for code in PYTHON.findall(text_of(page)) if "nas.load_student" in code]
        names: dict[str, object] = {"nas": nas}
        exec(compile(block, page.name, "exec"), names)
        assert getattr(names["images"], "shape", None) == (16, 1, 16, 16)
