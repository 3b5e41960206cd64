"""nas-teacher info and import: look into files, bring them into our format."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nas.budget import measure
from search_spaces import Checkpoint, file_digest, get_family, load_checkpoint, save_checkpoint
from tests.nas.cli.teacher_command import done, equal, run, weights
from tests.search_spaces.teachers import FROM_NOISE, TEACHERS

REFERENCE = Path(__file__).parents[2] / "data" / "reference"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_info_is_one_screen_with_what_the_file_holds(teacher_file: Path) -> None:
    shown = done("info", teacher_file).stdout
    assert len(shown.splitlines()) < 25
    for part in ("stylegan2", "16×16 px, grey", "latent", " linear", "4 px", "MACs", "tiny"):
        assert part in shown
    assert len(re.findall(r" px .* full convolutions? +8 ", shown)) == 3, "a row for each resolution"
    assert "none in the file" not in shown
    (discriminator,) = (line for line in shown.splitlines() if line.strip().startswith("discriminator"))
    assert "mapping_layers" not in discriminator, "it is not conditional"


@pytest.mark.parametrize("family", FROM_NOISE)
def test_info_shows_a_teacher_of_any_family(family: str) -> None:
    generator = get_family(family).build(TEACHERS[family])
    save_checkpoint(Checkpoint(family, generator), Path("any.safetensors"))
    shown = done("info", "any.safetensors").stdout
    assert len(shown.splitlines()) < 30
    assert f"{generator.image_shape[1]}×{generator.image_shape[1]} px" in shown


def test_info_as_json_is_the_measured_truth(teacher_file: Path) -> None:
    found = json.loads(done("info", teacher_file, "--json").stdout)
    generator = load_checkpoint(teacher_file).generator
    cost = measure(generator)
    assert (found["macs"], found["params"], found["image"]) == (cost.macs, cost.params, [1, 16, 16])
    assert found["sha256"] == file_digest(teacher_file)
    assert found["generator"] == json.loads(json.dumps(generator.architecture.to_json()))
    assert found["metadata"] == {"name": "tiny"}
    assert found["layers"] == generator.architecture.describe()


def test_info_says_that_there_is_no_discriminator(teacher_file: Path) -> None:
    save_checkpoint(
        Checkpoint("stylegan2", load_checkpoint(teacher_file).generator), Path("alone.safetensors")
    )
    assert (
        "none in the file: students train their own from scratch" in done("info", "alone.safetensors").stdout
    )
    assert json.loads(done("info", "alone.safetensors", "--json").stdout)["discriminator"] is None


def test_an_import_is_the_same_networks_in_our_format(teacher_file: Path) -> None:
    result = done("import", teacher_file, "-o", "new/mine.safetensors", "--name", "mine")
    assert result.stdout == "new/mine.safetensors: stylegan2 mine, with discriminator\n"
    assert result.stderr == "note: the folder new is new\n"
    assert equal(weights("new/mine.safetensors"), weights(str(teacher_file)))
    assert load_checkpoint(Path("new/mine.safetensors")).metadata == {
        "name": "mine",
        "source": teacher_file.name,
        "source_sha256": file_digest(teacher_file),
    }
    described = json.loads(done("import", teacher_file, "-o", "b.safetensors", "--json").stdout)
    assert described["metadata"]["name"] == "tiny"


def test_an_import_takes_the_discriminator_from_a_file_of_its_own() -> None:
    generator, discriminator = (REFERENCE / f"biggan_32_{network}.pth" for network in ("G_ema", "D"))
    done("import", generator, "--discriminator", discriminator, "-o", "both.safetensors")
    loaded = load_checkpoint(Path("both.safetensors"))
    assert loaded.discriminator is not None
    assert loaded.metadata["discriminator_source"] == discriminator.name
    assert loaded.metadata["discriminator_source_sha256"] == file_digest(discriminator)
    assert loaded.metadata["source_sha256"] == file_digest(generator)
    assert "discriminator_params" in json.loads(done("info", "both.safetensors", "--json").stdout)


def test_an_import_refuses_a_discriminator_that_is_none_of_the_generators(teacher_file: Path) -> None:
    generator = REFERENCE / "biggan_32_G_ema.pth"
    for discriminator, says in (
        (REFERENCE / "biggan_128_D.pth", "its discriminator is for 128 px, the generator for 32"),
        (Path("gone.pth"), "gone.pth is not a file"),
        (teacher_file, str(teacher_file)),
    ):
        result = run("import", generator, "--discriminator", discriminator, "-o", "no.safetensors")
        assert result.exit_code == 2
        assert says in result.stderr
        assert not Path("no.safetensors").exists()


def test_an_import_replaces_nothing_without_force(teacher_file: Path) -> None:
    Path("mine.safetensors").write_text("precious")
    result = run("import", teacher_file, "-o", "mine.safetensors")
    assert result.exit_code == 2
    assert "mine.safetensors exists: choose another -o, or replace it by --force" in result.stderr
    assert Path("mine.safetensors").read_text() == "precious"
    done("import", teacher_file, "-o", "mine.safetensors", "--force")
    assert load_checkpoint(Path("mine.safetensors")).metadata["name"] == "tiny"


def test_an_import_is_not_written_under_a_name_of_another_format(teacher_file: Path) -> None:
    result = run("import", teacher_file, "-o", "new/mine.pkl")
    assert result.exit_code == 2
    assert "new/mine.pkl: checkpoints are written as safetensors: give new/mine.safetensors" in result.stderr
    assert not Path("new").exists()


@pytest.mark.parametrize("command", [("info",), ("import", "-o", "a.safetensors")])
@pytest.mark.parametrize("content", [None, b"no checkpoint", b"\x80\x02}q\x00."])
def test_a_file_that_is_none_is_refused_in_one_line(command: tuple[str, ...], content: bytes | None) -> None:
    if content is not None:
        Path("photo.pkl").write_bytes(content)
    result = run(*command, "photo.pkl")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "photo.pkl" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("a.safetensors").exists()
