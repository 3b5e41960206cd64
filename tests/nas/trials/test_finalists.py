"""The best of a search, for longer and from several seeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distill.teachers import load_teacher
from nas.config import SearchConfig
from nas.errors import ConfigError, StudyError
from nas.samplers import check_sampler
from nas.study import StudyStore
from nas.trials import Finalists, Proposal, Proposer, choose_finalists, final_config, searched
from search_spaces import SearchSpace
from tests.nas.cli.command_line import result_of

BUDGET = 1_000_000
SEARCH = SearchConfig.of(budget_macs=BUDGET, trials=5, replicates=0, study="digits", sampler="random")


@pytest.fixture(scope="module")
def space() -> SearchSpace:
    teacher = load_teacher()
    return teacher.family.space(teacher.generator.architecture)


@pytest.fixture
def search(tmp_path: Path, space: SearchSpace) -> Iterator[StudyStore]:
    """Five architectures of FID 50, 40, 30, 20 and 10."""
    check_sampler(SEARCH.sampler)
    with StudyStore.open(f"sqlite:///{tmp_path}/search.db", "digits") as store:
        proposer = Proposer(store, space, SEARCH.budget.utilisation(space), SEARCH)
        for number in range(5):
            proposal = proposer.next()
            assert proposal is not None
            store.study.tell(proposal.trial, [50.0 - 10 * number, space.macs(proposal.architecture)])
        yield store


@pytest.fixture
def final(tmp_path: Path) -> Iterator[StudyStore]:
    with StudyStore.open(f"sqlite:///{tmp_path}/final.db", "digits-final") as store:
        yield store


def test_the_lowest_fids_go_to_the_final(search: StudyStore) -> None:
    assert [t.number for t in choose_finalists(search, top=2)] == [4, 3]


def test_finalists_may_be_named(search: StudyStore) -> None:
    assert [t.number for t in choose_finalists(search, top=2, trials=(1, 4, 1))] == [1, 4]


@pytest.mark.parametrize(
    ("top", "trials", "says"), [(6, (), "give a smaller --top"), (1, (9,), "has no trial 9: see")]
)
def test_finalists_that_are_not_there_are_named(
    search: StudyStore, top: int, trials: tuple[int, ...], says: str
) -> None:
    with pytest.raises(StudyError, match=says):
        choose_finalists(search, top=top, trials=trials)


def test_the_final_is_longer_than_the_search_and_otherwise_alike() -> None:
    config = final_config(SEARCH, 3, seeds=4, images=None, workers=7)
    assert config.rungs == (20_000, 40_000, 80_000)
    assert (config.study, config.trials, config.replicate_runs, config.workers) == ("digits-final", 3, 9, 7)
    assert final_config(SEARCH, 3, seeds=4, images=50_000).study == "digits-final-50000"
    kept = {"study", "rungs", "trials", "replicates", "seeds", "workers"}
    assert config.model_dump(exclude=kept) == SEARCH.model_dump(exclude=kept)


def test_the_final_of_students_that_share_weights_is_as_long_as_that_of_others() -> None:
    shared = SearchConfig.of(budget_macs=BUDGET, share_weights=True, study="digits-shared")
    config = final_config(shared, 3, seeds=1, images=None)
    assert not config.share_weights
    assert config.rungs == final_config(SEARCH, 3, seeds=1, images=None).rungs
    assert final_config(shared, 3, seeds=1, images=400).rungs == (100, 200, 400)
    with pytest.raises(ConfigError, match="--images 3: give at least 4"):
        final_config(shared, 3, seeds=1, images=3)


def test_a_final_no_longer_than_the_search_is_refused() -> None:
    with pytest.raises(ConfigError, match="--images 16000: the search trained for 16000 already"):
        final_config(SEARCH, 3, seeds=3, images=16_000)


def finalists(final: StudyStore, search: StudyStore, space: SearchSpace, seeds: int = 3) -> Finalists:
    config = final_config(SEARCH, 2, seeds=seeds, images=None)
    chosen = choose_finalists(search, top=2)
    return Finalists(final, space, config.budget.utilisation(space), config, finalists=chosen)


def drained(final: StudyStore, source: Finalists, most: int = 100) -> list[Proposal]:
    found: list[Proposal] = []
    while len(found) < most and (proposal := source.next()) is not None:
        found.append(proposal)
        final.study.tell(proposal.trial, [10.0 + len(found), 1.0])
    return found


def test_every_finalist_is_trained_once_before_any_is_trained_again(
    final: StudyStore, search: StudyStore, space: SearchSpace
) -> None:
    source = finalists(final, search, space)
    assert source.work_left
    proposed = drained(final, source)
    first, second = (search.study.trials[number].user_attrs["architecture"] for number in (4, 3))
    assert [str(p.architecture) for p in proposed] == [first, second] * 3
    assert [p.replicate_of for p in proposed] == [None, None, 0, 1, 0, 1]
    assert len({p.seed for p in proposed}) == 3
    assert all(one.seed == other.seed for one, other in zip(proposed[::2], proposed[1::2], strict=True))
    assert all(p.protected for p in proposed)
    assert not finalists(final, search, space).work_left


def test_a_final_that_was_stopped_resumes_with_what_is_missing(
    final: StudyStore, search: StudyStore, space: SearchSpace
) -> None:
    before = drained(final, finalists(final, search, space), most=3)
    interrupted = finalists(final, search, space).next()
    assert interrupted is not None
    resumed = finalists(final, search, space)
    after = drained(final, resumed)
    assert after[0].trial == interrupted.trial
    assert len(before) + len(after) == 6
    more = drained(final, finalists(final, search, space, seeds=4))
    assert [p.replicate_of for p in more] == [0, 1]


def test_finalists_know_the_search_they_are_of(final: StudyStore, search: StudyStore) -> None:
    assert searched(search) == "digits"
    final.study.set_user_attr("finalists_of", "digits")
    assert searched(final) == "digits"
    assert searched(search, named=True) == "digits"
    with pytest.raises(
        StudyError, match=r"'digits-final' holds the finalists of 'digits': give --study digits"
    ):
        searched(final, named=True)


@pytest.mark.slow
def test_the_best_of_a_search_are_distilled_for_longer_and_exported(commands: Any, tmp_path: Path) -> None:
    flags = "--budget-macs 1M --rungs 64,128 --fid-samples 64 --teacher-cache-size 128 --batch-size 32"
    flags += " --workers 2"
    assert commands.run("nas-search", *flags.split(), "--trials", 3).returncode == 0
    command = ("nas-distill", "--top", 2, "--seeds", 2, "--images", 256, "--json")
    done = commands.run(*command)
    assert done.returncode == 0, done.stderr
    found = result_of(done.stdout)
    assert found["study"] == "digits-1Mmacs-final-256"
    complete = [trial for trial in found["trials"] if trial["fids"]]
    assert [len(trial["fids"]) for trial in complete] == [2, 2]
    assert all(trial["rungs"][-1]["images"] == 256 for trial in found["trials"])
    again = commands.run(*command)
    assert result_of(again.stdout) == found
    exported = commands.run(
        "nas-export", "--best", "--study", "digits-1Mmacs-final-256", "-o", "best.safetensors"
    )
    assert exported.returncode == 0, exported.stderr


def test_finalists_of_shared_random_weights_are_a_search_of_their_own() -> None:
    shared = SearchConfig.of(budget_macs=BUDGET, study="s", share_weights=True, inherit=False, keep="front")
    assert shared.importance == "image-difference"
    config = final_config(shared, 2, seeds=1, images=50_000)
    assert (config.importance, config.keep, config.share_weights) == ("magnitude", "all", False)
    assert SearchConfig.saved(config.public()) == config
