"""The site of the documentation: built strictly, complete, and without a request to anyone else."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser import document, needs_browser
from tools import docs

ROOT = Path(__file__).parent.parent
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page loads, links to and can be linked at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag in LOADING and LOADING[tag] in found:
            self.loads.append(found[LOADING[tag]])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        self.anchors |= {found[name] for name in ("id", "name") if name in found}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site")
    assert docs.build(made / "site", made / "pages") == 0
    return made / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def test_every_page_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    for path in [*docs.DOCS.rglob("*.md"), *(ROOT / name for name in docs.BESIDE)]:
        place = docs.place(path)
        start_page = path.name == "README.md" and path.is_relative_to(docs.DOCS)  # of its folder
        html = place.with_name("index.html") if start_page else place.with_suffix(".html")
        assert (site / html).is_file()
        assert path.name == "README.md" or f'href="{html.as_posix()}"' in start, f"{html} is in no menu"


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        elsewhere = [url for url in page.loads if re.match(r"(https?:)?//", url)]
        assert not elsewhere, f"{path.name}: {elsewhere}"
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", style.read_text(encoding="utf-8"))


def test_every_link_within_the_site_leads_to_a_file_and_an_anchor(
    site: Path, pages: dict[Path, Page]
) -> None:
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # its links start at the root of a server
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or not (parts.path or parts.fragment):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path.relative_to(site)}: {link}: no such file"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, f"{path.relative_to(site)}: {link}"


@pytest.mark.slow
@needs_browser
def test_the_search_finds_pages_in_a_site_that_is_opened_as_files(site: Path, tmp_path: Path) -> None:
    address = f"{(site / 'reference' / 'nas-search.html').as_uri()}?q=hypervolume"
    found = document(address, tmp_path)
    assert re.search(r'md-search-result__meta">\d+ matching documents', found)
    assert "benchmarks.html?h=hypervolume#compute-for-a-front" in found


@pytest.mark.parametrize("wrong", ["[x](benchmarks.md#no-such-heading)", "[x](no-such-page.md)"])
def test_a_link_that_leads_nowhere_ends_the_build(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "docs"
    shutil.copytree(docs.DOCS, source)
    for name in docs.BESIDE:
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(ROOT / "docker", tmp_path / "docker")
    with (source / "faq.md").open("a") as page:
        page.write(f"\n{wrong}\n")
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr(docs, "DOCS", source)
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    if "page" in wrong:
        with pytest.raises(FileNotFoundError, match=r"docs/faq\.md: no-such-page\.md does not exist"):
            docs.build(tmp_path / "site", tmp_path / "pages")
    else:
        assert docs.build(tmp_path / "site", tmp_path / "pages") != 0


def test_pipes_in_the_code_of_tables_are_plain_in_the_site() -> None:
    page = docs.DOCS / "commands.md"
    table = "| `a\\|b` | c\\|d [e](images.md#labels) |\n\n`f\\|g`\n"
    assert docs.moved(table, page) == "| `a|b` | c\\|d [e](images.md#labels) |\n\n`f\\|g`\n"


def test_links_follow_pages_to_their_places() -> None:
    said = "[a](../CONTRIBUTING.md#test) [b](../docker/compose.yaml)\n```\n[c](../none)\n```\n"
    assert docs.moved(said, docs.DOCS / "python.md") == (
        "[a](CONTRIBUTING.md#test) [b](repository/docker/compose.yaml)\n```\n[c](../none)\n```\n"
    )
    assert docs.moved("[a](docs/glossary.md)", ROOT / "CONTRIBUTING.md") == "[a](glossary.md)"


def test_the_site_is_no_part_of_the_repository() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", "site/index.html", "build/pages/README.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout.split() == ["site/index.html", "build/pages/README.md"]
