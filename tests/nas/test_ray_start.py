"""Where Ray can't be started, one line says which variable or limit to change, before a study is made."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import ray

from distill.storage import owned
from nas import ray_start
from nas.errors import ConfigError
from nas.ray_start import LONGEST_FOLDER, check_machine, local_ray


def folder_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Path:
    """The folder that Ray would get with these environment variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)
    made = Path(ray_start._make_folder())
    made.rmdir()
    return made


def test_the_folder_of_ray_has_a_short_path_whatever_tmpdir_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    for tmpdir in (str(long), str(tmp_path / "missing"), "/proc/x"):
        assert len(str(folder_of(monkeypatch, TMPDIR=tmpdir).parent)) <= LONGEST_FOLDER
    short = tempfile.mkdtemp(dir="/tmp")
    assert folder_of(monkeypatch, TMPDIR=short).parent == Path(short)
    assert folder_of(monkeypatch, RAY_TMPDIR=f"{short}/made").parent == Path(short, "made")
    shutil.rmtree(short)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            "/proc/x",
            "RAY_TMPDIR=/proc/x can't be used (/proc/x: No such file or directory): set it to",
        ),
        ("/" + "x" * 60, "Ray's sockets need a path of at most 40 characters: set it to a shorter one"),
    ],
)
def test_a_ray_tmpdir_that_can_not_be_used_is_named(
    asked: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", asked)
    with pytest.raises(ConfigError) as error:
        check_machine()
    assert says in str(error.value)


def test_too_few_open_files_are_named_and_a_soft_limit_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: raised.append(limits))
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (48, 48))
    with pytest.raises(ConfigError, match=r"may open 48 files, and Ray needs .* 256: .* ulimit -n 4096"):
        check_machine()
    assert raised == []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (48, resource.RLIM_INFINITY))
    check_machine()
    assert raised == [(4096, resource.RLIM_INFINITY)]


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (OSError(28, "No space left on device"), "(No space left on device)"),
        (RuntimeError("The node failed\n  at line 3\n"), "(The node failed)"),
        (ValueError(""), "(ValueError)"),
    ],
)
def test_whatever_ray_raises_at_its_start_is_one_line(
    raised: Exception, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[str] = []

    def fail(*, _temp_dir: str, **_: Any) -> None:
        folders.append(_temp_dir)
        raise raised

    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(ConfigError) as error, local_ray(num_cpus=1):
        pytest.fail("Ray was not started")
    assert f"Ray can't be started on this machine {says}: check" in str(error.value)
    assert "\n" not in str(error.value)
    assert not os.path.exists(folders[0])


def test_the_folder_of_a_killed_driver_is_removed_at_the_next_start(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setenv("RAY_TMPDIR", str(place))
    started: list[Path] = []
    monkeypatch.setattr(ray, "init", lambda *, _temp_dir, **_: started.append(Path(_temp_dir)))
    killed, foreign = place / "ray-killed", place / "ray-foreign"
    killed.mkdir()
    foreign.mkdir()
    with owned(killed):
        pass
    with local_ray(num_cpus=1), local_ray(num_cpus=1):  # the second leaves the first, which lives, alone
        assert sorted(place.iterdir()) == sorted([foreign, *started])
    assert list(place.iterdir()) == [foreign]
    shutil.rmtree(place)


def test_nobody_else_can_enter_the_folder_that_ray_opens_to_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folders: list[Path] = []

    def init(_temp_dir: str, **_: Any) -> None:
        folders.append(Path(_temp_dir))
        folders[0].chmod(0o777)

    monkeypatch.setattr(ray, "init", init)
    with local_ray(num_cpus=1):
        assert folders[0].stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("given", "used"), [("", "0"), ("7", "7")])
def test_workers_have_the_priority_of_the_search_unless_ray_is_told_otherwise(
    given: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ray_start.NICENESS, raising=False)
    if given:
        monkeypatch.setenv(ray_start.NICENESS, given)
    monkeypatch.setattr(ray, "init", lambda **settings: None)
    with local_ray():
        assert os.environ[ray_start.NICENESS] == used
    monkeypatch.delenv(ray_start.NICENESS)


@pytest.mark.parametrize("name", [".ray", ".ray/session"])
def test_a_home_that_can_not_be_written_is_named_with_its_variable(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(**_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / name))

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(ConfigError) as error, local_ray(num_cpus=1):
        pytest.fail("Ray was not started")
    assert f"({tmp_path / name}: Permission denied)" in str(error.value)
    assert "set HOME to a folder that you can write" in str(error.value)
    assert "RAY_TMPDIR" not in str(error.value)


def test_too_few_processes_are_named_but_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: pytest.fail("raised"))
    few = {resource.RLIMIT_NPROC: (20, 20)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: few.get(kind, (10_000, 10_000)))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    check_machine()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ConfigError, match=r"may start 20 processes .* at least 256: .* ulimit -u 4096"):
        check_machine()
