"""A teacher is loaded with all that it brings, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.errors import TeacherError
from distill.teachers.loading import BUILT_IN, load_teacher
from search_spaces import Checkpoint, file_digest, load_checkpoint, save_checkpoint


def test_the_built_in_teacher_draws_grey_digits_and_brings_its_discriminator() -> None:
    teacher = load_teacher()
    images = teacher.generator(*teacher.generator.example_inputs(8))
    assert teacher.name == "digits"
    assert teacher.family.name == "stylegan2"
    assert images.shape == (8, 1, 16, 16)
    assert images.std() > 0.2
    assert images.mean() < 0, "digits are light strokes on black"
    assert teacher.discriminator is not None
    assert teacher.discriminator(images).shape == (8,)
    assert {"fid", "fid_samples", "fid_extractor", "fid_seed", "images"} <= set(teacher.metadata)


def test_the_built_in_teacher_is_the_file_beside_the_code() -> None:
    assert BUILT_IN.is_file()
    assert load_teacher().digest == load_teacher(BUILT_IN).digest == file_digest(BUILT_IN)[:16]


def test_a_teacher_is_ready_to_be_asked_only(teacher_file: Path) -> None:
    teacher = load_teacher(teacher_file)
    for network in (teacher.generator, teacher.discriminator):
        assert network is not None
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())


def test_a_teacher_has_the_name_in_its_file_or_that_of_its_file(teacher_file: Path, tmp_path: Path) -> None:
    assert load_teacher(teacher_file).name == "tiny"
    nameless = load_checkpoint(teacher_file)
    save_checkpoint(Checkpoint(nameless.family, nameless.generator), tmp_path / "faces.safetensors")
    teacher = load_teacher(tmp_path / "faces.safetensors")
    assert teacher.name == "faces"
    assert teacher.discriminator is None


def test_a_file_that_is_missing_or_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no weights here")
    (tmp_path / "empty").touch()
    for name, says in (
        ("missing", "is not a file"),
        ("", "is a folder: give a checkpoint"),
        ("text", "is no checkpoint"),
        ("empty", "is empty"),
    ):
        with pytest.raises(TeacherError, match=says) as error:
            load_teacher(tmp_path / name)
        assert str(tmp_path / name) in str(error.value)
        assert "\n" not in str(error.value)


def test_a_checkpoint_of_something_unknown_is_refused(teacher_file: Path, tmp_path: Path) -> None:
    odd = teacher_file.read_bytes().replace(b'"stylegan2"', b'"stylegan9"')
    (tmp_path / "odd").write_bytes(odd.replace(b'"content_sha256"', b'"no_more_digest"'))
    with pytest.raises(TeacherError, match="of the unknown family 'stylegan9'"):
        load_teacher(tmp_path / "odd")
