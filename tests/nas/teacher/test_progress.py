"""What is said while a teacher trains."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from distill.training import Progress
from nas.teacher.progress import QUIET_SECONDS, TeacherProgress


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def log_file() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=120)


def said(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("images", "more"),
    [
        (0, []),
        (40, ["going on after 40 images"]),
        (100, ["trained for 100 images already: give more --images to go on"]),
    ],
)
def test_it_begins_with_what_is_trained_and_from_where(images: int, more: list[str]) -> None:
    console = log_file()
    TeacherProgress(console, 100, ["Generator: small"]).found(images)
    assert said(console) == ["Generator: small", *more]


def test_images_a_second_are_those_of_training_alone(clock: Clock) -> None:
    console = log_file()
    progress = TeacherProgress(console, 1_000)
    progress.found(0)
    clock.now += 500  # the real images' statistics
    progress.started(0)
    clock.now += 10
    progress.stepped(Progress(100, 0.0, {}))
    assert said(console) == ["100/1k  10.0 images/s  0:01:30 left"]


def test_a_log_file_hears_now_and_then_of_what_training_waits_for(clock: Clock) -> None:
    console = log_file()
    progress = TeacherProgress(console, 1_000)
    for done in range(1, 6):
        progress.waited("Looking at real images", 100 * done, 500)
        clock.now += QUIET_SECONDS / 2 + 1
    assert said(console) == [f"Looking at real images: {done} of 500" for done in (100, 300, 500)]
