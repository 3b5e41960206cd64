"""Replay strategies on the table: trainings are looked up, all else is the service's code.

One worker, and what a sampler itself takes is not counted. Left out are retries of failed runs:
the table has no other outcome for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from benchmarks.samplers import COMPARED
from benchmarks.tabular.grid import LEVELS
from benchmarks.tabular.table import Table
from nas.config import SearchConfig
from nas.ranking import Measured, NoiseFloor, RungBoard, front, noise_floor, select
from nas.samplers import make_sampler
from nas.trials import Proposer, TrialAttributes, measured_architectures
from search_spaces import SearchSpace, Utilisation

EXACT = NoiseFloor(1e-9, 0)  # of who takes FIDs as they are


@dataclass
class MemoryStore:
    """What the proposer needs of a study, without a database."""

    study: optuna.Study

    def check_lease(self) -> None:
        """Nobody else is there."""

    def together(self) -> AbstractContextManager[None]:
        """Nothing is written."""
        return nullcontext()

    def rungs(self, trial: int) -> list[Any]:
        """Nothing is ever interrupted."""
        return []

    def trial(self, number: int) -> Trial:
        return Trial(self.study, self.study.get_trials(deepcopy=False)[number]._trial_id)

    def frozen(self, number: int) -> FrozenTrial:
        return self.study.get_trials(deepcopy=False)[number]

    def begin(self, attributes: Mapping[str, Any], like: FrozenTrial | None = None) -> int:
        assert like is not None
        twin = create_trial(
            state=TrialState.RUNNING,
            params=like.params,
            distributions=like.distributions,
            user_attrs=dict(attributes),
        )
        self.study.add_trial(twin)
        return len(self.study.get_trials(deepcopy=False)) - 1


@dataclass(frozen=True)
class Answer:
    """What a strategy would answer if it were stopped here."""

    images: int  # trained so far
    seconds: float
    front: tuple[str, ...]  # architectures, cheapest first
    best: str | None  # the architecture it would choose


@dataclass(frozen=True)
class World:
    """One replay's view of the table: the seeds of trainings, and those of the ground truth."""

    table: Table
    space: SearchSpace
    utilisation: Utilisation
    observed: Sequence[int]  # seeds, in the order in which an architecture's runs get them
    truth: dict[str, float] = field(default_factory=dict)  # geometric mean FID over the other seeds

    @classmethod
    def drawn(
        cls, table: Table, space: SearchSpace, utilisation: Utilisation, rng: np.random.Generator, runs: int
    ) -> World:
        """A world whose first `runs` seeds, in a random order, are observed."""
        order = rng.permutation(table.seeds)
        held_out = np.exp(np.log(table.fids[:, order[runs:], -1]).mean(axis=1))
        truth = dict(zip(table.architectures, held_out.tolist(), strict=True))
        return cls(table, space, utilisation, order[:runs].tolist(), truth)

    def fids(self, architecture: str, run: int) -> npt.NDArray[np.float64]:
        """FIDs (R,) of an architecture's training number `run`."""
        return self.table.fids[self.table.architectures.index(architecture), self.observed[run]]


class GridProposer(Proposer):
    """The service's proposer, with budget fractions by their index on the grid."""

    def _enqueue(self) -> None:
        largest = len(LEVELS["budget_fraction"]) - 1
        for index in range(largest, -1, -1):
            self._enqueue_baseline(index, f"budget fraction {index}", index == largest)
        for design in self.space.initial_designs():
            self._store.study.enqueue_trial({"budget_fraction": largest, **design})


def replay(
    world: World,
    config: SearchConfig,
    sampler: str,
    seed: int,
    images: int,
    *,
    proposer_class: type[Proposer] = GridProposer,
    halving: bool = True,
    naive: bool = False,  # answers are the lowest observed FIDs
    scalar: bool = False,  # halving looks at FID alone
) -> Iterator[Answer]:
    """Search until `images` have been trained on, or nothing is proposed; an answer after every trial."""
    board = RungBoard(len(world.table.images), config.reduction_factor, significance=config.significance)
    chooser = make_sampler(sampler, seed, world.space, world.utilisation, board, COMPARED)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=chooser)
    store: Any = MemoryStore(study)  # in place of a StudyStore
    proposer = proposer_class(store, world.space, world.utilisation, config)
    table, spent, seconds = world.table, 0, 0.0
    while spent < images and (proposal := proposer.next()) is not None:
        name, first = str(proposal.architecture), proposal.replicate_of
        index = table.architectures.index(name)
        run = 0 if first is None else _earlier(study, first)
        if proposal.protected:
            board.protect(proposal.trial)
        if first is not None:
            board.replicate(proposal.trial, first)
        state = TrialState.COMPLETE
        for rung, fid in enumerate(world.fids(name, run)):
            spent += table.images[rung] - (table.images[rung - 1] if rung else 0)
            seconds += float(table.seconds[index, rung])
            board.add(proposal.trial, rung, (float(fid), 1.0 if scalar else float(table.macs[index])))
            if halving and not board.decide(proposal.trial, rung):
                state = TrialState.PRUNED
                break
        values = [float(fid), float(table.macs[index])] if state == TrialState.COMPLETE else None
        study.tell(proposal.trial, values, state=state)
        yield _answer(study, spent, seconds, naive)


def replay_supernet(world: World, images: int) -> Iterator[Answer]:
    """Weights that all share are trained, evolved over, and what comes out is distilled alone.

    As GAN Compression searches (Li et al. 2020, arXiv 2003.08936, section 3.3), with an evolution that misses
    nothing: its outcome is the exact front of what was read out. Until all of that front is distilled alone,
    it is the answer as it was read out; then the FIDs of students on their own count. What images are left
    for goes to the next fronts.
    """
    table, shared = world.table, world.table.shared
    assert shared is not None
    spent, seconds = shared.images, shared.seconds
    left = [
        Measured(index, int(table.macs[index]), (shared.fids[name],))
        for index, name in enumerate(table.architectures)
    ]
    distilled: list[Measured] = []
    answer = _exact(world, left)
    evolved = len(answer[0])
    yield Answer(spent, seconds, *answer)
    while left and spent < images:
        members = [left[i] for i in front([(m.fid, float(m.macs)) for m in left])]
        for member in members:
            left.remove(member)
            fids = world.fids(table.architectures[member.trial], 0)
            distilled.append(Measured(member.trial, member.macs, (float(fids[-1]),)))
            spent += table.images[-1]
            seconds += float(table.seconds[member.trial].sum())
            if len(distilled) >= evolved:
                answer = _exact(world, distilled)
            yield Answer(spent, seconds, *answer)
            if spent >= images:
                return


def _exact(world: World, measured: Sequence[Measured]) -> tuple[tuple[str, ...], str | None]:
    """Front and best of `measured`, whose trials are places in the table, as if FIDs were exact."""
    chosen = select(measured, EXACT)
    names = world.table.architectures
    best = None if chosen.best is None else names[chosen.best.trial]
    return tuple(names[m.trial] for m in chosen.front), best


def _earlier(study: optuna.Study, first: int) -> int:
    """Which run of its architecture the newest replicate of trial `first` is."""
    return sum(TrialAttributes.from_trial(t).replicate_of == first for t in study.get_trials(deepcopy=False))


def _answer(study: optuna.Study, images: int, seconds: float, naive: bool) -> Answer:
    trials = study.get_trials(deepcopy=False)
    measured = measured_architectures(trials)
    floor = EXACT if naive else noise_floor(measured)
    chosen = select(measured, floor)

    def name(trial: int) -> str:
        return TrialAttributes.from_trial(trials[trial]).architecture

    best = None if chosen.best is None else name(chosen.best.trial)
    return Answer(images, seconds, tuple(name(m.trial) for m in chosen.front), best)
