"""Measures one checkpoint file the way a search measures its candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distill.data import DIGITS, TEACHER
from distill.errors import NonFiniteImagesError
from distill.evaluation import (
    ExtractorChoice,
    Fidelity,
    Score,
    check_domain,
    check_extractor,
    check_names,
    default_extractor,
    distance_name,
    domain_warnings,
    extractor_line,
    images_at_a_time,
    needs_extractor,
)
from distill.progress import OnProgress
from distill.tasks import DEFAULT_OPTIONS, Direction, Task, TaskOptions, get_task
from distill.teachers import TEACHER_CACHE, TeacherSamples, load_teacher
from nas.budget import COUNTER, measure
from nas.config import DIGITS_DEFAULTS, REAL_DEFAULTS, TEACHER_SAMPLES
from nas.device import choose_device
from nas.errors import ConfigError
from nas.study import BUILT_IN, REAL_IMAGES
from search_spaces import Generator, get_family, load_checkpoint


def evaluate(
    checkpoint: str | Path,
    *,
    metrics: str | Sequence[str] = ("fid",),
    data: str | None = None,
    task: str | None = None,
    direction: Direction | None = None,
    attributes: Sequence[str] | None = None,
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
        metrics: names in `distill.evaluation.metrics.METRICS`, or one of them.
        data: the real images, or "teacher" for held-out samples of the teacher.
        task: what the generator was trained for, where its family has several tasks.
        direction: from which domain to which it translates.
        attributes: of the images, by name, in the generator's order.
        teacher: the file of that teacher, where the checkpoint notes another or none; implies data="teacher".
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
        `distance`, `notes` on the extractor, `device`, `batch_size`, `macs`, `params` with their `counter`,
        `architecture`, and `metrics`: values and conditions of each by its name. `held_out` has the same of
        images that the study held out, where it did. With FID among the metrics also `fid`, `fid_samples`,
        `fid_extractor`, `fid_extractor_digest` and `fid_seed`.

    Raises:
        UserError: the checkpoint, data, extractor or device can't be used, or a metric is impossible.
    """
    metrics = [metrics] if isinstance(metrics, str) else metrics
    check_names(metrics)
    where, checkpoint = choose_device(device), Path(checkpoint)
    cache = None if cache is None else Path(cache)
    loaded = load_checkpoint(checkpoint)
    noted, generator = loaded.metadata, loaded.generator
    weights = _weights(noted, extractor, extractor_weights)
    cost = measure(generator)
    family = get_family(loaded.family)
    if teacher is not None and data not in (None, TEACHER):
        raise ConfigError(f"--teacher {teacher}: leave it out with --data {data}, or give --data {TEACHER}")
    source = TEACHER if teacher is not None else _source(checkpoint, noted, data)
    judge = _extractor(extractor or noted.get("fid_extractor"), weights, source, metrics)
    if source == TEACHER:
        measured, compared_with = _samples(checkpoint, generator, noted, teacher, cache, where, on_progress)
    else:
        kind = get_task(family, task or noted.get("task", ""))
        options = _task_options(noted, direction, attributes)
        measured = _task(checkpoint, kind, options, generator, source, noted, data, cache, on_progress)
        compared_with = REAL_IMAGES
    notes = _notes(judge, measured) if needs_extractor(metrics) else []
    batch_size = batch_size or images_at_a_time(generator.image_shape[-1])
    defaults = DIGITS_DEFAULTS if measured.images.name == DIGITS else REAL_DEFAULTS
    fidelity = Fidelity(
        measured.eval_sets(),
        judge.name,
        weights=weights,
        cache=cache,
        device=where,
        batch_size=batch_size,
        metrics=(),  # check the extractor first
        on_progress=on_progress,
    )
    if "fid" in metrics and extractor is None:
        _check_weights(checkpoint, noted, fidelity)
    samples = fid_samples or int(noted.get("fid_samples", defaults["fid_samples"]))
    drawn = int(noted.get("fid_seed", 0)) if seed is None else seed
    given = all(not one.drawn for one in measured.eval_sets())  # the noted samples are all inputs of a split
    most = max(samples, defaults["fid_samples"]) if given and fid_samples is None else samples
    sets = () if source == TEACHER else measured.held_out_sets()  # of samples, only the held-out part is made
    try:
        scores = fidelity.measure(generator.to(where), metrics, samples, drawn)
        apart = fidelity.against(sets).measure(generator, metrics, most, drawn) if sets else {}
    except NonFiniteImagesError as error:
        raise ConfigError(f"{checkpoint} can't be measured, {error}: give another checkpoint") from error
    return {
        "checkpoint": str(checkpoint),
        "data": measured.images.name,
        "compared_with": compared_with,
        "distance": distance_name(judge.name),
        "notes": notes,
        **(_fid_fields(scores["fid"]) if "fid" in scores else {}),
        "metrics": {name: _fields(score) for name, score in scores.items()},
        "held_out": {name: _fields(score) for name, score in apart.items()},
        "device": where,
        "batch_size": batch_size,
        "macs": cost.macs,
        "params": cost.params,
        "counter": COUNTER,
        "architecture": generator.architecture.to_json(),
    }


def _source(checkpoint: Path, noted: Mapping[str, str], data: str | None) -> str:
    """The real images: `data`, by default those that the file notes."""
    source = data or noted.get("data")
    if source is None:
        raise ConfigError(f"{checkpoint} does not note what images it belongs to: give them by --data")
    return source


def _extractor(
    name: str | None, weights: Path | None, source: str, metrics: Sequence[str]
) -> ExtractorChoice:
    """The extractor `name`, else the default for the images, checked before those are decoded."""
    if not needs_extractor(metrics):
        return ExtractorChoice(name or "")
    if name is None:
        return default_extractor(source, weights, download=True)
    check_extractor(name, weights, download=True)
    return ExtractorChoice(name)


def _task(
    checkpoint: Path,
    kind: type[Task],
    options: TaskOptions,
    generator: Generator,
    source: str,
    noted: Mapping[str, str],
    data: str | None,
    cache: Path | None,
    on_progress: OnProgress | None,
) -> Task:
    """The task on the images `source`, of which as many are held out as the file notes.

    Images that the user gives may be others than the noted ones; none of those are held out.
    """
    loaded = kind.load(
        source, generator, options=options, any_labels=True, cache=cache, on_progress=on_progress
    )
    whole = loaded.for_generator(generator)
    task = whole.hold_out(float(noted.get("held_out", 0)))
    if task.digest == noted.get("data_digest", task.digest):
        return task
    if data is None:
        raise ConfigError(f"{source} has changed since {checkpoint} was measured on it: give --data")
    return whole


def _task_options(
    noted: Mapping[str, str], direction: Direction | None, attributes: Sequence[str] | None
) -> TaskOptions:
    """What is said of image translation, by default as the file notes."""
    known = tuple(name for name in noted.get("attributes", "").split(",") if name)
    way: Direction = "B2A" if noted.get("direction") == "B2A" else DEFAULT_OPTIONS.direction
    return TaskOptions(direction or way, tuple(attributes or known))


def _samples(
    checkpoint: Path,
    generator: Generator,
    noted: Mapping[str, str],
    teacher: str | Path | None,
    cache: Path | None,
    device: str,
    on_progress: OnProgress | None,
) -> tuple[Task, str]:
    """The task against samples of `teacher`, by default the one noted; and what it is in words."""
    path = Path(teacher or noted.get("teacher_path", ""))
    built_in = str(path) == BUILT_IN
    if not built_in and not path.is_file():
        gone = f"{path} is not a file" if path.name else f"{checkpoint} does not note a teacher"
        raise ConfigError(f"--data {TEACHER}: {gone}: give the teacher by --teacher, or images by --data")
    loaded = load_teacher(None if built_in else path)
    if loaded.generator.image_shape != generator.image_shape:
        ours, theirs = ("×".join(map(str, g.image_shape)) for g in (generator, loaded.generator))
        raise ConfigError(
            f"{checkpoint} makes images of {ours}, the teacher {path} of {theirs}: give its own by --teacher"
        )
    samples = TeacherSamples(loaded, int(noted.get("teacher_samples", TEACHER_SAMPLES)))
    samples.check()
    if teacher is None and noted.get("data_digest", samples.digest) != samples.digest:
        raise ConfigError(
            f"{path} has changed since {checkpoint} was measured against its samples: give --teacher"
        )
    how: Mapping[str, Any] = {"device": device, "on_progress": on_progress}
    if cache is not None:
        return samples.held_out_task(generator, cache / TEACHER_CACHE, **how), samples.described
    with TemporaryDirectory() as scratch:  # what is mapped stays readable after its file is gone
        return samples.held_out_task(generator, Path(scratch), **how), samples.described


def _notes(judge: ExtractorChoice, task: Task) -> list[str]:
    """What to know about the extractor, a line each."""
    references = [one.reference for one in task.eval_sets()]
    for images in references:
        check_domain(judge.name, images)
    warnings = domain_warnings(judge.name, references)
    return [extractor_line(judge.name, judge.reason), *(f"Warning: {each}" for each in warnings)]


def _weights(noted: Mapping[str, str], extractor: str | None, given: str | Path | None) -> Path | None:
    """The extractor's weights: those `given`, else those that the file notes for its own, if they exist."""
    if given is not None:
        return Path(given)
    path = noted.get("fid_extractor_weights", "")
    return Path(path) if extractor is None and path and Path(path).is_file() else None


def _check_weights(checkpoint: Path, noted: Mapping[str, str], fidelity: Fidelity) -> None:
    """Raise ConfigError if the extractor's weights differ from those that the file notes."""
    found = fidelity.extractor
    wanted = noted.get("fid_extractor_digest") or found.digest  # older files note none
    if found.digest != wanted:
        path = noted.get("fid_extractor_weights")
        at = f" ({path})" if path else ""
        raise ConfigError(
            f"{checkpoint} was measured with {found.name} weights {wanted}{at}, these are {found.digest}: "
            f"give the same file by --extractor-weights, or --extractor {found.name} to measure with these"
        )


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
    return {"values": dict(score.values), **conditions, "settings": dict(score.settings)}
