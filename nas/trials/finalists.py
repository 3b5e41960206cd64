"""The best of a search, trained longer and from several seeds, in a study beside the search's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from distill.seeds import derive_seed
from nas.config import DIGITS_DEFAULTS, REAL_DEFAULTS, SearchConfig, shows_digits
from nas.errors import ConfigError, StudyError
from nas.ranking import noise_floor, select
from nas.study import StudyAttributes, StudyStore
from nas.trials.attributes import TrialAttributes
from nas.trials.proposal import Proposal
from nas.trials.runs import measured_architectures, runs_of
from nas.trials.source import TrialSource
from search_spaces import SearchSpace, Utilisation, count_of

SUFFIX = "-final"  # of the study's name; the number of images follows where the user gives it
LONGER = 5  # times the images of the search, unless the user gives another number
LEAST_IMAGES = 4  # the first of three rungs is at a quarter


def searched(store: StudyStore, *, named: bool = False) -> str:
    """Name of the search whose finalists `store` holds; its own name when it holds a search.

    Raises:
        StudyError: `store` holds finalists, and the user has `named` it.
    """
    search = StudyAttributes.from_study(store.study).finalists_of
    if search and named:
        raise StudyError(
            f"study {store.name!r} holds the finalists of {search!r}: give --study {search}, which continues "
            "them with the same --images; nas-report shows them"
        )
    return search or store.name


def choose_finalists(store: StudyStore, top: int, trials: Sequence[int] = ()) -> list[FrozenTrial]:
    """The `top` architectures by posterior estimate of their FIDs, best first; or those of `trials`.

    Raises:
        StudyError: fewer are trained to the end, or one of `trials` is not the first run of an architecture.
    """
    known = store.study.get_trials(deepcopy=False)
    if trials:
        for number in trials:
            if not 0 <= number < len(known):
                raise StudyError(
                    f"study {store.name!r} has no trial {number}: see its trials with nas-report --trials"
                )
            if not TrialAttributes.from_trial(known[number]).is_first_run:
                raise StudyError(
                    f"trial {number} of study {store.name!r} is no architecture's first run: give the "
                    "first one's number, see nas-report --trials"
                )
        return [known[number] for number in dict.fromkeys(trials)]
    measured = measured_architectures(known)
    estimates = select(measured, noise_floor(measured)).estimates
    if len(estimates) < top:
        raise StudyError(
            f"study {store.name!r} has {count_of(len(estimates), 'architecture')} trained to the end, "
            f"not {top}: give a smaller --top, or search on"
        )
    return [known[number] for number in sorted(estimates, key=lambda number: estimates[number])[:top]]


def final_config(
    search: SearchConfig, finalists: int, *, seeds: int, images: int | None, **machine: Any
) -> SearchConfig:
    """The configuration of the finalists' study: the search's settings, `images` in three rungs, every seed.

    The default is `LONGER` times the images of the search. After a search with shared weights, whose images
    trained no student alone, it is `LONGER` times the default of a search without, and any number is allowed.

    Raises:
        ConfigError: not more images than every candidate has seen in the search.
    """
    alone = search.rungs[-1]
    if search.share_weights:
        digits = shows_digits(search.data, search.teacher)
        alone = (DIGITS_DEFAULTS if digits else REAL_DEFAULTS)["rungs"][-1]
    full = LONGER * alone if images is None else images
    if not search.share_weights and full <= alone:
        raise ConfigError(f"--images {full}: the search trained for {alone} already; give more than that")
    if full < LEAST_IMAGES:
        raise ConfigError(f"--images {full}: give at least {LEAST_IMAGES}, better thousands")
    changed = {
        "study": search.study + SUFFIX + ("" if images is None else f"-{images}"),
        "rungs": (full // 4, full // 2, full),
        "trials": finalists,
        "replicates": finalists * (seeds - 1),
        "seeds": seeds,
        "share_weights": False,
        "keep": "all",  # every finalist was chosen to be kept
        "importance": search.importance if search.inherit else "magnitude",  # shared weights are ranked, too
    }
    given = {name: value for name, value in machine.items() if value is not None}
    return SearchConfig.of(**{**search.model_dump(), **changed, **given})


class Finalists(TrialSource):
    """Every finalist from every seed: first all from one seed, then from the next; none is stopped early."""

    def __init__(
        self,
        store: StudyStore,
        space: SearchSpace,
        utilisation: Utilisation,
        config: SearchConfig,
        *,
        finalists: Sequence[FrozenTrial],
    ) -> None:
        super().__init__(store, space, utilisation, config)
        self._finalists = finalists

    @property
    def work_left(self) -> bool:
        return super().work_left or self._missing() is not None

    def _fresh(self) -> Proposal | None:
        missing = self._missing()
        if missing is None:
            return None
        finalist, first, count = missing
        if first is not None:
            return self._rerun(first, seed=self._seed(count), replicate_of=first.number)
        return self._rerun(finalist, seed=self._seed(0), search_trial=finalist.number, protected=True)

    def _seed(self, count: int) -> int:
        """Seed of a finalist's run number `count`, which the search has not used."""
        return derive_seed(self._config.seed, f"final {count}")

    def _missing(self) -> tuple[FrozenTrial, FrozenTrial | None, int] | None:
        """The first finalist that lacks a run, its first run if it has one, and which run it lacks."""
        found = runs_of(self._trials)
        for count in range(self._config.seeds):
            for finalist in self._finalists:
                runs = found.get(TrialAttributes.from_trial(finalist).architecture, [])
                if len(runs) <= count and not (runs and runs[0].state == TrialState.FAIL):
                    return finalist, runs[0] if runs else None, len(runs)
        return None
