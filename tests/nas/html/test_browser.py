"""The HTML report in a real, headless browser, from a file. Skips where there is no Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nas.html import write_page
from nas.reporting import SearchReport
from nas.study import open_existing
from tests.browser import needs_browser, opened

FRAME = """<body style="margin:0"><iframe id="page" src="report.html"
style="width:{width}px;height:4000px;border:0"></iframe><script>
setInterval(() => {{
  const page = document.getElementById("page").contentDocument;
  document.documentElement.dataset.wide = page.documentElement.scrollWidth;
  document.documentElement.dataset.plots = page.querySelectorAll(".plot svg.main-svg").length;
}}, 300);
</script>"""

pytestmark = [pytest.mark.slow, needs_browser]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_drawn_as_wide_as_the_screen_without_a_message_on_the_console(
    width: int, finished: SearchReport, tmp_path: Path
) -> None:
    store, folder = open_existing(Path(finished.folder).parent, finished.study, "")
    with store:
        write_page(store, folder, tmp_path / "report.html")
    (tmp_path / "frame.html").write_text(FRAME.format(width=width))
    flags = ("--allow-file-access-from-files", "--enable-logging=stderr")
    page = opened((tmp_path / "frame.html").as_uri(), tmp_path, *flags)
    known = {name: int(value) for name, value in re.findall(r'data-(wide|plots)="(\d+)"', page.document)}
    assert known["wide"] <= width
    assert known["plots"] >= 3
    assert "CONSOLE" not in page.log, page.log
