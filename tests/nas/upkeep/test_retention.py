"""Which checkpoints stay when a search ends."""

from __future__ import annotations

import copy
import io
import re
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from nas.checkpoints import export_student
from nas.driver import run_search
from nas.errors import ExportError, StudyError
from nas.reporting import SearchReport
from nas.upkeep import dispensable, kept_trials, prune_checkpoints
from nas.workbench import Workbench
from tests.nas.studies import finished_study


def numbers(found: SearchReport) -> set[int]:
    """Trials that have checkpoints."""
    return {int(path.parent.name) for path in Path(found.folder, "trials").glob("*/*rung-*.pt")}


def moved(found: SearchReport, tmp_path: Path) -> SearchReport:
    folder = shutil.copytree(found.folder, tmp_path / "study")
    return found.model_copy(update={"folder": str(folder)})


def test_the_front_and_its_replicates_keep_their_checkpoints(
    replicated: SearchReport, tmp_path: Path
) -> None:
    first = replicated.trials[0]
    alone = {"front": [first], "best": first, "choice": first.number, "within_margin": []}
    found = moved(replicated, tmp_path).model_copy(update=alone)
    others = [t.number for t in found.trials if first.number not in (t.number, t.replicate_of)]
    assert others
    folders = [Path(found.folder, "trials", f"{number:04}") for number in others]
    size = sum(path.stat().st_size for folder in folders for path in folder.glob("*.pt"))
    assert prune_checkpoints(found, "front")[0] == size > 0
    assert numbers(found) == {t.number for t in found.trials} - set(others)
    kept = ("samples.png", "losses-rung-1.csv")
    assert all((folder / name).exists() for folder in folders for name in kept)
    export_student(found, first, Path(found.folder), tmp_path / "best.safetensors")
    with pytest.raises(ExportError, match=r"is gone: .* --keep front"):
        export_student(found, found.trial(others[0]), Path(found.folder), tmp_path / "other.safetensors")
    assert prune_checkpoints(found, "front")[0] == 0


@pytest.mark.parametrize("how", ["damaged", "not there"])
def test_nothing_is_deleted_where_a_checkpoint_that_is_to_stay_is_lost(
    replicated: SearchReport, tmp_path: Path, how: str
) -> None:
    first = replicated.trials[0]
    alone = {"front": [first], "best": first, "choice": first.number, "within_margin": []}
    found = moved(replicated, tmp_path).model_copy(update=alone)
    best = Path(found.folder, first.rungs[-1].checkpoint)
    whole, before = best.read_bytes(), numbers(found)
    if how == "damaged":
        best.write_bytes(b"damaged")
    else:
        best.unlink()
    _, (lost,) = dispensable(found, "front")
    assert lost == f"trial {first.number}: {best} is {how}"
    assert prune_checkpoints(found, "front")[0] == 0
    assert dispensable(found, "all") == ([], [])
    best.write_bytes(whole)
    assert numbers(found) == before
    assert dispensable(found, "front")[1] == []
    assert prune_checkpoints(found, "front")[0] > 0


def test_a_driver_that_lost_its_lease_deletes_nothing(replicated: SearchReport, tmp_path: Path) -> None:
    def lost() -> None:
        raise StudyError("taken over")

    first = replicated.trials[0]
    alone = {"front": [first], "best": first, "choice": first.number, "within_margin": []}
    found = moved(replicated, tmp_path).model_copy(update=alone)
    before = numbers(found)
    with pytest.raises(StudyError, match="taken over"):
        prune_checkpoints(found, "front", lost)
    assert numbers(found) == before


def test_what_a_person_has_chosen_stays_with_the_best(finished: SearchReport, tmp_path: Path) -> None:
    best, chosen = [t for t in finished.trials if t.state == "COMPLETE"][:2]
    found = moved(finished, tmp_path).model_copy(update={"best": best, "choice": chosen.number})
    before, kept = numbers(found), {best.number, chosen.number}
    assert kept_trials(found, "best") == kept < before
    checkpoint = Path(found.folder, chosen.rungs[-1].checkpoint)
    whole = checkpoint.read_bytes()
    checkpoint.unlink()
    assert prune_checkpoints(found, "best") == (0, [f"trial {chosen.number}: {checkpoint} is not there"])
    checkpoint.write_bytes(whole)
    assert prune_checkpoints(found, "best")[0] > 0
    assert numbers(found) == kept


def test_what_is_as_good_as_the_best_and_what_still_runs_keeps_its_checkpoints(
    finished: SearchReport, tmp_path: Path
) -> None:
    trials = [
        t.model_copy(update={"state": "RUNNING"}) if t.state == "PRUNED" else t for t in finished.trials
    ]
    complete = [t for t in trials if t.state == "COMPLETE"]
    known = {
        "front": complete[:1],
        "best": complete[0],
        "within_margin": [complete[1].number],
        "trials": trials,
    }
    found = moved(finished, tmp_path).model_copy(update=known)
    before = numbers(found)
    assert prune_checkpoints(found, "front")[0] == 0
    assert numbers(found) == before


def test_a_search_says_what_it_deletes_and_nothing_where_it_deletes_nothing(
    warm_bench: Workbench, tmp_path: Path
) -> None:
    changes = {"trials": 2, "replicates": 0, "keep": "front"}
    finished_study(warm_bench, tmp_path, (2, 0), **changes)
    bench = copy.copy(warm_bench)
    vars(bench).pop("identity", None)
    bench.config = warm_bench.config.model_copy(update={"workdir": tmp_path, **changes})
    said = [io.StringIO(), io.StringIO()]
    for err in said:
        run_search(bench, Console(file=err))
    done, deleted = said[0].getvalue().splitlines()
    assert done.startswith("Nothing left to train: ")
    assert re.fullmatch(r"Deleted checkpoints of trials off the front: [\d.]+ [kM]B", deleted)
    assert said[1].getvalue() == f"{done}\n"


def test_a_search_in_a_copied_folder_deletes_there_and_not_in_the_original(
    warm_bench: Workbench, tmp_path: Path
) -> None:
    changes = {"trials": 2, "replicates": 0, "keep": "best"}
    original = tmp_path / "original"
    original.mkdir()
    finished_study(warm_bench, original, (2, 2), **changes)
    copied = shutil.copytree(original, tmp_path / "copied")
    before = sorted(original.rglob("*.pt"))
    bench = copy.copy(warm_bench)
    vars(bench).pop("identity", None)
    bench.config = warm_bench.config.model_copy(update=changes | {"workdir": copied})
    found = run_search(bench, Console(file=io.StringIO()))
    assert Path(found.folder).is_relative_to(copied)
    assert sorted(original.rglob("*.pt")) == before
    assert len(list(copied.rglob("*.pt"))) < len(before)
