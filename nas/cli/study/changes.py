"""nas-study gc, delete and copy: what is kept of studies, and where."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from nas.cli.command import Command, console, echo, results
from nas.cli.options import options
from nas.cli.studies import open_asked
from nas.cli.study.place import ChosenStudy, NamedStudy
from nas.options import DryRunOption, JsonOption, KeepOption, Location, QuietOption, option, variant

if TYPE_CHECKING:
    from nas.upkeep import Collected

GC_EXAMPLES = """
nas-study gc --keep front --dry-run
nas-study gc digits-2Mmacs --keep front
nas-study gc digits-2Mmacs --keep all
"""

DELETE_EXAMPLES = """
nas-study delete digits-2Mmacs
nas-study delete digits-2Mmacs --yes
"""

COPY_EXAMPLES = """
nas-study copy digits-2Mmacs --to-workdir /archive/runs

# from SQLite to a server, and back
nas-study copy digits-2Mmacs --to postgresql+psycopg://nas@localhost/nas --to-workdir /shared/runs
nas-study copy digits-2Mmacs --storage postgresql+psycopg://nas@localhost/nas --to-workdir back
"""

LISTED = 20  # paths that --dry-run names


class GcOptions(JsonOption, DryRunOption, KeepOption, NamedStudy):
    """What is removed."""

    dry_run: bool = variant(
        DryRunOption, "dry_run", default=False, help="Show what would be deleted; delete nothing."
    )


class DeleteOptions(ChosenStudy):
    """What is deleted."""

    yes: bool = option(False, group="output", off="", help="Do not ask.")


class CopyOptions(JsonOption, QuietOption, ChosenStudy):
    """Where the copy goes."""

    to: str = option(
        "", group="output", help="SQLAlchemy URL of the copy.", shown="SQLite in the copy's folder"
    )
    to_workdir: Location = option(
        group="output", help="Folder that gets the copy's folder: two databases never share one."
    )


@click.command(
    "gc",
    cls=Command,
    examples=GC_EXAMPLES,
    short_help="Delete checkpoints and leftovers that are not needed.",
)
@options(GcOptions)
def gc_command(asked: GcOptions) -> None:
    """Delete checkpoints of stopped and dominated trials, and what killed runs left.

    Leftovers are unfinished files, workers' reports, scratch folders, and trials' folders and artifacts that
    the study does not know. Records, samples and logs stay. The study's lease is held meanwhile; while a
    search runs, nothing is deleted.
    """
    from nas.upkeep import collect_garbage

    store, folder = open_asked(asked)
    with store:
        found = collect_garbage(store, folder, asked.keep, dry_run=asked.dry_run)
    if asked.as_json:
        results().print_json(found.model_dump_json())
    else:
        _show(found)


def _show(found: Collected) -> None:
    from nas.reporting import format_bytes
    from nas.upkeep import disk_in_words, note_of_lost
    from search_spaces import count_of

    for each in found.lost:
        echo(note_of_lost(each), err=True)
    paths = (*found.checkpoints, *found.leftovers)
    what = (
        f"{count_of(len(found.checkpoints), 'checkpoint')} and {count_of(len(found.leftovers), 'leftover')}"
    )
    if found.dry_run:
        for path in paths[:LISTED]:
            echo(path)
        if len(paths) > LISTED:
            echo(f"… and {len(paths) - LISTED} more")
        echo(f"{found.study}: would delete {what}, {format_bytes(found.freed)}")
        echo(f"now: {disk_in_words(found.before)}")
        return
    echo(f"{found.study}: deleted {what}, {format_bytes(found.freed)}")
    echo(f"before: {disk_in_words(found.before)}")
    echo(f"after:  {disk_in_words(found.after)}")


@click.command(
    "delete",
    cls=Command,
    examples=DELETE_EXAMPLES,
    interrupted="run the same command again to finish",
    short_help="Delete a study with its files.",
)
@options(DeleteOptions)
def delete_command(asked: DeleteOptions) -> None:
    """Delete a study: its trials, rungs and lease, and its folder with checkpoints, samples and logs.

    It asks first on a terminal, and needs --yes elsewhere. A study that a search runs is not deleted.
    """
    from nas.errors import ConfigError
    from nas.reporting import format_bytes
    from nas.upkeep import delete_study, disk_use, finalists_of, own_files
    from search_spaces import count_of

    store, folder = open_asked(asked)
    with store:
        store.check_no_driver()
        place = own_files(store, folder)
        size = format_bytes(disk_use(folder).total)
        trials = count_of(len(store.study.get_trials(deepcopy=False)), "trial")
        what = f"study {store.name} of {trials} in {store.url}" + (
            "" if place is None else f", and {folder}, {size}"
        )
        named = ", ".join(finalists_of(store, asked.workdir, asked.storage))
        refers = f" Its finalists in {named} stay, and refer to it." if named else ""
        if not asked.yes:
            if not sys.stdin.isatty():
                raise ConfigError(
                    f"--yes is missing: it would delete {what}.{refers} Give --yes to delete it"
                )
            click.confirm(f"Delete {what}?{refers}", abort=True, err=True)
        delete_study(store, folder)
    echo(f"deleted {what}{'.' if refers else ''}{refers}")


@click.command(
    "copy",
    cls=Command,
    examples=COPY_EXAMPLES,
    interrupted="nothing was left of the copy",
    short_help="Copy a study with its files into another folder or database.",
)
@options(CopyOptions)
def copy_command(asked: CopyOptions) -> None:
    """Copy a study and its files into another folder, and into a database of your choice.

    Names, numbers, states, times, attributes, rungs and files are kept, and compared afterwards: every
    checkpoint with the SHA-256 of its record. Only the settings that say where the study is are changed. The
    copy appears when it is whole; an interrupted one leaves nothing that counts as a study.
    """
    import optuna

    from nas.progress import progress_bars
    from nas.reporting import format_bytes
    from nas.upkeep import copy_study
    from search_spaces import count_of

    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what is made is said below
    store, folder = open_asked(asked)
    with store, progress_bars(console(quiet=asked.quiet)) as on_progress:
        made = copy_study(store, folder, asked.to_workdir, asked.to, on_progress)
    if asked.as_json:
        results().print_json(made.model_dump_json())
        return
    for note in made.notes:
        echo(f"note: {note}", err=True)
    echo(
        f"{made.study}: {count_of(made.trials, 'trial')}, {count_of(made.rungs, 'rung')} and "
        f"{count_of(made.files, 'file')} ({format_bytes(made.bytes)}) copied to {made.folder}, "
        f"{made.storage}; all compared, {count_of(made.checkpoints, 'checkpoint')} with the SHA-256 of the "
        "record"
    )
