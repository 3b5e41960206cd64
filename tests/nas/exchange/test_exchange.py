"""The driver's end and the nodes' end together: a trial's files go from one to the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill.progress import Reporter
from nas.config import SearchConfig
from nas.errors import ConfigError, StudyError, WorkdirError
from nas.exchange import (
    VARIABLE,
    ExchangeError,
    ExchangingNode,
    Node,
    ObjectStore,
    Receiver,
    StoreReceiver,
    check_exchange,
    node,
    receiver,
    receiver_of,
    remove_objects,
    this_node,
)
from nas.exchange.reports import SentReporter
from nas.exchange.study_objects import StudyObjects
from nas.study import FolderOwner, trial_folder
from tests.nas.exchange.conftest import BRIEF
from tests.nas.exchange.s3_server import AWAY, BUCKET, S3Server

CHECKPOINTS = {"checkpoint-rung-1.pt": b"weights", "losses-rung-1.csv": b"step,g\n", "samples.png": b"png"}


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "RETRIES", BRIEF)
    monkeypatch.setattr(receiver, "DEFAULT_RETRIES", BRIEF)


@pytest.fixture
def search(url: str, tmp_path: Path) -> SearchConfig:
    config = SearchConfig.of(budget_macs=10**6, study="digits", workdir=tmp_path / "driver", exchange=url)
    config.folder.mkdir(parents=True)
    return config.absolute()


def driver(search: SearchConfig, token: str = "first", interrupted: tuple[int, ...] = ()) -> StoreReceiver:
    made = StoreReceiver(search, token)
    made.claim(interrupted)
    FolderOwner(search.folder, token).claim()
    return made


def test_a_driver_that_lost_its_lease_while_the_store_was_away_leaves_it_to_the_next_one(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost() -> None:
        raise StudyError("taken over")

    driver(search, "second")
    worker = on("node", search, monkeypatch, "second")
    trained(worker)
    worker.put(7)
    first = StoreReceiver(search, "first", lost)
    for act in (lambda: first.claim(()), first.finish):
        with pytest.raises(StudyError, match="taken over"):
            act()
    assert not first.has_claimed
    assert set(CHECKPOINTS) <= set(StudyObjects(search, BRIEF).trial(7).usable())
    on("node", search, monkeypatch, "second")


def on(
    name: str, search: SearchConfig, monkeypatch: pytest.MonkeyPatch, token: str = "first"
) -> ExchangingNode:
    """A worker on the node `name`."""
    monkeypatch.setenv(VARIABLE, str(search.workdir.parent / name))
    made = ExchangingNode(search, token)
    made.enter()
    return made


def trained(where: Node, trial: int = 7, files: dict[str, bytes] = CHECKPOINTS) -> Path:
    """The folder of a trial on a node, as a worker leaves it."""
    folder = trial_folder(where.config.folder, trial)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / ".progress").write_bytes(b"[]")
    (folder / ".0123.partial").write_bytes(b"begun")
    (folder / ".0123.pt").write_bytes(b"hidden")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def test_without_an_exchange_nothing_is_carried(tmp_path: Path) -> None:
    config = SearchConfig.of(budget_macs=10**6, study="digits", workdir=tmp_path)
    here = this_node(config, "token")
    assert type(here) is Node
    assert type(receiver_of(config, "token", pytest.fail)) is Receiver
    assert here.config is config
    assert here.put(7) == {}
    assert here.at_driver(tmp_path / "x") == tmp_path / "x"
    assert here.reporter(tmp_path / "x", 1.0) == Reporter(tmp_path / "x", 1.0)
    trained(here)
    here.leave(7)
    assert contents(trial_folder(config.folder, 7)) == CHECKPOINTS
    check_exchange(config)


def test_the_driver_receives_what_a_worker_on_another_node_has_put(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    receives = driver(search)
    worker = on("a", search, monkeypatch)
    assert worker.config.workdir == search.workdir.parent / "a"
    trained(worker)
    files = worker.put(7)
    assert files.keys() == CHECKPOINTS.keys()
    receives.receive(7, files)
    assert contents(trial_folder(search.folder, 7)) == CHECKPOINTS
    receives.receive(7, files)
    receives.discard(7)
    assert ObjectStore(str(search.exchange), BRIEF).names("digits/trials") == []


def test_a_worker_resumes_from_what_another_node_has_put(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(search)
    first = on("a", search, monkeypatch)
    trained(first)
    first.put_interim(7)
    second = on("b", search, monkeypatch)
    second.fetch(7)
    assert contents(trial_folder(second.config.folder, 7)) == CHECKPOINTS
    second.leave(7)
    assert not trial_folder(second.config.folder, 7).exists()


def test_checkpoints_that_a_worker_has_removed_go_at_the_driver_too(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    receives, worker = driver(search), on("a", search, monkeypatch)
    folder = trained(worker)
    receives.receive(7, worker.put(7))
    (folder / "checkpoint-rung-1.pt").unlink()
    (folder / "checkpoint-rung-3.pt").write_bytes(b"more")
    log = trial_folder(search.folder, 7) / "log.jsonl"
    log.write_bytes(b"the driver's")
    receives.receive(7, worker.put(7))
    there = contents(trial_folder(search.folder, 7))
    assert there.pop("log.jsonl") == b"the driver's"
    assert there == contents(folder)


def test_a_node_that_has_the_drivers_folder_removes_nothing_there(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    receives = driver(search)
    search.save()
    monkeypatch.delenv(VARIABLE, raising=False)
    worker = ExchangingNode(search, "first")
    worker.enter()
    trained(worker)
    receives.receive(7, worker.put(7))
    worker.leave(7)
    assert contents(trial_folder(search.folder, 7)) == CHECKPOINTS


def test_workers_of_a_driver_that_another_one_succeeded_write_nothing(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(search)
    worker = on("a", search, monkeypatch)
    trained(worker)
    driver(search, "second", interrupted=(7,))
    with pytest.raises(StudyError, match="digits was taken over by another driver"):
        worker.put(7)
    with pytest.raises(StudyError):
        on("b", search, monkeypatch)
    assert not (search.workdir.parent / "b").exists()
    assert on("b", search, monkeypatch, "second").config.folder.exists()
    assert "digits/trials/0007/files.json" not in ObjectStore(str(search.exchange), BRIEF).names()


def test_a_driver_that_another_one_succeeded_receives_nothing(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    receives, worker = driver(search), on("a", search, monkeypatch)
    trained(worker)
    files = worker.put(7)
    FolderOwner(search.folder, "second").claim()
    with pytest.raises(StudyError):
        receives.receive(7, files)
    assert contents(trial_folder(search.folder, 7)) == {}


def test_interrupted_trials_of_a_search_with_another_exchange_are_offered(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(Node(search), 7)
    trained(Node(search), 8, {"losses-rung-1.csv": b"step"})
    driver(search, interrupted=(7, 8, 9))
    worker = on("a", search, monkeypatch)
    for trial in (7, 8, 9):
        worker.fetch(trial)
    assert contents(trial_folder(worker.config.folder, 7)) == CHECKPOINTS
    assert not trial_folder(worker.config.folder, 8).exists()


def test_newer_files_in_the_store_stay_when_a_driver_resumes(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    receives, worker = driver(search), on("a", search, monkeypatch)
    folder = trained(worker)
    receives.receive(7, worker.put(7))
    (folder / "checkpoint-rung-2.pt").write_bytes(b"more")
    (folder / "samples.png").write_bytes(b"newer")
    worker.put(7)  # the driver dies before it has received that
    driver(search, "second", interrupted=(7,))
    other = on("b", search, monkeypatch, "second")
    other.fetch(7)
    assert contents(trial_folder(other.config.folder, 7)) == contents(folder)


def test_objects_of_finished_trials_go_when_a_driver_starts(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(search)
    worker = on("a", search, monkeypatch)
    for trial in (6, 7, 8):
        trained(worker, trial)
        worker.put(trial)
    again = StoreReceiver(search, "second")
    again.claim(interrupted=(8,))
    names = ObjectStore(str(search.exchange), BRIEF).names("digits/trials")
    assert {name.split("/")[2] for name in names} == {"0008"}
    again.finish()
    assert ObjectStore(str(search.exchange), BRIEF).names() == []


def test_objects_of_a_study_that_is_deleted_go_unless_they_are_another_ones(
    search: SearchConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    driver(search)
    store = ObjectStore(str(search.exchange), BRIEF)
    remove_objects({})
    remove_objects(search.public() | {"workdir": str(tmp_path / "other")})
    assert store.names() == ["digits/driver.json"]
    remove_objects(search.public())
    assert store.names() == []
    remove_objects(search.public() | {"exchange": "s4://b/p"})
    assert "objects of study 'digits' may be left in s4://b/p" in caplog.text


def test_the_prefix_of_another_study_is_refused(search: SearchConfig, tmp_path: Path) -> None:
    driver(search)
    check_exchange(search)
    other = search.model_copy(update={"workdir": tmp_path / "other"})
    for refused in (lambda: check_exchange(other), lambda: StoreReceiver(other, "x").claim(())):
        with pytest.raises(ConfigError) as caught:
            refused()
        said = str(caught.value)
        assert f"--exchange {search.exchange}: {search.exchange}/digits belongs to study 'digits' in " in said
        assert f"sqlite:///{search.folder}/study.db on " in said
        assert "give another --exchange" in said
    check_exchange(search.model_copy(update={"study": "another"}))


def test_objects_of_another_program_are_refused_and_stay(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ObjectStore(str(search.exchange), BRIEF)
    data = ["digits/0001.png", "digits/trials/x.png"]
    for name in data:
        store.write(b"image", name)
    for refused in (
        lambda: check_exchange(search),
        lambda: check_exchange(search, dry_run=True),
        lambda: StoreReceiver(search, "first").claim(()),
    ):
        with pytest.raises(ConfigError, match=r"digits holds objects of another program .*: give another"):
            refused()
    StoreReceiver(search, "first").finish()
    StoreReceiver(search, "first").discard(1)
    remove_objects(search.public())
    assert store.names() == data


def test_what_comes_beside_the_objects_of_a_study_stays(search: SearchConfig) -> None:
    store, receives = ObjectStore(str(search.exchange), BRIEF), driver(search)
    for name in ("digits/notes.txt", "digits/cache/a.npy", "digits/trials/0001/files.json"):
        store.write(b"x", name)
    receives.finish()
    assert store.names() == ["digits/notes.txt"]


@pytest.mark.parametrize("place", ["", "/below", "/..", "/link"])
@pytest.mark.parametrize("protocol", ["file", "local"])
def test_a_store_and_a_work_folder_in_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, place: str
) -> None:
    (tmp_path / "all" / "runs").mkdir(parents=True)
    (tmp_path / "all" / "runs" / "link").symlink_to(tmp_path / "all" / "runs")
    runs = tmp_path / "all" / "runs"
    inside = runs.parent if place == "/.." else f"{runs}{place}"
    config = SearchConfig.of(
        budget_macs=10**6, study="digits", workdir=runs, exchange=f"{protocol}://{inside}"
    )
    of_node = config.model_copy(update={"workdir": tmp_path / "other"})
    with pytest.raises(ConfigError, match="lie in each other: give a folder beside it"):
        check_exchange(config)
    check_exchange(of_node)
    monkeypatch.setenv(VARIABLE, str(runs))
    for refused in (lambda: check_exchange(of_node), lambda: ExchangingNode(of_node, "first")):
        with pytest.raises(ConfigError, match="lie in each other"):
            refused()


def test_a_probe_that_a_killed_driver_left_is_nobodys(search: SearchConfig) -> None:
    ObjectStore(str(search.exchange), BRIEF).write(b"", f"digits/probe-{'0a' * 16}")
    check_exchange(search)


def test_a_driver_that_another_one_succeeded_removes_nothing(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = driver(search)
    driver(search, "second")
    worker = on("a", search, monkeypatch, "second")
    trained(worker)
    worker.put(7)
    before = ObjectStore(str(search.exchange), BRIEF).names()
    first.discard(7)
    first.finish()
    assert ObjectStore(str(search.exchange), BRIEF).names() == before


def test_a_finished_search_that_is_run_again_removes_what_a_killed_driver_left(search: SearchConfig) -> None:
    driver(search)
    store = ObjectStore(str(search.exchange), BRIEF)
    store.write(b"x", "digits/cache/a.npy")
    StoreReceiver(search, "second").finish()
    assert store.names() == []


def test_objects_of_trials_that_the_database_does_not_know_go(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(search)
    worker = on("a", search, monkeypatch)
    trained(worker, 40)
    worker.put(40)
    driver(search, "second", interrupted=(7,))
    assert ObjectStore(str(search.exchange), BRIEF).names("digits/trials") == []


def test_a_driver_killed_before_the_last_rung_was_received_offers_nothing_older(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    receives, worker = driver(search), on("a", search, monkeypatch)
    folder = trained(worker)
    (folder / "checkpoint-rung-2.pt").write_bytes(b"more")
    receives.receive(7, worker.put(7))
    (folder / "checkpoint-rung-1.pt").unlink()
    (folder / "checkpoint-rung-3.pt").write_bytes(b"last")
    (folder / "samples.png").write_bytes(b"newer")
    worker.put(7)
    driver(search, "second", interrupted=(7,))
    other = on("b", search, monkeypatch, "second")
    other.fetch(7)
    assert contents(trial_folder(other.config.folder, 7)) == contents(folder)


def test_passwords_of_databases_are_not_in_the_store(search: SearchConfig) -> None:
    with_password = search.model_copy(update={"storage": "postgresql://nas:s3cret@db/nas"})
    StoreReceiver(with_password, "first").claim(())
    check_exchange(with_password)
    text = ObjectStore(str(search.exchange), BRIEF).read("digits/driver.json")
    assert text is not None
    assert b"s3cret" not in text
    assert json.loads(text)["study"] == "digits"


def test_a_dry_run_writes_nothing(search: SearchConfig) -> None:
    check_exchange(search, dry_run=True)
    assert ObjectStore(str(search.exchange), BRIEF).names() == []
    check_exchange(search)
    assert ObjectStore(str(search.exchange), BRIEF).names() == []


@pytest.mark.parametrize("damage", [None, b"dam"])
def test_what_the_store_has_lost_is_put_again_by_a_worker(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch, damage: bytes | None
) -> None:
    receives, worker = driver(search), on("a", search, monkeypatch)
    trained(worker)
    files = worker.put(7)
    store = ObjectStore(str(search.exchange), BRIEF)
    lost = f"digits/trials/0007/{files['checkpoint-rung-1.pt']}"
    store.remove(lost) if damage is None else store.write(damage, lost)
    with pytest.raises(ExchangeError, match="run the same command again"):
        receives.receive(7, files)
    again, elsewhere = driver(search, "second", interrupted=(7,)), on("b", search, monkeypatch, "second")
    elsewhere.fetch(7)
    there = contents(trial_folder(elsewhere.config.folder, 7))
    assert there.keys() == CHECKPOINTS.keys() - {"checkpoint-rung-1.pt"}
    trained(elsewhere)
    again.receive(7, elsewhere.put(7))
    assert contents(trial_folder(search.folder, 7)) == CHECKPOINTS


def test_caches_that_the_store_has_lost_are_put_again(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(search)
    first, second = on("a", search, monkeypatch), on("b", search, monkeypatch)
    store = ObjectStore(str(search.exchange), BRIEF)
    for each in (first, second):
        path = each.config.cache / "teacher" / "0a1b" / "images.npy"
        each.fetch_caches()
        assert not path.exists()
        path.parent.mkdir(parents=True)
        path.write_bytes(b"img")
        each.put_caches(lambda path=path: [path])  # type: ignore[misc]  # mypy infers no default of a lambda
        (name,) = (each for each in store.names("digits/cache") if not each.endswith(".json"))
        assert store.read(name) == b"img"
        store.write(b"i", name)


def test_caches_are_carried_whole(search: SearchConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(search)
    first = on("a", search, monkeypatch)
    made = {"teacher/0a1b/images.npy": b"img", "teacher/0a1b/inputs-0.npy": b"z", "fidelity/d-x.npz": b"mu"}
    for name, content in made.items():
        path = first.config.cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with first.alone():
        first.fetch_caches()
    first.put_caches(lambda: [first.config.cache / name for name in made])
    second = on("b", search, monkeypatch)
    (second.config.cache / "fidelity").mkdir(parents=True)
    for _ in range(2):
        with second.alone():
            second.fetch_caches()
    found = {name: (second.config.cache / name).read_bytes() for name in made}
    assert found == made
    assert not list((second.config.cache / "teacher").glob(".*"))


def test_a_node_that_does_not_see_the_drivers_store_is_named(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely = ExchangingNode(search, "first")
    with pytest.raises(ConfigError, match="finds nothing there of what the driver has written"):
        lonely.fetch_caches()


def test_a_folder_that_can_not_be_written_names_the_variable(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver(search)
    (tmp_path / "file").touch()
    with pytest.raises(WorkdirError, match=f"set {VARIABLE} to a folder where Ray is started"):
        on("file", search, monkeypatch)


def test_reports_are_sent_to_the_drivers_folder(
    search: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(search)
    worker = on("a", search, monkeypatch)
    reporter = worker.reporter(worker.config.folder / "trials" / "0007" / ".progress", 1.0)
    assert isinstance(reporter, SentReporter)
    assert reporter.file == search.folder / "trials" / "0007" / ".progress"


def test_a_store_that_is_away_is_no_reason_to_stop_between_rungs(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SearchConfig.of(
        budget_macs=10**6, study="digits", workdir=tmp_path / "driver", exchange=f"s3://{BUCKET}/p"
    ).absolute()
    config.folder.mkdir(parents=True)
    driver(config)
    worker = on("a", config, monkeypatch)
    trained(worker)
    s3.answer = lambda method, path: AWAY
    worker.put_interim(7)
    with pytest.raises(ExchangeError):
        worker.put(7)
    s3.answer = lambda method, path: None
    assert worker.put(7).keys() == CHECKPOINTS.keys()
