"""Measures one checkpoint file the way a search measures its candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.data import TEACHER, image_remarks
from distill.errors import NonFiniteImagesError
from distill.evaluation import (
    ExtractorChoice,
    Fidelity,
    Score,
    check_domain,
    check_names,
    check_task_has,
    choose_extractor,
    distance_name,
    domain_warnings,
    extractor_line,
    few_samples,
    images_at_a_time,
    metrics_of,
    needs_extractor,
)
from distill.progress import OnProgress
from distill.tasks import Direction, EvalSet, Task
from nas.budget import COUNTER, make_stopwatch, measure
from nas.checkpoints.latency import teacher_of, timed_beside
from nas.checkpoints.subject import Subject, load_samples, load_task, source_of
from nas.config import STATISTICS
from nas.device import choose_device
from nas.errors import ConfigError
from nas.study import REAL_IMAGES
from search_spaces import Checkpoint, get_family


def evaluate(
    checkpoint: str | Path,
    *,
    metrics: str | Sequence[str] | None = None,
    data: str | None = None,
    task: str | None = None,
    direction: Direction | None = None,
    attributes: Sequence[str] | None = None,
    resolution: int | None = None,
    latency: str | Sequence[str] = (),
    teacher: str | Path | None = None,
    fid_samples: int | None = None,
    extractor: str | None = None,
    extractor_weights: str | Path | None = None,
    seed: int | None = None,
    device: str | None = None,
    batch_size: int | None = None,
    cache: str | Path | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Metrics and costs of a generator. Defaults come from its file, which repeats the result of its study.

    Args:
        checkpoint: of a student or a teacher.
        metrics: names in `distill.evaluation.metrics.METRICS`, or one of them; without them FID and what
            goes with the task, such as the distance of translations to their targets.
        data: the real images, or "teacher" for held-out samples of the teacher.
        task: what the generator was trained for, where its family has several tasks.
        direction: from which domain to which it translates.
        attributes: of the images, by name, in the generator's order.
        resolution: side of the images, px, of a translator whose file does not say it.
        latency: on what one image is timed, too: "cpu", "onnxruntime", "cuda".
        teacher: the file of that teacher, where the checkpoint notes another or none; implies data="teacher".
            With `latency` it is timed beside the student, and may stand beside `data`.
        fid_samples: generated images that every metric is taken over.
        extractor: of the features, a name or a TorchScript file.
        extractor_weights: its weights, instead of those that the file notes, else the default ones.
        seed: of latents, noise and subsets.
        device: "cpu" or "cuda"; CUDA where there is one.
        batch_size: images at a time; as in a search unless given, because another one draws other noise.
        cache: folder that keeps the real images, decoded, and what is computed of them.
        on_progress: receives the number of images decoded and measured.

    Returns:
        What `nas-evaluate --json` prints: `checkpoint`, `data`, what it is `compared_with`, the name of the
        `distance`, `notes` on images and extractor, `device`, `batch_size`, `macs`, `params` with
        their `counter`, `latency` (seconds: median, quartiles, number of runs; threads, batch,
        machine; the same of the `teacher`, and its time as a multiple of the student's, `ratio`),
        `architecture`, and `metrics`: values and conditions of each by its name. `held_out` has the same of
        images that the study held out, where it did. With FID among the metrics also `fid`, `fid_samples`,
        `fid_extractor`, `fid_extractor_digest` and `fid_seed`.

    Raises:
        UserError: the checkpoint, data, extractor or device can't be used, or a metric is impossible.
    """
    asked = [metrics] if isinstance(metrics, str) else metrics
    check_names(asked or ())
    where, cache = choose_device(device), None if cache is None else Path(cache)
    subject = Subject.read(Path(checkpoint), resolution)
    kind = subject.task(task)
    metrics = list(asked or ("fid", *metrics_of(kind)))
    check_task_has(kind, metrics)
    stopwatches = [
        make_stopwatch(name, "--latency") for name in ([latency] if isinstance(latency, str) else latency)
    ]
    cost = measure(subject.generator)
    weights = _weights(subject, extractor, extractor_weights)
    # with --latency a teacher may stand beside images: it is timed only
    sampled = None if latency and data not in (None, TEACHER) else teacher
    source = source_of(subject, data, sampled)
    judge = _judge(subject, extractor, weights, source, metrics)
    if source == TEACHER:
        measured, compared_with, notes = load_samples(subject, sampled, cache, where, on_progress)
    else:
        options = subject.options(direction, attributes)
        measured = load_task(subject, kind, options, source, data, cache, on_progress)
        compared_with, classes = REAL_IMAGES, bool(subject.generator.classes)
        notes = [f"Data: {measured.described}", *image_remarks(measured.images, conditional=classes)]
    notes += _notes(judge, measured) if needs_extractor(metrics) else []
    batch_size = batch_size or images_at_a_time(subject.generator.image_shape[-1])
    fidelity = Fidelity(
        measured.eval_sets(),
        judge.name,
        weights=weights,
        cache=cache and cache / STATISTICS,
        device=where,
        batch_size=batch_size,
        metrics=(),  # check the extractor first
        on_progress=on_progress,
    )
    if "fid" in metrics and extractor is None:
        _check_weights(subject, fidelity)
    samples = fid_samples or subject.samples(measured)
    drawn = subject.seed if seed is None else seed
    # of samples, only the held-out part is made
    sets = () if source == TEACHER else measured.held_out_sets()
    held_out_samples = fid_samples or subject.held_out_samples(measured)
    scores, apart = _scores(subject, fidelity, sets, metrics, samples, held_out_samples, drawn)
    beside, missing = teacher_of(subject, teacher) if stopwatches else (None, "")
    notes += [missing] if missing else []
    return {
        "checkpoint": str(subject.path),
        "data": measured.images.name,
        "compared_with": compared_with,
        "distance": distance_name(judge.name),
        "notes": notes + _cautions(scores),
        **(_fid_fields(scores["fid"]) if "fid" in scores else {}),
        "metrics": {name: _fields(score) for name, score in scores.items()},
        "held_out": {name: _fields(score) for name, score in apart.items()},
        "device": where,
        "batch_size": batch_size,
        "macs": cost.macs,
        "params": cost.params,
        "counter": COUNTER,
        "latency": timed_beside(subject.generator, beside, stopwatches),
        "architecture": subject.generator.architecture.to_json(),
    }


def noted_judge(checkpoint: Checkpoint) -> tuple[Fidelity, Task, str, str, int, int]:
    """What measures `checkpoint`, on the CPU, as its file notes that its study did.

    Returns:
        The judge, the task, the name of the distance, what it is to, the number of images, and their seed.

    Raises:
        UserError: the file notes no images, or they or the extractor can't be used.
    """
    noted = checkpoint.metadata
    path = Path(noted.get("name", "the checkpoint"))
    subject = Subject(path, get_family(checkpoint.family), checkpoint.generator, noted)
    kind, source, weights = subject.task(None), source_of(subject, None, None), _weights(subject, None, None)
    judge = _judge(subject, None, weights, source, ["fid"])
    if source == TEACHER:
        measured, compared_with, _ = load_samples(subject, None, None, "cpu", None)
    else:
        measured = load_task(subject, kind, subject.options(None, None), source, None, None, None)
        compared_with = REAL_IMAGES
    size = images_at_a_time(subject.generator.image_shape[-1])
    fidelity = Fidelity(measured.eval_sets(), judge.name, weights=weights, batch_size=size, metrics=())
    _check_weights(subject, fidelity)
    return (
        fidelity,
        measured,
        distance_name(judge.name),
        compared_with,
        subject.samples(measured),
        subject.seed,
    )


def _judge(
    subject: Subject, asked: str | None, weights: Path | None, source: str, metrics: Sequence[str]
) -> ExtractorChoice:
    """The extractor, checked before images are decoded; where no metric needs one, nothing is checked."""
    recorded = subject.noted.get("fid_extractor")
    if not needs_extractor(metrics):
        return ExtractorChoice(asked or recorded or "")
    return choose_extractor(source, weights, asked=asked, recorded=recorded, download=True)


def _notes(judge: ExtractorChoice, task: Task) -> list[str]:
    """What to know about the extractor, a line each."""
    references = [one.reference for one in task.eval_sets()]
    for images in references:
        check_domain(judge.name, images)
    warnings = domain_warnings(judge.name, references)
    return [extractor_line(judge.name, judge.reason), *(f"Warning: {each}" for each in warnings)]


def _cautions(scores: Mapping[str, Score]) -> list[str]:
    """What to know of a distance over few images on one of its sides."""
    score = scores.get("fid")
    return [] if score is None else few_samples(score.extractor or "", score.samples, score.real)


def _weights(subject: Subject, extractor: str | None, given: str | Path | None) -> Path | None:
    """The extractor's weights: those `given`, else those that the file notes for its own, if they exist."""
    if given is not None:
        return Path(given)
    path = subject.noted.get("fid_extractor_weights", "")
    return Path(path) if extractor is None and path and Path(path).is_file() else None


def _check_weights(subject: Subject, fidelity: Fidelity) -> None:
    """Raise ConfigError if the extractor's weights differ from those that the file notes."""
    found, noted = fidelity.extractor, subject.noted
    wanted = noted.get("fid_extractor_digest") or found.digest  # older files note none
    if found.digest != wanted:
        path = noted.get("fid_extractor_weights")
        at = f" ({path})" if path else ""
        raise ConfigError(
            f"{subject.path} was measured with {found.name} weights {wanted}{at}, these are {found.digest}: "
            f"give the same file by --extractor-weights, or --extractor {found.name} to measure with these"
        )


def _scores(
    subject: Subject,
    fidelity: Fidelity,
    held_out: Sequence[EvalSet],
    metrics: Sequence[str],
    samples: int,
    held_out_samples: int,
    seed: int,
) -> tuple[dict[str, Score], dict[str, Score]]:
    """The metrics by name, and the same against `held_out` sets, where there are any."""
    generator = subject.generator.to(fidelity.device)
    try:
        scores = fidelity.measure(generator, metrics, samples, seed)
        if not held_out:
            return scores, {}
        return scores, fidelity.against(held_out).measure(generator, metrics, held_out_samples, seed)
    except NonFiniteImagesError as error:
        raise ConfigError(f"{subject.path} can't be measured, {error}: give another checkpoint") from error


def _fid_fields(score: Score) -> dict[str, Any]:
    """The Fréchet distance, under the keys of studies and exports."""
    return {
        "fid": score.values["fid"],
        "fid_samples": score.samples,
        "fid_extractor": score.extractor,
        "fid_extractor_digest": score.digest,
        "fid_seed": score.seed,
    }


def _fields(score: Score) -> dict[str, Any]:
    conditions = {
        "samples": score.samples,
        "real": score.real,
        "extractor": score.extractor,
        "extractor_digest": score.digest,
        "seed": score.seed,
    }
    sets = {name: dict(values) for name, values in score.sets.items()}
    return {"values": dict(score.values), **conditions, "settings": dict(score.settings), "sets": sets}
