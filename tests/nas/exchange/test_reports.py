"""Progress of a worker that does not see the driver's folder, by a real Ray."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import ray

from distill.progress import Report, read_report
from nas.exchange.reports import ReportWriter, SentReporter, reports_written
from nas.ray_start import local_ray


def test_a_late_report_makes_no_removed_folder_anew(tmp_path: Path) -> None:
    file, writer = tmp_path / "trials" / "0007" / ".progress", ReportWriter()
    writer.write(str(file), b"first")
    assert file.read_bytes() == b"first"
    shutil.rmtree(file.parent)
    writer.write(str(file), b"late")
    assert not file.parent.exists()
    file.parent.mkdir()
    writer.write(str(file), b"resumed")
    assert file.read_bytes() == b"resumed"


@pytest.mark.slow
def test_reports_of_a_worker_are_files_of_the_driver_until_they_are_cleared(tmp_path: Path) -> None:
    file = tmp_path / "trials-0007" / ".progress"

    def work(report: SentReporter, *, is_over: bool) -> None:
        for done in range(5):
            report("training", done, 5, loss=0.5)
        report.clear() if is_over else report.flush()

    with local_ray(num_cpus=1, include_dashboard=False), reports_written("reports"):
        reporter = SentReporter(file, 0.0, actor="reports")
        remote = ray.remote(num_cpus=1)(work)
        ray.get(remote.remote(reporter, is_over=False))
        assert read_report(file) == Report("training", 4, 5, {"loss": 0.5})
        ray.get(remote.remote(reporter, is_over=True))
        assert not file.exists()
        SentReporter(file, 0.0, actor="of a driver that has ended")("training", 1, 5)
        assert not file.exists()
