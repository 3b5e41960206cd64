"""What a person sees: the dashboard in a real, headless browser. Skips where there is no Chromium."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nas.dashboard.board import Board
from nas.dashboard.server import dashboard_server
from nas.study import RungRecord, StudyAttributes, StudyStore, attach_samples
from tests.browser import document, needs_browser

WIDTH = 1280
PROBE = b"""
setInterval(() => {
  const inner = [...document.querySelectorAll("main, main div")].filter((e) => e.clientWidth);
  const right = Math.max(...inner.map((e) => e.getBoundingClientRect().right));
  document.documentElement.dataset.right = Math.round(right);
  const heading = document.querySelector("main h4");
  if (heading) document.documentElement.dataset.heading = Math.round(heading.getBoundingClientRect().left);
}, 300);
"""

pytestmark = [pytest.mark.slow, needs_browser]


class Probed(Board):
    """Pages that note in their document how far their content reaches to the right."""

    def _ours(self, name: str, start_response: Any) -> Iterable[bytes]:
        answer = super()._ours(name, lambda status, headers: start_response(status, headers[:1]))
        return [*answer, PROBE] if name == "page.js" else answer


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A study of two finished trials with samples, served on loopback."""
    url = f"sqlite:///{tmp_path}/study.db"
    with StudyStore.open(url, "digits", identity={"extractor": "digits"}) as store:
        StudyAttributes(config={"budget_macs": 2_000_000}).write(store.study)
        for fid, macs in ((20.0, 1_000_000), (10.0, 1_900_000)):
            trial = store.study.ask()
            trial.suggest_float("budget_fraction", 0.25, 1.0)
            chosen = {
                "architecture": f"rgb1 4:{macs // 50_000}f1k3",
                "architecture_json": {"blocks": ["x" * 90] * 9},
            }
            for name, value in {**chosen, "macs": macs, "params": 1000}.items():
                trial.set_user_attr(name, value)
            store.record_rung(
                RungRecord(
                    trial=trial.number, rung=0, images=64, fid=fid, fid_samples=50, fid_extractor="digits",
                    fid_seed=0, kd_weight=0, losses={}, seconds=1, worker="w", checkpoint="c", sha256="0",
                )
            )  # fmt: skip
            png = tmp_path / "samples.png"
            Image.new("L", (64, 64), 128).save(png)
            attach_samples(trial, png, tmp_path / "artifacts")
            store.study.tell(trial, [fid, macs])
        with dashboard_server(Probed([(store, tmp_path)]), "127.0.0.1", 0) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join(timeout=10)


def page(url: str, tmp_path: Path, width: int = WIDTH) -> str:
    """The document after its scripts have run."""
    return document(url, tmp_path, f"--window-size={width},900")


def test_the_study_page_draws_our_pareto_plot_with_the_budget(url: str, tmp_path: Path) -> None:
    drawn = page(url, tmp_path)
    assert "FD (digits), lower is better" in drawn
    assert "MACs of one image (fvcore)" in drawn
    assert "budget 2M" in drawn
    assert "best: trial 1" in drawn
    assert "FD (digits) at each rung" in drawn
    assert "<strong>trial 1</strong>" in drawn.partition('id="nas-summary"')[2]
    assert "Best Trial (number=1)" in drawn


def test_a_trial_page_shows_its_samples(url: str, tmp_path: Path) -> None:
    drawn = page(f"{url}/dashboard/studies/1/trials?numbers=1", tmp_path)
    assert "samples.png" in drawn
    assert "/artifacts/" in drawn
    assert "64 10" in drawn, "a rung as an intermediate value"
    assert "best student" in drawn


@pytest.mark.parametrize("path", ["", "/dashboard", "/dashboard/studies/1/trials?numbers=1"])
def test_no_page_is_wider_than_the_screen(url: str, tmp_path: Path, path: str) -> None:
    drawn = page(url + path, tmp_path)
    assert 0 < int(drawn.partition('data-right="')[2].partition('"')[0]) <= WIDTH


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (500, False)])
def test_on_a_narrow_screen_a_trial_is_below_the_list(
    url: str, tmp_path: Path, width: int, beside: bool
) -> None:
    drawn = page(f"{url}/dashboard/studies/1/trials?numbers=1", tmp_path, width)
    assert (int(drawn.partition('data-heading="')[2].partition('"')[0]) > 200) == beside
