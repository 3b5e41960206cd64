"""The time of one image of students and of their teacher is measured once and kept in the study."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from nas.checkpoints import evaluate, export_student, measure_study
from nas.checkpoints import latency as latency_module
from nas.checkpoints.card import card
from nas.errors import ConfigError
from nas.html.sections import sections
from nas.reporting import SearchReport, latency_lines, read_report, render
from nas.study import open_existing
from search_spaces import load_checkpoint


@pytest.mark.slow
def test_times_are_kept_and_shown_beside_macs(finished: SearchReport, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / finished.study)
    notes: list[str] = []
    store, folder = open_existing(tmp_path, finished.study, "")
    with store:
        measure_study(store, read_report(store, folder), ["cpu"], notes.append)
        with pytest.MonkeyPatch.context() as patch:  # what is known is not measured again
            patch.setattr(latency_module.Stopwatch, "timing", None)
            measure_study(store, read_report(store, folder), ["cpu"])
        found = read_report(store, folder)
        shown = sections(store, folder)
    assert notes == []
    assert found.best is not None
    (measured,) = found.latencies
    assert measured.teacher is not None
    assert (measured.on, measured.threads, measured.batch) == ("cpu, 1 thread", 1, 1)
    assert set(measured.students) >= {t.number for t in found.front}
    ratio = measured.teacher.median / measured.students[found.best.number].median
    assert measured.ratio(found.best.number) == ratio
    (line,) = latency_lines(found)
    assert f"{ratio:.2f} times as fast" in line
    assert measured.machine in line
    out = StringIO()
    Console(file=out, width=200).print(render(found))
    assert "Pareto front" in out.getvalue()
    assert line in out.getvalue().replace("\n", " ")
    assert "cpu ms" in shown["tables"][0].columns
    assert json.loads(found.model_dump_json())["latencies"][0]["teacher"]["median"] > 0

    metadata = export_student(found, found.best, folder, tmp_path / "student.safetensors").metadata
    (row,) = json.loads(metadata["latency"])
    assert row["teacher_seconds"] == measured.teacher.median
    text = card(load_checkpoint(tmp_path / "student.safetensors"), has_samples=False)
    assert f"{ratio:.2f} times that (cpu, 1 thread, batch 1, " in text

    beside = evaluate(tmp_path / "student.safetensors", latency="cpu")["latency"]["cpu, 1 thread"]
    assert beside["ratio"] == beside["teacher"]["median"] / beside["median"]
    assert beside["machine"] == measured.machine
    with (
        pytest.raises(ConfigError, match="--latency tpu is unknown"),
        open_existing(tmp_path, found.study, "")[0] as again,
    ):
        measure_study(again, found, ["tpu"])
