"""Snapshots of a teacher's training: which generator and discriminator teach in which part."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distill.errors import TeacherError
from distill.teachers import Teacher, TeacherSnapshots, load_teacher, snapshot_file
from search_spaces import Checkpoint, get_family, save_checkpoint
from tests.search_spaces.teachers import TEACHERS

FIDS = (50.0, 30.0, 40.0, 30.0)
FAMILY = "resnet-translator"


def write(path: Path, seed: int, fid: float | None, images: int, family: str = FAMILY) -> Path:
    """A teacher's file: networks with random weights from `seed`."""
    torch.manual_seed(seed)
    made = get_family(family)
    generator = made.build(TEACHERS[family])
    judge = made.build_discriminator(made.default_discriminator(TEACHERS[family]))
    noted = {"images": str(images), "name": "cats"} | ({} if fid is None else {"fid": f"{fid:.4f}"})
    save_checkpoint(Checkpoint(family, generator, judge, noted), path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    training = tmp_path / "cats.training"
    training.mkdir()
    for i, fid in enumerate(FIDS, 1):
        write(snapshot_file(training, 1000 * i), i, fid, 1000 * i)
    return training


@pytest.fixture
def teacher(tmp_path: Path) -> Teacher:
    return load_teacher(write(tmp_path / "cats.safetensors", 4, 30.0, 4000))


def first_weight(network: torch.nn.Module | None) -> torch.Tensor:
    assert network is not None
    return next(iter(network.state_dict().values()))


def test_the_best_generator_so_far_and_the_latest_discriminator_teach(folder: Path, teacher: Teacher) -> None:
    found = TeacherSnapshots.find(folder, teacher)
    assert [found.best(part).images for part in range(len(found))] == [1000, 2000, 2000, 4000]
    for part in range(len(found)):
        made = found.load(part)
        best, latest = (
            load_teacher(snapshot_file(folder, images))
            for images in (found.best(part).images, 1000 * (part + 1))
        )
        assert torch.equal(first_weight(made.generator), first_weight(best.generator))
        assert torch.equal(first_weight(made.discriminator), first_weight(latest.discriminator))
        assert made.digest == best.digest
    assert found.described == (
        "4 snapshots of its training, after 1,000 to 4,000 images; each teaches for an equal part of a "
        "student's training"
    )


def test_without_fids_the_latest_generator_is_the_best(folder: Path, teacher: Teacher) -> None:
    for i in range(1, 5):
        write(snapshot_file(folder, 1000 * i), i, None, 1000 * i)
    found = TeacherSnapshots.find(folder, teacher)
    assert [found.best(part).images for part in range(4)] == [1000, 2000, 3000, 4000]


def test_other_files_make_another_digest(folder: Path, teacher: Teacher) -> None:
    before = TeacherSnapshots.find(folder, teacher).digest
    write(snapshot_file(folder, 4000), 9, 30.0, 4000)
    assert TeacherSnapshots.find(folder, teacher).digest != before


def test_a_folder_without_snapshots_is_refused(tmp_path: Path, teacher: Teacher) -> None:
    with pytest.raises(TeacherError, match="it has no snapshots: give the folder that nas-teacher train"):
        TeacherSnapshots.find(tmp_path, teacher)
    with pytest.raises(TeacherError, match="is not a folder"):
        TeacherSnapshots.find(tmp_path / "nowhere", teacher)


def test_snapshots_of_other_networks_are_refused(folder: Path, teacher: Teacher) -> None:
    write(snapshot_file(folder, 5000), 0, 1.0, 5000, "unet-translator")
    with pytest.raises(TeacherError, match=r"teacher-000005000.safetensors: it is of other networks"):
        TeacherSnapshots.find(folder, teacher)
