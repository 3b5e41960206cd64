"""What `nas-evaluate` measures, and the images that it is compared with: as asked, else as the file notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from distill.data import DIGITS, TEACHER
from distill.progress import OnProgress
from distill.tasks import DEFAULT_OPTIONS, Direction, Task, TaskOptions, get_task
from distill.teachers import TEACHER_CACHE, TeacherSamples, load_teacher
from nas.config import DIGITS_DEFAULTS, REAL_DEFAULTS, TEACHER_SAMPLES
from nas.errors import ConfigError
from nas.study import BUILT_IN
from search_spaces import Family, Generator, get_family, load_checkpoint


@dataclass(frozen=True)
class Subject:
    """What is measured: the generator of a file, and what the file notes of its study's measurement."""

    path: Path
    family: Family
    generator: Generator
    noted: Mapping[str, str]

    @classmethod
    def read(cls, path: Path, resolution: int | None = None) -> Self:
        """The generator of `path`, for images of `resolution` px where that is given.

        Raises:
            CheckpointError: the file can't be read.
            ArchitectureError: the generator has no images of that side.
        """
        loaded = load_checkpoint(path)
        generator = loaded.generator if resolution is None else loaded.generator.at_resolution(resolution)
        return cls(path, get_family(loaded.family), generator, loaded.metadata)

    def samples(self, task: Task) -> int:
        """Generated images: as many as noted, else a search's default for the images."""
        return int(self.noted.get("fid_samples", self._default_samples(task)))

    def held_out_samples(self, task: Task) -> int:
        """The same for held-out images; of images as inputs all: the noted number is of another split."""
        samples = self.samples(task)
        drawn = any(one.drawn for one in task.eval_sets())
        return samples if drawn else max(samples, self._default_samples(task))

    def _default_samples(self, task: Task) -> int:
        defaults = DIGITS_DEFAULTS if task.images.name == DIGITS else REAL_DEFAULTS
        return int(defaults["fid_samples"])

    def task(self, asked: str | None) -> type[Task]:
        """The task asked for, else the noted one, else the family's first."""
        return get_task(self.family, asked or self.noted.get("task", ""))

    def options(self, direction: Direction | None, attributes: Sequence[str] | None) -> TaskOptions:
        """What is said of image translation, by default as the file notes."""
        known = tuple(name for name in self.noted.get("attributes", "").split(",") if name)
        way: Direction = "B2A" if self.noted.get("direction") == "B2A" else DEFAULT_OPTIONS.direction
        return TaskOptions(direction or way, tuple(attributes or known))

    @property
    def seed(self) -> int:
        return int(self.noted.get("fid_seed", 0))


def source_of(subject: Subject, data: str | None, teacher: str | Path | None) -> str:
    """What to compare with: the samples of a teacher that is given, else `data`, else what the file notes."""
    if teacher is not None:
        if data not in (None, TEACHER):
            raise ConfigError(
                f"--teacher {teacher}: leave it out with --data {data}, or give --data {TEACHER}"
            )
        return TEACHER
    source = data or subject.noted.get("data")
    if source is None:
        raise ConfigError(f"{subject.path} does not note what images it belongs to: give them by --data")
    return source


def load_task(
    subject: Subject,
    kind: type[Task],
    options: TaskOptions,
    source: str,
    data: str | None,
    cache: Path | None,
    on_progress: OnProgress | None,
) -> Task:
    """The task on the images `source`, of which as many are held out as the file notes.

    Images that the user gives may be others than the noted ones; none of those are held out.
    """
    loaded = kind.load(
        source, subject.generator, options=options, any_labels=True, cache=cache, on_progress=on_progress
    )
    whole = loaded.for_generator(subject.generator)
    task = whole.hold_out(float(subject.noted.get("held_out", 0)))
    if task.digest == subject.noted.get("data_digest", task.digest):
        return task
    if data is None:
        raise ConfigError(f"{source} has changed since {subject.path} was measured on it: give --data")
    return whole


def load_samples(
    subject: Subject,
    teacher: str | Path | None,
    cache: Path | None,
    device: str,
    on_progress: OnProgress | None,
) -> tuple[Task, str, list[str]]:
    """The task against samples of `teacher`, by default the one noted; what it is in words; and warnings."""
    noted, generator = subject.noted, subject.generator
    path = Path(teacher or noted.get("teacher_path", ""))
    built_in = str(path) == BUILT_IN
    if not built_in and not path.is_file():
        if teacher is not None:
            raise ConfigError(f"--teacher {teacher} is not a file: give the teacher's, or images by --data")
        gone = f"{path} is not a file" if path.name else f"{subject.path} does not note a teacher"
        raise ConfigError(f"--data {TEACHER}: {gone}: give the teacher by --teacher, or images by --data")
    loaded = load_teacher(None if built_in else path)
    if loaded.generator.image_shape != generator.image_shape:
        ours, theirs = ("×".join(map(str, g.image_shape)) for g in (generator, loaded.generator))
        raise ConfigError(
            f"{subject.path} makes images of {ours}, the teacher {path} of {theirs}: give its own by "
            "--teacher"
        )
    samples = TeacherSamples(loaded, int(noted.get("teacher_samples", TEACHER_SAMPLES)))
    samples.check()
    if teacher is None and noted.get("data_digest", samples.digest) != samples.digest:
        raise ConfigError(
            f"{path} has changed since {subject.path} was measured against its samples: give --teacher"
        )
    described, warnings = samples.described, []
    if noted.get("teacher_digest", loaded.digest) != loaded.digest:
        described = f"{described} {loaded.name}"
        warnings = [
            f"Warning: {path} ({loaded.digest}) is not the teacher that {subject.path} was distilled from, "
            f"{noted.get('teacher', '')} ({noted['teacher_digest']}): distances to its samples are not "
            "comparable with the study's"
        ]
    how: Mapping[str, Any] = {"device": device, "on_progress": on_progress}
    if cache is not None:
        return samples.held_out_task(generator, cache / TEACHER_CACHE, **how), described, warnings
    with TemporaryDirectory() as scratch:  # what is mapped stays readable after its file is gone
        return samples.held_out_task(generator, Path(scratch), **how), described, warnings
