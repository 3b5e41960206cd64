"""The documentation as a site: `python -m tools.docs` writes pages into build/pages and the site into site/.

Pages are written for readers of the repository, whose relative links lead anywhere in it. A site has pages of
one folder only. So everything is copied into one: the files of docs/ to its root, CONTRIBUTING.md and
CHANGELOG.md beside them, any other file that a page links to under `repository/`. Links follow. MkDocs builds
plain Markdown then, which other site generators read as well. In tables, GitHub wants a pipe in code escaped,
and Python-Markdown does not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ROOT / "build" / "pages"  # docs_dir of mkdocs.yml
BESIDE = ("CONTRIBUTING.md", "CHANGELOG.md")
ELSEWHERE = "repository"

_FENCED = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\|.*$", flags=re.MULTILINE)
_CODE = re.compile(r"`[^`]+`")
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=[)#])")


def write(folder: Path = PAGES) -> None:
    """Write all pages and what they link to into `folder`, in the place of what is there.

    Raises:
        FileNotFoundError: a page links to a file that does not exist.
        IsADirectoryError: a page links to a folder, which a site can't show.
    """
    shutil.rmtree(folder, ignore_errors=True)
    sources = [path for path in sorted(DOCS.rglob("*")) if path.is_file()]
    sources += [ROOT / name for name in BESIDE]
    for source in sources:
        target = folder / place(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix != ".md":
            shutil.copyfile(source, target)
            continue
        text = source.read_text(encoding="utf-8")
        target.write_text(moved(text, source), encoding="utf-8")
        for linked in links(text, source):
            if place(linked).parts[0] == ELSEWHERE:
                copy = folder / place(linked)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(linked, copy)


def place(source: Path) -> Path:
    """Where a file of the repository is in the site's pages, relative to their folder."""
    if source.is_relative_to(DOCS):
        return source.relative_to(DOCS)
    within = source.relative_to(ROOT)
    return within if str(within) in BESIDE else ELSEWHERE / within


def links(text: str, page: Path) -> Iterator[Path]:
    """The files that `text`, which stands in the file `page`, links to."""
    for prose in _FENCED.split(text):
        for found in _LINK.finditer(prose):
            if not re.match(r"[a-z]+:", found[1]):
                yield _linked(page, found[1])


def moved(text: str, page: Path) -> str:
    """`text` with its links as they lead from the place of `page` in the site."""
    blocks, last = [], 0
    for fence in [*_FENCED.finditer(text), None]:
        prose = text[last : fence.start() if fence else len(text)]
        prose = _LINK.sub(lambda found: _moved(found[1], page), prose)
        blocks.append(_ROW.sub(lambda found: _CODE.sub(_plain_pipes, found[0]), prose))
        if fence:
            blocks.append(fence[0])
            last = fence.end()
    return "".join(blocks)


def _plain_pipes(code: re.Match[str]) -> str:
    return code[0].replace(r"\|", "|")


def _moved(link: str, page: Path) -> str:
    if re.match(r"[a-z]+:", link):
        return link
    return Path(os.path.relpath(place(_linked(page, link)), place(page).parent)).as_posix()


def _linked(page: Path, link: str) -> Path:
    linked = (page.parent / link).resolve()
    if linked.is_dir():
        raise IsADirectoryError(f"{page.relative_to(ROOT)}: {link} is a folder: link to a file in it")
    if not linked.is_file():
        raise FileNotFoundError(f"{page.relative_to(ROOT)}: {link} does not exist")
    return linked


def build(site: Path = ROOT / "site", pages: Path = PAGES) -> int:
    """Write the pages into `pages` and build `site` of them, strictly; returns the exit code of MkDocs."""
    write(pages)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    environment = {**os.environ, "NAS_DOCS_PAGES": str(pages), "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(build())
