"""Export a trial to one checkpoint file; `nas.checkpoints.student` reads it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch

from nas.budget import COUNTER, format_quantity
from nas.errors import ExportError
from nas.reporting import SearchReport, TrialReport, choose_best
from search_spaces import Checkpoint, check_name, file_digest, get_family, os_reason, save_checkpoint

TRANSLATION = ("task", "direction", "attributes")  # what an evaluation needs of image translation


def choose(found: SearchReport, *, trial: int | None = None, max_macs: int | None = None) -> TrialReport:
    """The trial to export: number `trial`, or the best complete one of at most `max_macs` MACs.

    The best is that of reports and the dashboard: the first training of the architecture with the lowest
    posterior estimate. Its replicates are exported by their own numbers only.

    Raises:
        ExportError: no trial is complete, or none is that cheap.
        StudyError: there is no trial of that number.
    """
    if trial is not None:
        return found.trial(trial)
    complete = [t for t in found.trials if t.fids]
    if not complete:
        raise ExportError(
            f"study {found.study!r} has no complete trial yet: run nas-search again to continue"
        )
    best = choose_best(found.trials, max_macs).best
    if best is None:
        cheapest = min(t.macs or 0 for t in complete)
        given, needed = format_quantity(max_macs), format_quantity(cheapest)
        if given == needed:
            given, needed = str(max_macs), str(cheapest)
        raise ExportError(f"--max-macs {given}: the cheapest complete trial takes {needed} MACs; give more")
    return best


def better_seed(found: SearchReport, trial: TrialReport) -> TrialReport | None:
    """The training of the same architecture with the lowest distance, where that is not `trial`."""
    first = trial.number if trial.replicate_of is None else trial.replicate_of
    runs = [t for t in found.trials if first in (t.number, t.replicate_of) and t.state == "COMPLETE"]
    lowest = min(runs, key=lambda t: math.inf if t.fid is None else t.fid, default=trial)
    return None if lowest.fid == trial.fid else lowest


def export_student(
    found: SearchReport, trial: TrialReport, study_folder: Path, output: Path, *, force: bool = False
) -> dict[str, str]:
    """Write the EMA weights and the facts of `trial` to `output` (safetensors).

    Args:
        found: the study.
        trial: one of its trials.
        study_folder: where the study's checkpoints are.
        output: file to write.
        force: replace `output` if it exists.

    Returns:
        The file's metadata.

    Raises:
        ExportError: the trial has no checkpoint, it is missing or damaged, or `output` exists or can't be
            written.
        CheckpointError: `output` has another suffix than .safetensors.
    """
    _check_output(output, force)
    if not trial.rungs:
        raise ExportError(
            f"trial {trial.number} of study {found.study!r} has passed no rung: choose another one"
        )
    rung = trial.rungs[-1]
    path = study_folder / rung.checkpoint
    if not path.is_file():
        raise ExportError(
            f"checkpoint {path} of trial {trial.number} is gone: choose another trial, or "
            "--workdir; a search with --keep front keeps those of the front only"
        )
    if file_digest(path) != rung.sha256:
        raise ExportError(f"checkpoint {path} is not the one that the study measured: choose another trial")
    family = get_family(found.space)
    student = family.build(family.architecture.from_json(trial.architecture))
    student.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["trainer"]["ema"])
    metadata = {
        "name": f"{found.study}-trial-{trial.number}",
        "study": found.study,
        "trial": str(trial.number),
        "teacher": str(found.teacher["name"]),
        "teacher_digest": str(found.teacher["digest"]),
        "data": found.data["name"],
        "data_digest": found.data["digest"],
        "compared_with": found.compared_with,
        **_samples(found),
        **{name: found.data[name] for name in TRANSLATION if name in found.data},
        **_held_out(found, trial),
        "images": str(rung.images),
        "fid": repr(rung.fid),
        "fid_samples": str(rung.fid_samples),
        "fid_extractor": rung.fid_extractor,
        "fid_extractor_digest": rung.fid_extractor_digest,
        **({"fid_extractor_weights": found.extractor_weights} if found.extractor_weights else {}),
        "fid_seed": str(rung.fid_seed),
        "macs": str(trial.macs),
        "params": str(trial.params),
        "counter": COUNTER,
        "losses": json.dumps(rung.losses),
    }
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(Checkpoint(found.space, student, None, metadata), output)
    except OSError as error:
        raise ExportError(f"{output} can't be written ({os_reason(error)}): choose another -o") from error
    return metadata


def _check_output(output: Path, force: bool) -> None:
    """Raise CheckpointError or ExportError where `output` is not to be written."""
    check_name(output)
    try:
        exists = output.exists()
    except OSError as error:
        raise ExportError(f"{output} can't be written ({os_reason(error)}): choose another -o") from error
    if exists and not force:
        raise ExportError(f"{output} exists: choose another -o, or replace it by --force")


def _held_out(found: SearchReport, trial: TrialReport) -> dict[str, str]:
    """Which fraction of the real images is held out, and the scores of `trial` against it, if it has any."""
    fraction = {"held_out": found.data["held_out"]} if "held_out" in found.data else {}
    return fraction | {f"held_out_{name}": repr(value) for name, value in trial.held_out.items()}


def _samples(found: SearchReport) -> dict[str, str]:
    """Which samples took the place of real images: what `nas-evaluate` needs to make them again."""
    if "samples" not in found.data:
        return {}
    return {"teacher_samples": found.data["samples"], "teacher_path": str(found.teacher["path"])}
