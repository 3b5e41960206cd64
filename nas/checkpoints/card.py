"""The model card of a student: what it is, what it costs, how it was measured, how to load it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from distill.data import DIGITS
from distill.evaluation import distance_name
from nas.budget import COUNTER, Cost, format_quantity, machine, make_stopwatch, measure
from nas.checkpoints.formats import SAMPLES
from search_spaces import Checkpoint, Generator

LIMITS = (
    "A student shows what its teacher and its images show, biases included, and is less varied than its "
    "teacher. The licences of the teacher and of the images apply to it; neither is known to the tool that "
    "wrote this card."
)


def card(checkpoint: Checkpoint, *, has_samples: bool) -> str:
    """Markdown with YAML metadata, as the hub reads it; `has_samples` says whether SAMPLES lies beside it."""
    noted, generator = checkpoint.metadata, checkpoint.generator
    name, side = noted.get("name", checkpoint.family), generator.image_shape[-1]
    parts = [_front_matter(checkpoint), f"# {_plain(name)}", _what_it_is(checkpoint)]
    if has_samples:
        parts.append(f"![Samples of random latents]({SAMPLES})")
    parts += [
        "## Cost\n\n" + _table(("", ""), _costs(generator, noted)),
        *(["## Quality\n\n" + _table(("", ""), rows)] if (rows := _quality(noted, side)) else []),
        f"## Load it\n\n```python\n{_example(generator)}\n```",
        "`pip install '.[hub]'` in a clone of the project brings the package `nas`.",
        f"## Limits and licence\n\n{LIMITS}",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(checkpoint: Checkpoint) -> str:
    translates = any(spec.kind == "image" for spec in checkpoint.generator.input_specs)
    values = {
        "library_name": "nas-students",
        "pipeline_tag": "image-to-image" if translates else "unconditional-image-generation",
        "license": "other",
        "license_name": "as-its-teacher",
        "license_link": "README.md",
        "tags": ["gan", "knowledge-distillation", "neural-architecture-search", checkpoint.family],
    }
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())
    return "\n".join(("---", *lines, "---"))  # JSON is YAML


def _what_it_is(checkpoint: Checkpoint) -> str:
    noted, generator = checkpoint.metadata, checkpoint.generator
    channels, height, width = generator.image_shape
    teacher = noted.get("teacher")
    origin = (
        f"A student of {_plain(teacher)}, found by nas-students, a neural architecture search for student "
        "generators"
        if teacher
        else "A generator in the format of nas-students"
    )
    return (
        f"{origin}. Family {checkpoint.family}, images of {height} × {width} px, "
        f"{'grey' if channels == 1 else 'RGB'}.\n\n"
        f"Architecture: `{generator.architecture}`"
    )


def _costs(generator: Generator, noted: Mapping[str, str]) -> list[tuple[str, str]]:
    cost: Cost = measure(generator)
    rows = [
        ("multiply-accumulates", f"{format_quantity(cost.macs)} ({COUNTER})"),
        ("parameters", format_quantity(cost.params)),
    ]
    times = _noted_times(noted)
    if not times:
        stopwatch = make_stopwatch("cpu")
        took = f"{1e3 * stopwatch.seconds(generator):.2f} ms"
        times = [f"{took} ({stopwatch.name}, batch 1, {machine()})"]
    return rows + [("time for one image", each) for each in times]


def _noted_times(noted: Mapping[str, str]) -> list[str]:
    """The times that the study has measured, beside the teacher's; none where the file notes none."""
    try:
        return [_time(each) for each in json.loads(noted.get("latency", "[]"))]
    except (KeyError, TypeError, ValueError):  # a file may note anything
        return []


def _time(row: Mapping[str, Any]) -> str:
    student, teacher = float(row["seconds"]), row["teacher_seconds"]
    place = f"{row['on']}, batch {row['batch']}, {row['machine']}"
    if teacher is None:
        return f"{1e3 * student:.2f} ms ({place})"
    times = float(teacher) / student
    return (
        f"{1e3 * student:.2f} ms, the teacher {1e3 * float(teacher):.2f} ms: {times:.2f} times that ({place})"
    )


def _quality(noted: Mapping[str, str], side: int) -> list[tuple[str, str]]:
    if "fid" not in noted:
        return []
    extractor = noted.get("fid_extractor", "")
    rows = [
        (distance_name(extractor), _number(noted["fid"], ".2f")),
        ("compared with", noted.get("compared_with", "real images")),
        ("generated images", noted.get("fid_samples", "")),
        ("their seed", noted.get("fid_seed", "")),
        ("features", f"{extractor} (weights {noted.get('fid_extractor_digest', 'unknown')})"),
        ("images", f"{noted.get('data', '')} (digest {noted.get('data_digest', 'unknown')})"),
        ("their preparation", _preparation(noted, side)),
        ("images of its training", _number(noted["images"], ",.0f") if "images" in noted else ""),
    ]
    for metric in ("fid", "kid", "precision", "recall"):
        if f"held_out_{metric}" in noted:
            rows.append((f"{metric} on held-out images", _number(noted[f"held_out_{metric}"], ".4g")))
    return [(label, value) for label, value in rows if value]


def _preparation(noted: Mapping[str, str], side: int) -> str:
    """What was done to real images before they were compared; nothing for the built-in digits and samples."""
    if noted.get("data", DIGITS) == DIGITS or "teacher_samples" in noted:
        return ""
    return f"centred squares; those not of {side} px resized once by an antialiased Lanczos filter"


def _example(generator: Generator) -> str:
    lines = ["import nas", "", 'student = nas.HubStudent.from_pretrained("this/folder").generator']
    if all(spec.distribution != "data" for spec in generator.input_specs):
        return "\n".join((*lines, "images = student.sample(16, seed=0)  # (16, C, H, W), uint8"))
    shapes = ", ".join(
        f"{spec.kind} (N, {', '.join(map(str, spec.shape))})" for spec in generator.input_specs
    )
    return "\n".join(
        (*lines, f"# it takes {shapes}, float32, images in [-1, 1]", "images = student(*inputs)")
    )


def _table(head: Sequence[str], rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join(lines + [f"| {_plain(label)} | {_plain(value)} |" for label, value in rows])


def _number(text: str, form: str) -> str:
    """`text`, which a file notes, as a number of this form; as it is where it is none."""
    try:
        return format(float(text), form)
    except ValueError:
        return text


def _plain(text: str) -> str:
    """`text`, which a user chose, without what Markdown and HTML would make something of."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|" else c for c in " ".join(text.split()))
