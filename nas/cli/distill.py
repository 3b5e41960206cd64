"""nas-distill: train the best of a search to full length, from several seeds."""

from __future__ import annotations

from pathlib import Path

import click

from nas.cli.command import Command, Gpus, Quantity, Whole, console, results, study_options

EXAMPLES = """
nas-distill --top 3 --seeds 3
nas-distill --study digits-2Mmacs --top 3 --seeds 3 --images 100k
nas-distill --trial 7 --trial 12 --seeds 5

# afterwards: the best of them as a file
nas-export --best --study digits-2Mmacs-final -o student.safetensors
nas-export --best --study digits-2Mmacs-final-100000 -o student.safetensors
"""


@click.command(cls=Command, examples=EXAMPLES)
@study_options
@click.option("--top", type=Whole(min=1), default=3, show_default=True, help="Finalists.")
@click.option(
    "--trial", "trials", type=Whole(), multiple=True, help="A finalist by its number; may be repeated."
)
@click.option("--seeds", type=Whole(min=1), default=3, show_default=True, help="Trainings of each finalist.")
@click.option(
    "--images",
    type=Quantity(),
    help="Real images of a training  [default: 5 times a candidate's where weights are not shared]",
)
@click.option("--workers", type=Whole(), help="Trainings at a time  [default: as in the search]")
@click.option(
    "--gpus-per-trial", type=Gpus(), help="Share of a GPU for each, or auto  [default: as in the search]"
)
@click.option("--ray-address", help="Running Ray cluster  [default: as in the search]")
@click.option("--extractor-weights", type=click.Path(), help="Weights file of the extractor, if it moved.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def main(
    study: str,
    workdir: Path,
    storage: str,
    top: int,
    trials: tuple[int, ...],
    seeds: int,
    images: int | None,
    as_json: bool,
    **machine: object,
) -> None:
    """Distill the best students of a search for longer and from several seeds, and choose among them.

    A brief training ranks architectures; this one tells what they are worth. Finalists are a study of their
    own, named like the search with -final and --images, if given. Run the same command again to resume.
    """
    from functools import partial

    from nas.config import SearchConfig
    from nas.driver import prepare, run_search
    from nas.errors import SearchError
    from nas.progress import progress_bars
    from nas.reporting import render_finalists
    from nas.study import StudyAttributes, open_existing
    from nas.trials import Finalists, choose_finalists, final_config, searched

    store, _ = open_existing(workdir, study, storage)
    with store:
        name = searched(store)
    store, _ = open_existing(workdir, name, storage)
    with store:
        finalists = choose_finalists(store, top, trials)
        saved = StudyAttributes.from_study(store.study).config | {"storage": storage, "workdir": str(workdir)}
    search = SearchConfig.model_validate(saved)
    config = final_config(search, len(finalists), seeds=seeds, images=images, **machine)
    with progress_bars(console()) as on_progress:
        bench = prepare(config, on_progress=on_progress, proposes=False)
    console().print(
        f"Finalists: {len(finalists)}; seeds of each: {seeds}; images of a training: {config.rungs[-1]:,}",
        highlight=False,
    )
    report = run_search(bench, console(), trials=partial(Finalists, finalists=finalists), finalists_of=name)
    out = results()
    out.print_json(report.model_dump_json()) if as_json else out.print(render_finalists(report))
    if report.best is None:
        raise SearchError(
            f"no finalist of study {report.study} is complete: see the reasons with nas-dashboard"
        )


if __name__ == "__main__":
    main()
