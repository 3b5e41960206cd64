"""nas-distill: train the best of a search to full length, from several seeds."""

from __future__ import annotations

import click

from nas.cli.command import Command, console, end, folder_of_commands, results, shown_live
from nas.cli.options import options
from nas.cli.studies import open_asked
from nas.options import (
    MOST_IMAGES,
    EventsOption,
    FidOptions,
    Gpus,
    Interval,
    LiveOption,
    Location,
    Quantity,
    ResourceOptions,
    StudyOptions,
    SurvivalOptions,
    option,
    variant,
)

EXAMPLES = """
nas-distill --top 3 --seeds 3
nas-distill --study digits-2Mmacs --top 3 --seeds 3 --images 100k
nas-distill --trial 7 --trial 12 --seeds 5

# afterwards: the best of them as a file
nas-export --best --study digits-2Mmacs-final -o student.safetensors
nas-export --best --study digits-2Mmacs-final-100000 -o student.safetensors
"""


BEST = 3  # finalists, unless the user names them
MOST_FINALISTS = 1_000
MOST_SEEDS = 10_000
AS_IN_THE_SEARCH = "as in the search"


class DistillOptions(LiveOption, EventsOption, ResourceOptions, SurvivalOptions, StudyOptions):
    """Which finalists, and how they are trained."""

    top: int | None = option(
        None, group="students", ge=1, le=MOST_FINALISTS, help="Finalists: the best so many.", shown=str(BEST)
    )
    trials: tuple[int, ...] = option(
        (), group="students", flag="--trial", help="A finalist by its number; may be repeated."
    )
    seeds: int = option(3, group="training", ge=1, le=MOST_SEEDS, help="Trainings of each finalist.")
    images: Quantity | None = option(
        None,
        group="training",
        le=MOST_IMAGES,
        help="Real images of a training.",
        shown="5 times a candidate's where weights are not shared",
    )
    workers: int | None = variant(ResourceOptions, "workers", shown=AS_IN_THE_SEARCH)
    gpus_per_trial: Gpus | None = variant(ResourceOptions, "gpus_per_trial", shown=AS_IN_THE_SEARCH)
    ray_address: str | None = variant(ResourceOptions, "ray_address", shown=AS_IN_THE_SEARCH)
    exchange: str | None = variant(ResourceOptions, "exchange", shown=AS_IN_THE_SEARCH)
    checkpoint_every: Interval | None = variant(SurvivalOptions, "checkpoint_every", shown=AS_IN_THE_SEARCH)
    worker_timeout: Interval | None = variant(SurvivalOptions, "worker_timeout", shown=AS_IN_THE_SEARCH)
    extractor_weights: Location | None = variant(
        FidOptions, "extractor_weights", help="Weights file of the extractor, if it moved.", shown=""
    )


MACHINE = {"workers", "gpus_per_trial", "ray_address", "exchange", "extractor_weights"}
MACHINE |= {"checkpoint_every", "worker_timeout"}


@click.command(cls=Command, examples=EXAMPLES, unnamed="--study")
@options(DistillOptions)
def main(asked: DistillOptions) -> None:
    """Distill the best students of a search for longer and from several seeds, and choose among them.

    A brief training ranks architectures; this one measures the finalists. Finalists are a study of their
    own, named like the search with -final and --images, if given. Run the same command again to resume.
    """
    from functools import partial

    from nas.config import SearchConfig
    from nas.driver import prepare, run_search
    from nas.errors import ConfigError, SearchError
    from nas.progress import progress_bars, say
    from nas.reporting import render_finalists, render_next
    from nas.study import StudyAttributes, open_existing
    from nas.trials import Finalists, choose_finalists, final_config, searched

    if asked.top is not None and asked.trials:
        raise ConfigError("--top and --trial exclude each other: give one of them")
    err = console(quiet=asked.quiet, as_events=asked.as_json)
    store, _ = open_asked(asked)
    with store:
        name = searched(store, named=bool(asked.study))
    if name != store.name:
        say(err, f"Study {store.name}, the newest, holds finalists: taking those of {name}", dated=False)
    store, _ = open_existing(asked.workdir, name, asked.storage)
    with store:
        finalists = choose_finalists(store, asked.top or BEST, asked.trials)
        saved = StudyAttributes.from_study(store.study).config | {
            "storage": asked.storage,
            "workdir": str(asked.workdir),
        }
    search = SearchConfig.saved(saved)
    config = final_config(
        search, len(finalists), seeds=asked.seeds, images=asked.images, **asked.model_dump(include=MACHINE)
    )
    make = partial(Finalists, finalists=finalists)
    with shown_live(config, asked.dashboard, err) as on_open:
        with progress_bars(err) as on_progress:
            bench = prepare(config, on_progress=on_progress, proposes=False)
        say(
            err,
            f"Finalists: {len(finalists)}; seeds of each: {asked.seeds}; "
            f"images of a training: {config.rungs[-1]:,}",
            dated=False,
        )
        report = run_search(bench, err, trials=make, finalists_of=name, on_open=on_open)
    out = results()
    end(err, "result", report) if asked.as_json else out.print(render_finalists(report))
    if report.best is not None and not asked.as_json and not asked.quiet:
        width = out.width if out.is_terminal else None
        out.print(render_next(report, folder_of_commands(), width), soft_wrap=True)
    if report.best is None:
        raise SearchError(
            f"no finalist of study {report.study} is complete: see the reasons with nas-dashboard"
        )


if __name__ == "__main__":
    main()
