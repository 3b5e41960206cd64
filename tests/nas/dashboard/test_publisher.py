"""The dashboard: what the plot and the note say, sample grids, and a server that only shows."""

import json
import math
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import TrialState
from optuna_dashboard import get_note
from PIL import Image

from nas.dashboard import publisher
from nas.dashboard.plots import measured, note, pareto_figure
from nas.dashboard.publisher import FIGURE_ID, Publisher, dashboard_server, publish
from nas.errors import ConfigError, WorkdirError
from nas.reporting import choose_best
from nas.study import RungRecord, StudyAttributes, StudyStore, attach_samples


def finish(store: StudyStore, fid: float, macs: int, *, stopped: bool = False, **attrs: Any) -> int:
    trial = store.study.ask()
    architecture = f"widths 8|{trial.number}"
    costs = {"macs": macs, "params": macs // 30}
    for key, value in {"architecture": architecture, "architecture_json": {}, **costs, **attrs}.items():
        trial.set_user_attr(key, value)
    record = RungRecord(
        trial=trial.number,
        rung=0 if stopped else 2,
        images=6400,
        fid=fid,
        fid_samples=2000,
        fid_extractor="digits",
        fid_seed=0,
        kd_weight=0,
        losses={},
        seconds=1,
        worker="w",
        checkpoint="c",
        sha256="0",
    )
    store.record_rung(record)
    if stopped:
        store.study.tell(trial, state=TrialState.PRUNED)
    else:
        store.study.tell(trial, [fid, macs])
    return trial.number


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[StudyStore]:
    url = f"sqlite:///{tmp_path}/study.db"
    with StudyStore.open(url, "digits", identity={"extractor": "digits"}) as store:
        yield store


@pytest.fixture
def store(empty: StudyStore) -> StudyStore:
    finish(empty, 60, 500_000, baseline="uniform x0.25")  # 0, on the front
    finish(empty, 40, 1_000_000)  # 1, on the front
    finish(empty, 50, 1_500_000)  # 2, dominated
    finish(empty, 35, 1_900_000)  # 3, the best within 2M
    finish(empty, 20, 3_000_000)  # 4, over 2M
    finish(empty, 90, 400_000, stopped=True)  # 5, a low-fidelity FD (digits)
    finish(empty, 10, 1_000_000, duplicate_of=1)  # 6, a repeat
    empty.study.tell(empty.study.ask(), state=TrialState.PRUNED)  # 7, never measured
    empty.study.tell(empty.study.ask(), state=TrialState.FAIL)  # 8
    return empty


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_the_front_is_of_finished_trials_within_the_budget_that_are_no_repeats(store: StudyStore) -> None:
    assert [t.number for t in choose_best(measured(store), 2e6).front] == [0, 1, 3]
    assert [t.number for t in choose_best(measured(store)).front] == [0, 1, 3, 4]


def test_the_plot_tells_finished_stopped_baseline_front_and_best_apart(store: StudyStore) -> None:
    drawn = traces(pareto_figure(store, 2e6))
    assert list(drawn["finished"].y) == [40, 50, 35, 20]
    assert list(drawn["stopped early, low-fidelity FD (digits)"].y) == [90]
    assert list(drawn["baseline"].y) == [60]
    assert (list(drawn["front"].x), list(drawn["front"].y)) == ([5e5, 1e6, 1.9e6, 2e6], [60, 40, 35, 35])
    assert list(drawn["best: trial 3"].y) == [35]


def test_hovering_shows_what_a_trial_is(store: StudyStore) -> None:
    drawn = traces(pareto_figure(store, 2e6))
    text = drawn["best: trial 3"].text[0]
    for part in ("trial 3", "FD (digits) 35.00 (N = 2000)", "1.9M MACs", "63.3k parameters", "widths 8|3"):
        assert part in text
    assert "baseline uniform x0.25" in drawn["baseline"].text[0]
    assert (
        "stopped at rung 0: a low-fidelity FD (digits)"
        in drawn["stopped early, low-fidelity FD (digits)"].text[0]
    )


def test_a_teacher_that_fits_the_budget_is_a_point_at_the_end_of_the_front(store: StudyStore) -> None:
    assert "teacher" not in traces(pareto_figure(store, 2e6))
    teacher = {"macs": 4_000_000, "params": 10**6, "fid": 5.0}
    StudyAttributes(teacher_info=teacher, config={"budget_macs": 2_000_000}).write(store.study)
    assert "teacher" not in traces(pareto_figure(store, 2e6)), "it does not fit"
    StudyAttributes(config={"budget_macs": 5_000_000}).write(store.study)
    drawn = traces(pareto_figure(store, 5e6))
    assert (list(drawn["teacher"].x), list(drawn["teacher"].y)) == ([4e6], [5.0])
    assert (drawn["front"].x[-2], drawn["front"].y[-2]) == (4e6, 5.0)
    assert drawn["best: trial 4"].y[0] == 20, "the best is a student"
    assert "| teacher | 5.00 | 4M | 1M | known, not trained again |" in note(store, 5e6)
    StudyAttributes(teacher_info=teacher | {"fid": 30.0}).write(store.study)
    drawn = traces(pareto_figure(store, 5e6))
    assert "teacher" in drawn
    assert 4e6 not in list(drawn["front"].x), "a student is better for less"
    assert "| teacher |" not in note(store, 5e6)


def test_the_budget_is_a_line_unless_it_is_out_of_the_picture(store: StudyStore) -> None:
    near = pareto_figure(store, 2e6)
    assert [line.x0 for line in near.layout.shapes] == [2e6]
    assert near.layout.annotations[0].text == "budget 2M"
    far = pareto_figure(store, 5e9)
    assert not far.layout.shapes
    assert far.layout.title.text == "FD (digits) against MACs (budget 5G)"


def test_wide_ranges_get_logarithmic_axes(store: StudyStore) -> None:
    assert pareto_figure(store, 2e6).layout.xaxis.type is None
    finish(store, 500, 50_000_000)
    figure = pareto_figure(store, 20e6)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert figure.layout.annotations[0].x == pytest.approx(math.log10(20e6))


def test_what_is_looked_at_follows_the_study(empty: StudyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "REFRESH_SECONDS", 0.02)
    with Publisher(empty, 2e6):
        assert "No student within 2M MACs" in get_note(empty.study)
        finish(empty, 40, 1_000_000)
        deadline = time.monotonic() + 20
        while "**trial 0**" not in get_note(empty.study) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert "**trial 0**" in get_note(empty.study)


def test_the_driver_of_a_search_can_do_without_the_dashboard() -> None:
    """Optuna Dashboard brings scikit-learn's ensembles along, which take memory."""
    loaded = "import nas.driver, sys; print('optuna_dashboard' in sys.modules, 'plotly' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_an_empty_study_has_a_plot_and_a_note_too(empty: StudyStore) -> None:
    publish(empty, 2e6)
    assert "No student within 2M MACs is finished yet." in get_note(empty.study)


def test_the_note_names_the_best_student_and_how_to_export_it(store: StudyStore, tmp_path: Path) -> None:
    text = note(store, 2e6)
    assert "**trial 3**, FD (digits) **35.00** (N = 2000), 1.9M MACs (fvcore), 63.3k parameters" in text
    where = f"--study digits --storage sqlite:///{tmp_path}/study.db"
    assert f"nas-export {where} --trial 3 -o student.safetensors" in text
    assert r"| 0 | 60.00 | 500k | 16.7k | `widths 8\|0` (uniform x0.25) |" in text
    assert "5 finished, 2 stopped early, 1 failed." in text


def test_the_note_names_a_study_that_is_elsewhere_as_a_shell_reads_it(tmp_path: Path) -> None:
    workdir = tmp_path / "my runs"
    with StudyStore.open(f"sqlite:///{workdir}/my digits/study.db", "my digits") as elsewhere:
        StudyAttributes(config={"workdir": str(workdir)}).write(elsewhere.study)
        finish(elsewhere, 40, 1_000_000)
        where = f"--study 'my digits' --workdir '{workdir}'"
        assert f"nas-export {where} --trial 0 -o student.safetensors" in note(elsewhere, 2e6)


def test_publishing_again_replaces(store: StudyStore) -> None:
    for _ in range(2):
        publish(store, 2e6)
    finish(store, 30, 1_950_000)
    publish(store, 2e6)
    attrs = store.storage.get_study_system_attrs(store.study._study_id)
    parts = [key for key in attrs if key.startswith("dashboard:plot_data:")]
    assert {key.split(":")[2] for key in parts} == {FIGURE_ID}
    stored = json.loads("".join(attrs[f"dashboard:plot_data:{FIGURE_ID}:{i}"] for i in range(len(parts))))
    assert "best: trial 9" in [trace["name"] for trace in stored["data"]]
    assert "**trial 9**" in get_note(store.study)


# Sample grids


def picture(path: Path, colour: int) -> Path:
    Image.new("L", (8, 8), colour).save(path)
    return path


def test_a_newer_sample_grid_replaces_the_one_of_the_rung_before(empty: StudyStore, tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    trial = empty.study.ask()
    first = attach_samples(trial, picture(tmp_path / "samples.png", 10), artifacts)
    newer = picture(tmp_path / "samples.png", 200)
    assert attach_samples(trial, newer, artifacts) == first
    attach_samples(trial, picture(tmp_path / "teacher.png", 99), artifacts)
    attach_samples(empty.study, tmp_path / "teacher.png", artifacts)
    assert sorted(meta.filename for meta in get_all_artifact_meta(trial)) == ["samples.png", "teacher.png"]
    assert [meta.mimetype for meta in get_all_artifact_meta(empty.study)] == ["image/png"]
    assert (artifacts / first).read_bytes() == newer.read_bytes()


def test_an_artifacts_folder_that_can_not_be_made_is_named(empty: StudyStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkdirError, match=r"file/artifacts can't be written .*--workdir"):
        attach_samples(empty.study, picture(tmp_path / "a.png", 0), tmp_path / "file" / "artifacts")


# The server


@pytest.fixture
def server(store: StudyStore, tmp_path: Path) -> Iterator[str]:
    with dashboard_server(store.storage, tmp_path / "artifacts", port=0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def status(url: str, method: str = "GET", **headers: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with opener.open(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_dashboard_shows_the_study(server: str) -> None:
    assert status(f"{server}/dashboard") == 200
    assert status(f"{server}/api/studies/1") == 200


def test_the_dashboard_deletes_and_changes_nothing(server: str, store: StudyStore) -> None:
    assert status(f"{server}/api/studies/1", "DELETE") == 403
    assert status(f"{server}/api/trials/1/tell", "POST") == 403
    assert status(f"{server}/api/studies/1/rename", "POST") == 403
    assert len(store.study.trials) == 9


def test_a_foreign_host_name_that_points_here_is_refused(server: str) -> None:
    assert status(f"{server}/api/studies", Host="attacker.example:80") == 403
    assert status(f"{server}/api/studies", Host="localhost:8080") == 200


def test_a_busy_port_is_named_with_the_way_out(server: str, store: StudyStore, tmp_path: Path) -> None:
    port = int(server.rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"port {port} on 127.0.0.1 is in use: .* another --port"):
        dashboard_server(store.storage, tmp_path, port=port)


@pytest.mark.parametrize(
    ("host", "says"), [("0.0.0.0", "no authentication"), ("192.0.2.1", "no authentication")]
)
def test_other_machines_are_let_in_only_on_request(
    store: StudyStore, tmp_path: Path, host: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        dashboard_server(store.storage, tmp_path, host, 0)
    dashboard_server(store.storage, tmp_path, "0.0.0.0", 0, allow_remote=True).server_close()


@pytest.mark.parametrize("port", [70000, -1])
def test_an_impossible_port_is_refused(store: StudyStore, tmp_path: Path, port: int) -> None:
    with pytest.raises(ConfigError, match="give another --port"):
        dashboard_server(store.storage, tmp_path, port=port)


def test_an_address_of_another_machine_is_refused(store: StudyStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no address of this machine"):
        dashboard_server(store.storage, tmp_path, "192.0.2.1", 0, allow_remote=True)
