"""Measuring one file the way a search measures its candidates."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from distill.data import loading
from distill.digits.classifier import WEIGHTS
from distill.errors import DataError, FidelityError
from nas.checkpoints import evaluate
from nas.errors import ConfigError
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


def test_a_metric_that_does_not_exist_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(FidelityError, match="--metrics foo: choose one of fid, kid"):
        evaluate(tmp_path / "not-even-looked-at.pkl", metrics=["fid", "foo"])


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


def test_decoded_images_are_kept_where_the_features_are(
    teacher_file: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fid() -> float:
        found = evaluate(
            teacher_file, data=str(folder), extractor="digits", fid_samples=50, cache=tmp_path / "cache"
        )
        return float(found["fid"])

    first = fid()
    assert len([entry for entry in (tmp_path / "cache").iterdir() if entry.name != "fidelity"]) == 1
    monkeypatch.setattr(loading, "decode_all", lambda *_: pytest.fail("decoded again"))
    assert fid() == first


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


def test_what_was_made_of_the_images_is_said(teacher_file: Path, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"no image")
    found = evaluate(teacher_file, data=str(folder), extractor="digits", fid_samples=50)
    data, skipped, *_ = found["notes"]
    assert data.startswith(f"Data: {folder}, 40 images (")
    assert skipped.startswith("Skipped broken.png")


def test_the_digits_features_are_refused_for_colours_that_are_made_grey(
    teacher_file: Path, folder: Path, tmp_path: Path
) -> None:
    for path in folder.iterdir():
        Image.merge("RGB", [Image.effect_noise((20, 20), 60 + i) for i in range(3)]).save(path)
    generator = load_checkpoint(teacher_file).generator
    assert generator.image_shape[0] == 1
    noted = {"data": "digits", "fid_extractor": "digits"}
    save_checkpoint(Checkpoint("stylegan2", generator, None, noted), tmp_path / "noted.safetensors")
    with pytest.raises(FidelityError, match="faces has colours: give one of"):
        evaluate(tmp_path / "noted.safetensors", data=str(folder), fid_samples=50)


def test_a_teacher_that_is_no_file_is_named_by_its_flag(teacher_file: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--teacher nosuch is not a file: give the teacher's"):
        evaluate(teacher_file, teacher="nosuch")


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


def test_metrics_are_taken_over_the_same_images_and_say_their_conditions(
    teacher_file: Path, tmp_path: Path
) -> None:
    names = ["vol", "kid", "prc", "is", "fid"]
    found = evaluate(
        teacher_file, metrics=names, data="digits", fid_samples=60, seed=3, device="cpu", cache=tmp_path
    )
    assert list(found["metrics"]) == names
    assert found["metrics"]["fid"]["values"]["fid"] == found["fid"]
    assert found["fid"] == evaluate(teacher_file, data="digits", fid_samples=60, seed=3)["fid"]
    for name in ("kid", "prc", "fid"):
        score = found["metrics"][name]
        assert (score["samples"], score["real"], score["seed"]) == (60, 1797, 3)
        assert (score["extractor"], score["extractor_digest"]) == ("digits", found["fid_extractor_digest"])
    assert found["metrics"]["is"]["real"] is None
    assert found["metrics"]["vol"]["extractor"] is None
    assert (found["device"], found["batch_size"]) == ("cpu", 50)
    assert len(list((tmp_path / "fidelity").iterdir())) == 2  # statistics and features


def test_folder_and_weights_file_may_be_text(teacher_file: Path, tmp_path: Path) -> None:
    found = evaluate(
        str(teacher_file),
        data="digits",
        fid_samples=50,
        extractor_weights=str(WEIGHTS),
        cache=str(tmp_path / "cache"),
    )
    assert found["fid"] == evaluate(teacher_file, data="digits", fid_samples=50)["fid"]
    assert list((tmp_path / "cache").iterdir())


def test_few_samples_are_noted_of_a_distance_only(teacher_file: Path) -> None:
    few = evaluate(teacher_file, data="digits", fid_samples=20)["notes"]
    assert [note for note in few if "over 20 samples is noisy and too high" in note] == few[-1:]
    assert not any("noisy" in note for note in evaluate(teacher_file, metrics="vol", data="digits")["notes"])


def test_without_fid_there_is_no_fid_and_pixels_need_no_extractor(teacher_file: Path) -> None:
    found = evaluate(teacher_file, metrics=["vol"], data="digits", fid_samples=60, extractor="inception")
    assert not [name for name in found if name.startswith("fid")]
    assert found["metrics"]["vol"]["values"]["vol"] > 0


def test_a_file_measured_with_other_weights_is_refused_unless_they_are_asked_for(
    teacher_file: Path, tmp_path: Path
) -> None:
    digest = evaluate(teacher_file, data="digits", fid_samples=50)["fid_extractor_digest"]
    assert digest == file_digest(WEIGHTS)[:16]
    noted = {"data": "digits", "fid_samples": "50", "fid_extractor": "digits", "fid_extractor_digest": digest}
    generator = load_checkpoint(teacher_file).generator
    save_checkpoint(Checkpoint("stylegan2", generator, None, noted), tmp_path / "noted.safetensors")
    other = tmp_path / "other.safetensors"
    changed_bytes = bytearray(WEIGHTS.read_bytes())
    changed_bytes[-4] ^= 1  # the last bit of the last weight
    other.write_bytes(changed_bytes)
    assert evaluate(tmp_path / "noted.safetensors")["fid_extractor_digest"] == digest
    changed = file_digest(other)[:16]
    with pytest.raises(
        ConfigError, match=f"measured with digits weights {digest}, these are {changed}: give"
    ):
        evaluate(tmp_path / "noted.safetensors", extractor_weights=other)
    found = evaluate(tmp_path / "noted.safetensors", extractor="digits", extractor_weights=other)
    assert found["fid_extractor_digest"] == changed


def test_the_weights_that_a_file_notes_are_used_without_a_flag_while_they_are_there(
    teacher_file: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.safetensors"
    changed_bytes = bytearray(WEIGHTS.read_bytes())
    changed_bytes[-4] ^= 1
    own.write_bytes(changed_bytes)
    digest, default = file_digest(own)[:16], file_digest(WEIGHTS)[:16]
    noted = {"data": "digits", "fid_samples": "50", "fid_extractor": "digits"}
    noted |= {"fid_extractor_digest": digest, "fid_extractor_weights": str(own)}
    student = tmp_path / "noted.safetensors"
    save_checkpoint(Checkpoint("stylegan2", load_checkpoint(teacher_file).generator, None, noted), student)
    assert evaluate(student)["fid_extractor_digest"] == digest
    assert evaluate(student, extractor="digits")["fid_extractor_digest"] == default
    own.unlink()
    with pytest.raises(ConfigError, match=rf"digits weights {digest} \({own}\), these are {default}: give"):
        evaluate(student)


def test_a_generator_that_makes_nan_is_a_users_error(teacher_file: Path, tmp_path: Path) -> None:
    generator = copy.deepcopy(load_checkpoint(teacher_file).generator)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(1e30)  # finite, but what it makes is not
    save_checkpoint(Checkpoint("stylegan2", generator, None, {}), tmp_path / "broken.safetensors")
    with pytest.raises(ConfigError, match=r"broken\.safetensors can't be measured, the generator made NaN"):
        evaluate(tmp_path / "broken.safetensors", data="digits", fid_samples=50)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_an_error(teacher_file: Path) -> None:
    with pytest.raises(ConfigError, match="--device cuda: PyTorch sees no GPU here"):
        evaluate(teacher_file, data="digits", fid_samples=50, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_where_there_is_a_cuda_device_it_is_used_and_agrees_with_the_cpu(teacher_file: Path) -> None:
    names = ["fid", "kid", "is", "prc", "vol"]
    fast = evaluate(teacher_file, metrics=names, data="digits", fid_samples=500)
    slow = evaluate(teacher_file, metrics=names, data="digits", fid_samples=500, device="cpu")
    assert (fast["device"], slow["device"]) == ("cuda", "cpu")
    assert fast["fid"] == pytest.approx(slow["fid"], rel=0.1)  # the same latents, other noise
