"""How many architectures within the budget are proposed a second, against choosing blindly and discarding.

    python -m benchmarks.proposals
    python -m benchmarks.proposals --feasible 0.001 --tpe-trials 200
    python -m benchmarks.proposals --quick --json

The space is that of a 256 px config-f teacher (45.4 GMACs), the budget such that about 1 % of its
architectures, every choice made on its own and uniformly, fit. Rows: the sampler of the space, which scales
widths until the budget is met (`search_spaces.stylegan2.space`), and rejection, which chooses blindly and
keeps what fits; each with random choices and with those of an Optuna TPE study as searches use it (in memory,
two objectives, every trial reported). Rows are timed in turns; figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import count

import optuna

from nas.budget import Budget, format_quantity
from nas.ranking import RungBoard
from nas.samplers import make_sampler
from search_spaces import STEPS, RandomSuggest, SearchSpace, Suggest, Utilisation
from search_spaces.stylegan2 import Block, GeneratorArchitecture, StyleGAN2Space

RESOLUTION = 256  # px
SEED = 0

Choose = Callable[[Suggest], GeneratorArchitecture]


@dataclass(frozen=True)
class Row:
    """One way to propose."""

    name: str
    per_second: float  # that fit
    feasible_fraction: float  # of everything that was proposed


def config_f(resolution: int) -> GeneratorArchitecture:
    """The published network's shape: 32768 / side channels, at most 512 (arXiv 1912.04958)."""
    sides = [4 << i for i in range(resolution.bit_length() - 2)]
    first, *later = (Block(min(512, 32_768 // side), 1 if side == 4 else 2) for side in sides)
    return GeneratorArchitecture((first, *later))


def blindly(teacher: GeneratorArchitecture, suggest: Suggest) -> GeneratorArchitecture:
    """Every choice of the space made independently, without regard to the budget."""
    style_dim = suggest.suggest_categorical("style_dim", (teacher.style_dim, teacher.style_dim // 2))
    layers = suggest.suggest_int("mapping_layers", 1, teacher.mapping_layers)
    blocks = []
    for i, block in enumerate(teacher.blocks):
        side, step = 4 << i, block.channels // STEPS
        channels = step * suggest.suggest_int(f"width_{side}", 1, STEPS)
        convs = suggest.suggest_int(f"convs_{side}", 1, block.convs)
        kind = suggest.suggest_categorical(f"kind_{side}", ("full", "separable"))
        last = i >= len(teacher.blocks) - 2
        kernel = suggest.suggest_categorical(f"kernel_{side}", (1, 3)) if last else block.kernel
        blocks.append(Block(channels, convs, "full" if kernel == 1 else kind, kernel))
    return replace(teacher, blocks=tuple(blocks), style_dim=style_dim, mapping_layers=layers)


def budget_for(space: StyleGAN2Space, feasible: float, draws: int) -> int:
    """MACs such that a fraction `feasible` of blind architectures is within."""
    costs = sorted(space.macs(blindly(space.teacher, RandomSuggest(seed))) for seed in range(draws))
    return costs[max(0, round(feasible * draws) - 1)]


class Source:
    """A way to propose, with its random numbers or its study, and what it has proposed so far."""

    def __init__(
        self, choose: Choose, utilisation: Utilisation, suggests: Iterator[tuple[Suggest, Callable[[], None]]]
    ):
        self._choose, self._utilisation, self._suggests = choose, utilisation, suggests
        self.proposed = self.feasible = 0
        self.rates: list[float] = []

    def round(self, proposals: int) -> None:
        """Propose so many, and note how many of them fit a second."""
        before, began = self.feasible, time.perf_counter()
        for _ in range(proposals):
            suggest, tell = next(self._suggests)
            self.feasible += self._utilisation(self._choose(suggest)) <= 1
            tell()
        self.proposed += proposals
        self.rates.append((self.feasible - before) / (time.perf_counter() - began))

    def row(self, name: str) -> Row:
        """Medians of the rounds; a rate so low that most rounds have none is the mean."""
        middle = statistics.median(self.rates)
        return Row(name, middle or statistics.mean(self.rates), self.feasible / self.proposed)


def random_choices(first_seed: int) -> Iterator[tuple[Suggest, Callable[[], None]]]:
    """Independent choices, a seed each."""
    return ((RandomSuggest(seed), lambda: None) for seed in count(first_seed))


def tpe_choices(
    seed: int, space: SearchSpace, utilisation: Utilisation
) -> Iterator[tuple[Suggest, Callable[[], None]]]:
    """Choices of a TPE study that receives two values for every trial."""
    sampler = make_sampler("tpe", seed, space, utilisation, RungBoard(1))
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    values = RandomSuggest(seed)

    def reported(trial: optuna.Trial) -> Callable[[], None]:
        objectives = [values.suggest_float(name, 0.0, 1.0) for name in ("FID", "MACs")]
        return lambda: study.tell(trial, objectives) and None  # type: ignore[func-returns-value]  # called for its effect

    while True:
        trial = study.ask()
        yield trial, reported(trial)


def measure(
    feasible: float, draws: int, proposals: int, tpe_trials: int, rounds: int
) -> tuple[int, list[Row]]:
    """The budget, and every row: `proposals` random ones and `tpe_trials` of TPE a round."""
    space = StyleGAN2Space(config_f(RESOLUTION))
    macs = budget_for(space, feasible, draws)
    utilisation = Budget(macs=macs).utilisation(space)
    scaled: Choose = lambda suggest: space.sample(suggest, utilisation)  # noqa: E731 (typed as a whole)
    blind: Choose = lambda suggest: blindly(space.teacher, suggest)  # noqa: E731 (typed as a whole)
    sources = {
        "scaled to the budget, random": (Source(scaled, utilisation, random_choices(SEED)), proposals),
        "rejection, random": (Source(blind, utilisation, random_choices(10**9)), 10 * proposals),
        "scaled to the budget, TPE": (
            Source(scaled, utilisation, tpe_choices(SEED, space, utilisation)),
            tpe_trials,
        ),
        "rejection, TPE": (Source(blind, utilisation, tpe_choices(SEED, space, utilisation)), tpe_trials),
    }
    for _ in range(rounds):
        for source, size in sources.values():
            source.round(size)
    return macs, [source.row(name) for name, (source, _) in sources.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--feasible", type=float, default=0.01, help="fraction of blind ones that fit")
    parser.add_argument("--tpe-trials", type=int, default=50, help="a round")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    draws, proposals, rounds = (2_000, 100, 2) if options.quick else (50_000, 1_000, 5)
    trials = min(options.tpe_trials, 15) if options.quick else options.tpe_trials
    macs, rows = measure(options.feasible, draws, proposals, trials, rounds)
    if options.json:
        shown = {"per_second": rows[0].per_second, "feasible_fraction": rows[1].feasible_fraction}
        print(json.dumps(shown | {"budget_macs": macs, "seed": SEED, "rows": [asdict(row) for row in rows]}))
        return
    space = StyleGAN2Space(config_f(RESOLUTION))
    print(
        f"{RESOLUTION} px config-f, {format_quantity(space.macs(space.teacher))} MACs (fvcore), within "
        f"{format_quantity(macs)} MACs; {rounds} rounds, of TPE {trials} trials each; seed {SEED}"
    )
    print(f"{'':30} {'that fit, a second':>19} {'fraction that fits':>19}")
    for row in rows:
        print(f"{row.name:30} {row.per_second:19.1f} {row.feasible_fraction:19.2%}")


if __name__ == "__main__":
    main()
