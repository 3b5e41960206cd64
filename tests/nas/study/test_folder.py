"""The folder of a study."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nas.config import SearchConfig
from nas.errors import ConfigError, StudyError
from nas.study import check_folder, study_folder


@pytest.fixture
def config(tmp_path: Path) -> SearchConfig:
    return SearchConfig.of(budget_macs=1, study="mine", workdir=tmp_path / "runs")


def search(config: SearchConfig, error: type[BaseException], *, owned: bool, keep: bool = False) -> None:
    """A search that writes a file to its folder and ends by `error`."""
    with study_folder(config) as folder:
        if owned:
            folder.own_contents()
        (config.folder / "study.db").touch()
        if keep:
            folder.keep()
        raise error


def refuse(config: SearchConfig) -> None:
    """A search that is refused before it writes anything."""
    with study_folder(config):
        assert config.folder.is_dir()
        raise ConfigError


def test_a_search_that_is_refused_leaves_no_new_folder(config: SearchConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        refuse(config)
    assert list(tmp_path.iterdir()) == []


def test_contents_of_a_new_folder_go_where_they_are_ours(config: SearchConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        search(config, ConfigError, owned=True)
    assert list(tmp_path.iterdir()) == []


def test_contents_of_another_driver_stay(config: SearchConfig) -> None:
    with pytest.raises(ConfigError):
        search(config, ConfigError, owned=False)
    assert (config.folder / "study.db").exists()


def test_a_folder_that_another_driver_made_just_now_stays_with_all_others(
    config: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir

    def second(path: Path, *arguments: int, **options: bool) -> None:
        make(path, *arguments, **options)
        if path == config.folder.parent:  # the work folder, which is new
            make(config.folder)
            make(config.folder.parent / "another")

    monkeypatch.setattr(Path, "mkdir", second)
    with pytest.raises(ConfigError):
        search(config, ConfigError, owned=True)
    assert {path.name for path in config.workdir.iterdir()} == {"mine", "another"}
    assert (config.folder / "study.db").exists()


def test_contents_of_a_folder_that_was_there_stay(config: SearchConfig) -> None:
    config.folder.mkdir(parents=True)
    with pytest.raises(ConfigError):
        search(config, ConfigError, owned=True)
    assert (config.folder / "study.db").exists()


def test_results_stay_whatever_happens(config: SearchConfig) -> None:
    with pytest.raises(ConfigError):
        search(config, ConfigError, owned=True, keep=True)
    assert (config.folder / "study.db").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_everything_stays_where_the_request_was_not_at_fault(
    config: SearchConfig, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        search(config, error, owned=True)
    assert (config.folder / "study.db").exists()


def test_a_search_that_ends_well_keeps_its_folder(config: SearchConfig) -> None:
    with study_folder(config) as folder:
        folder.own_contents()
    assert config.folder.is_dir()


def test_a_folder_is_of_one_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def config(storage: str, study: str = "mine") -> SearchConfig:
        return SearchConfig.of(budget_macs=1, study=study, workdir=Path("runs"), storage=storage)

    server = "postgresql+psycopg://ann:secret@host/nas"
    for saved, same, another in (
        ("", f"sqlite:///{tmp_path}/runs/mine/study.db", "sqlite:///shared.db"),
        ("sqlite:///shared.db", f"sqlite:///{tmp_path}/shared.db", ""),
        (server, "postgres://ann:changed@host/nas", "postgresql+psycopg://ann:secret@host/other"),
    ):
        shutil.rmtree("runs", ignore_errors=True)
        check_folder(config(saved))  # nothing is there yet
        config(saved).folder.mkdir(parents=True)
        config(saved).save()
        check_folder(config(saved))
        check_folder(config(same))
        check_folder(config(another, study="another"))
        with pytest.raises(StudyError, match=r"runs/mine belongs to study 'mine' in .* --study") as caught:
            check_folder(config(another))
        assert "secret" not in str(caught.value)
    config("").save().write_text("no = toml = at all")
    check_folder(config("sqlite:///shared.db"))
