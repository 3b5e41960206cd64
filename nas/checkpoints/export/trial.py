"""The student of a trial as a checkpoint: EMA weights, with the facts of its measurement as metadata."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from nas.budget import COUNTER
from nas.errors import ExportError
from nas.reporting import SearchReport, TrialReport
from search_spaces import Checkpoint, file_digest, get_family

TRANSLATION = ("task", "direction", "attributes")  # what an evaluation needs of image translation


def trial_checkpoint(found: SearchReport, trial: TrialReport, study_folder: Path) -> Checkpoint:
    """The student of `trial`, in evaluation mode on the CPU, without a discriminator.

    Args:
        found: the study.
        trial: one of its trials.
        study_folder: where the study's checkpoints are.

    Raises:
        ExportError: the trial has no checkpoint, or it is missing or damaged.
    """
    if not trial.rungs:
        raise ExportError(
            f"trial {trial.number} of study {found.study!r} has passed no rung: choose another one"
        )
    rung = trial.rungs[-1]
    path = study_folder / rung.checkpoint
    if not path.is_file():
        raise ExportError(
            f"checkpoint {path} of trial {trial.number} is gone: choose another trial, or "
            "--workdir; nas-study gc, and a search with --keep front or best, delete those of others"
        )
    if file_digest(path) != rung.sha256:
        raise ExportError(f"checkpoint {path} is not the one that the study measured: choose another trial")
    family = get_family(found.space)
    student = family.build(family.architecture.from_json(trial.architecture))
    student.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["trainer"]["ema"])
    return Checkpoint(found.space, student.eval(), None, _metadata(found, trial))


def _metadata(found: SearchReport, trial: TrialReport) -> dict[str, str]:
    """Where the student comes from, how it was measured, and what it costs."""
    rung = trial.rungs[-1]
    return {
        "name": f"{found.study}-trial-{trial.number}",
        "study": found.study,
        "trial": str(trial.number),
        "teacher": str(found.teacher["name"]),
        "teacher_file": str(found.teacher.get("path", "")),
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
        **_latency(found, trial),
        "losses": json.dumps(rung.losses),
    }


def _latency(found: SearchReport, trial: TrialReport) -> dict[str, str]:
    """The seconds of one image that `nas-report --latency` has measured, as JSON; nothing without them."""
    rows = [
        {
            **{"on": each.on, "machine": each.machine, "threads": each.threads, "batch": each.batch},
            "seconds": each.students[trial.number].median,
            "teacher_seconds": None if each.teacher is None else each.teacher.median,
        }
        for each in found.latencies
        if trial.number in each.students
    ]
    return {"latency": json.dumps(rows)} if rows else {}


def _held_out(found: SearchReport, trial: TrialReport) -> dict[str, str]:
    """Which fraction of the real images is held out, and the scores of `trial` against it, if it has any."""
    fraction = {"held_out": found.data["held_out"]} if "held_out" in found.data else {}
    return fraction | {f"held_out_{name}": repr(value) for name, value in trial.held_out.items()}


def _samples(found: SearchReport) -> dict[str, str]:
    """Which samples took the place of real images: what `nas-evaluate` needs to make them again."""
    if "samples" not in found.data:
        return {}
    return {"teacher_samples": found.data["samples"], "teacher_path": str(found.teacher["path"])}
