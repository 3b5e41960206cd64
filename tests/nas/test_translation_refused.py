"""Searches of translators that can't be met are refused in one line, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.config import SearchConfig
from nas.errors import ConfigError
from nas.workbench import Workbench
from tests.nas.cli.command_line import refused, result_of, run, written
from tests.scripted import means_extractor
from tests.translation_family import DOMAINS, FACES, TranslatorArchitecture, registered, teacher_file
from tests.translation_images import domain_folders, two_domains

SMALL = TranslatorArchitecture(8)
FACE = TranslatorArchitecture(8, attributes=2)
BRIEF = (
    "nas-search",
    "--budget-macs",
    "60k",
    "--batch-size",
    16,
    "--extractor",
    "means.pt",
    "--perceptual",
    "none",
)


@pytest.fixture(scope="module", autouse=True)
def families() -> Iterator[None]:
    with registered():
        yield


@pytest.mark.parametrize(
    ("noted", "asked", "says"),
    [
        (
            {"direction": "B2A"},
            {},
            "--direction A2B: pairs was trained for B2A: give --direction B2A",
        ),
        ({"task": "unpaired"}, {"task": "paired"}, "--task paired: pairs was trained for unpaired"),
        ({"attributes": "a,b"}, {"attributes": "b,a"}, "--attributes b,a: pairs was trained for a,b"),
    ],
)
def test_a_teacher_of_another_task_or_order_is_refused(
    tmp_path: Path, noted: dict[str, str], asked: dict[str, str], says: str
) -> None:
    path = teacher_file(tmp_path / "pairs.safetensors", DOMAINS, SMALL, noted=noted)
    config = SearchConfig.of(budget_macs=60_000, teacher=path, data="data", perceptual="none", **asked)
    with pytest.raises(ConfigError, match=says):
        Workbench(config.named("pairs"))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Teachers of both families, of noise and of pairs, and images of every kind."""
    monkeypatch.chdir(tmp_path)
    teacher_file(tmp_path / "domains.safetensors", DOMAINS, SMALL)
    teacher_file(tmp_path / "pairs.safetensors", DOMAINS, SMALL, "paired")
    teacher_file(tmp_path / "faces.safetensors", FACES, FACE)
    two_domains(tmp_path / "two")
    two_domains(tmp_path / "uneven", test=0)
    (tmp_path / "uneven" / "trainA" / "000.png").rename(tmp_path / "uneven" / "trainA" / "lonely.png")
    domain_folders(tmp_path / "folders")
    means_extractor(tmp_path / "means.pt")
    return tmp_path


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("teacher", "asked", "says"),
    [
        ("domains", "--data uneven --task paired", "no partner … train/lonely"),
        ("domains", "--data folders", "has no images in trainA/ and trainB/"),
        ("domains", "--data digits", "digits has images of one domain, for noise"),
        (
            "domains",
            "",
            "domains generators take images, which samples of the teacher can't replace: give the",
        ),
        (
            "domains",
            "--data two --task noise",
            "--task noise: domains generators are for unpaired and paired",
        ),
        (
            "domains",
            "--data two --task paired",
            "judges images by themselves: give another --task, or a teacher",
        ),
        (
            "pairs",
            "--data two",
            "judges images beside their inputs: give another --task, or a teacher without",
        ),
        (
            "domains",
            "--data two --recipe dgl-gan",
            "--recipe dgl-gan is for noise, and domains students are for",
        ),
        (
            "domains",
            "--data two --recipe crd --crop",
            "--crop: it changes what discriminators see, and --recipe crd trains none",
        ),
        (
            "domains",
            "--data two --recipe omgd --adversarial hinge",
            "--adversarial hinge: --recipe omgd has no adversarial term: leave it out, or give --recipe",
        ),
        ("domains", "--data two --attributes a", "--attributes a: --task unpaired has two domains"),
        ("domains", "--data two --direction left", "--direction left: give a value that is 'A2B' or 'B2A'"),
        ("faces", "--data folders --attributes red,green", "--attributes green: folders has no such folder"),
        (
            "faces",
            "--data folders --attributes red",
            "all images have the attribute red, so there is nothing to",
        ),
        ("faces", "--data two/trainA", "has neither folders of two domains nor a table of attributes"),
        (
            "tiny",
            "--data two",
            "has trainA/ and trainB/, for image translation, and the generator takes noise",
        ),
        ("tiny", "--data digits --direction B2A", "the generator takes noise, not images: leave it out"),
        (
            "tiny",
            "--data digits --task unpaired",
            "--task unpaired: stylegan2 generators are for noise: give",
        ),
    ],
)
def test_what_can_not_be_searched_is_refused_and_nothing_is_written(
    files: Path, teacher_file: Path, teacher: str, asked: str, says: str, dry_run: bool
) -> None:
    if teacher == "domains" and "paired" in asked and "uneven" in asked:
        teacher = "pairs"
    path = teacher_file if teacher == "tiny" else files / f"{teacher}.safetensors"
    refused(says, *BRIEF, "--teacher", path, *asked.split(), *(["--dry-run"] if dry_run else []))


def test_a_dry_run_shows_the_splits_and_writes_nothing(files: Path) -> None:
    before = written(files)
    shown = run(*BRIEF, "--dry-run", "--teacher", "faces.safetensors", "--data", "folders", "--json")
    assert shown.exit_code == 0, shown.stderr
    assert any("images to train on" in note for note in result_of(shown.stdout)["notes"])
    assert written(files) == before
