"""Measuring one file the way a search measures its candidates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.errors import DataError, FidelityError
from nas.errors import ConfigError
from nas.evaluation import evaluate
from search_spaces import Checkpoint, CheckpointError, file_digest, load_checkpoint, save_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's own 40 grey images."""
    (tmp_path / "faces").mkdir()
    for i in range(40):
        pixels = np.random.default_rng(i).integers(0, 255, (20, 20), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "faces" / f"{i}.png")
    return tmp_path / "faces"


def test_a_file_that_notes_nothing_is_measured_with_the_defaults_of_its_data(teacher_file: Path) -> None:
    found = evaluate(teacher_file, data="digits", fid_samples=50)
    assert (found["data"], found["fid_samples"]) == ("digits", 50)
    assert (found["fid_extractor"], found["fid_seed"]) == ("digits", 0)
    architecture = load_checkpoint(teacher_file).generator.architecture
    assert found["architecture"] == architecture.to_json()
    assert evaluate(teacher_file, data="digits", fid_samples=50)["fid"] == found["fid"]
    assert evaluate(teacher_file, data="digits", fid_samples=50, seed=1)["fid"] != found["fid"]


def test_a_file_that_notes_no_images_needs_them_named(teacher_file: Path) -> None:
    with pytest.raises(ConfigError, match="does not note what images it belongs to: give them by --data"):
        evaluate(teacher_file)


def test_what_is_noted_counts_and_what_is_given_counts_more(teacher_file: Path, tmp_path: Path) -> None:
    noted = {"data": "digits", "fid_samples": "60", "fid_extractor": "digits", "fid_seed": "9"}
    generator = load_checkpoint(teacher_file).generator
    save_checkpoint(Checkpoint("stylegan2", generator, None, noted), tmp_path / "noted.safetensors")
    found = evaluate(tmp_path / "noted.safetensors")
    assert (found["fid_samples"], found["fid_seed"]) == (60, 9)
    found = evaluate(tmp_path / "noted.safetensors", fid_samples=50, seed=0)
    assert (found["fid_samples"], found["fid_seed"]) == (50, 0)


def test_other_images_can_be_measured_against(teacher_file: Path, folder: Path) -> None:
    found = evaluate(teacher_file, data=str(folder), extractor="digits", fid_samples=50)
    assert found["data"] == str(folder)


def test_a_file_is_measured_on_the_images_that_it_notes(
    teacher_file: Path, folder: Path, tmp_path: Path
) -> None:
    def noting(**noted: str) -> Path:
        generator = load_checkpoint(teacher_file).generator
        save_checkpoint(Checkpoint("stylegan2", generator, None, noted), tmp_path / "noted.safetensors")
        return tmp_path / "noted.safetensors"

    assert evaluate(noting(data=str(folder), fid_extractor="digits"), fid_samples=50)["data"] == str(folder)
    with pytest.raises(ConfigError, match=r"faces has changed since .*noted\.safetensors was measured on it"):
        evaluate(noting(data=str(folder), data_digest="0" * 16, fid_extractor="digits"), fid_samples=50)
    found = evaluate(noting(data="gone", fid_extractor="digits"), data=str(folder), fid_samples=50)
    assert found["data"] == str(folder)
    with pytest.raises(DataError, match="gone"):
        evaluate(noting(data="gone"), fid_samples=50)


def test_what_can_not_be_measured_is_named_and_left_alone(teacher_file: Path, tmp_path: Path) -> None:
    before = file_digest(teacher_file)
    (tmp_path / "photo.jpg").write_text("no")
    with pytest.raises(CheckpointError, match=r"photo\.jpg"):
        evaluate(tmp_path / "photo.jpg")
    with pytest.raises(DataError, match="nowhere"):
        evaluate(teacher_file, data="nowhere")
    with pytest.raises(FidelityError, match="no extractor 'magic': choose one of"):
        evaluate(teacher_file, data="digits", extractor="magic")
    with pytest.raises(FidelityError, match="at least 2"):
        evaluate(teacher_file, data="digits", fid_samples=1)
    assert file_digest(teacher_file) == before
