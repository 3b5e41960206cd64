"""Which network judges: it is found before any work, named, kept, and never the one that teaches."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from distill.errors import FidelityError, MissingPackageError
from distill.evaluation.extractors import EXTRACTORS
from distill.evaluation.extractors.sources import Packaged
from distill.tasks import NoiseTask
from nas.config import SearchConfig
from nas.driver import introduction, judge_warnings, prepare, record_facts
from nas.driver.judge import check_judge, image_warnings
from nas.errors import ConfigError
from nas.reporting import read_report, render
from nas.study import StudyStore
from nas.workbench import Workbench
from search_spaces import Checkpoint, save_checkpoint
from search_spaces.stylegan2 import Block, GeneratorArchitecture, StyleGAN2Generator
from tests.distill.data.pictures import pictures
from tests.offline import INCEPTION_FILE, go_offline


class Pair(nn.Module):
    """Serves as a perceptual distance of two batches."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x - y).square().mean(dim=[1, 2, 3])


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_offline(monkeypatch, tmp_path / "hub")


@pytest.fixture
def with_imagenet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Imagenet-lite0 is at hand, whether it is installed here or not."""
    file = tmp_path / "lite0.pth"
    file.touch()
    entry = EXTRACTORS["imagenet-lite0"]
    monkeypatch.setitem(EXTRACTORS, "imagenet-lite0", replace(entry, source=Packaged(file)))


@pytest.fixture
def without_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.imagenet.find_spec", lambda name: None)


@pytest.fixture
def photographs(tmp_path: Path) -> dict[str, Any]:
    """A search on pictures with colours, 16 px."""
    side = 16
    architecture = GeneratorArchitecture(
        (Block(8, convs=1), Block(8), Block(8)), image_channels=3, latent_dim=8, style_dim=8, mapping_layers=2
    )
    teacher = Checkpoint("stylegan2", StyleGAN2Generator(architecture).eval(), None, {"name": "faces"})
    save_checkpoint(teacher, tmp_path / "teacher.safetensors")
    return {
        "budget_macs": 100_000,
        "teacher": tmp_path / "teacher.safetensors",
        "data": str(pictures(tmp_path / "faces", 128, size=side)),
        "workdir": tmp_path / "runs",
        "perceptual": "none",
    }


def prepared(request: dict[str, Any], **changes: Any) -> Workbench:
    return prepare(SearchConfig.of(**request | changes), dry_run=True)


@pytest.mark.usefixtures("without_imagenet")
@pytest.mark.parametrize("dry_run", [False, True])
def test_missing_weights_are_found_before_images_are_read(
    photographs: dict[str, Any], dry_run: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method in ("load", "sample"):
        monkeypatch.setattr(NoiseTask, method, lambda *_, **__: pytest.fail("images were read"))
    with pytest.raises(FidelityError, match=f"give {INCEPTION_FILE} by --extractor-weights or"):
        prepare(SearchConfig.of(**photographs), dry_run=dry_run)
    with pytest.raises(MissingPackageError, match="pip install efficientnet-lite-pytorch"):
        prepare(SearchConfig.of(**photographs, extractor="imagenet-lite0"), dry_run=dry_run)


@pytest.mark.usefixtures("with_imagenet")
def test_without_inception_photographs_are_judged_by_imagenet_and_the_introduction_says_so(
    photographs: dict[str, Any],
) -> None:
    bench = prepared(photographs)
    assert bench.config.extractor == "imagenet-lite0"
    lines = introduction(bench)
    (line,) = (line for line in lines if line.startswith("Extractor: "))
    assert line.startswith(
        "Extractor: imagenet-lite0, for photographs; distances are FD (imagenet-lite0), because"
    )
    assert "inception can't be downloaded" in line
    assert any("FD (imagenet-lite0) after" in line for line in lines)
    assert not any("FID" in line for line in lines)


@pytest.mark.usefixtures("with_imagenet")
def test_a_resumed_search_keeps_its_judge(photographs: dict[str, Any], tmp_path: Path) -> None:
    bench = prepared(photographs)
    bench.config.folder.mkdir(parents=True)
    identity = {"extractor": bench.config.extractor}
    with StudyStore.open(bench.config.storage_url, bench.config.study, identity=identity) as store:
        store.study.ask()
    kept = tmp_path / "hub" / "checkpoints" / INCEPTION_FILE
    kept.parent.mkdir(parents=True)
    kept.touch()  # now there is Inception
    resumed = prepared(photographs)
    assert resumed.config.extractor == "imagenet-lite0"
    assert "is measured with it" in resumed.extractor_reason
    assert prepared(photographs, study="another").config.extractor == "inception"


@pytest.mark.parametrize(("channels", "warned"), [(1, 0), (3, 1)])
def test_digits_beside_a_teacher_of_rgb_images_are_warned_of(channels: int, warned: int) -> None:
    images, generator = SimpleNamespace(name="digits"), SimpleNamespace(image_shape=(channels, 16, 16))
    teacher = SimpleNamespace(generator=generator, name="faces")
    bench = cast(Workbench, SimpleNamespace(outline=SimpleNamespace(images=images), teacher=teacher))
    warnings = image_warnings(bench)
    assert len(warnings) == warned
    assert all("--data digits are grey handwritten digits, and faces makes RGB" in line for line in warnings)


def test_the_digits_extractor_is_refused_for_photographs(photographs: dict[str, Any]) -> None:
    with pytest.raises(
        FidelityError, match=r"is for grey handwritten digits, and .*faces has colours: give one of"
    ):
        prepared(photographs, extractor="digits")


def scripted(module: nn.Module, path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(module), str(path))
    return str(path)


def test_the_network_that_teaches_does_not_judge(photographs: dict[str, Any], tmp_path: Path) -> None:
    both = scripted(Pair(), tmp_path / "distance.pt")
    copy = tmp_path / "copy.pth"
    copy.write_bytes(Path(both).read_bytes())
    bench = Workbench(SearchConfig.of(**photographs | {"perceptual": both, "extractor": "digits"}))
    entry = EXTRACTORS["digits"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXTRACTORS, "digits", replace(entry, source=Packaged(copy)))

        with pytest.raises(ConfigError, match="the network that teaches students would judge them") as caught:
            check_judge(bench)
    check_judge(bench)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not EXTRACTORS["imagenet-lite1"].source.is_at_hand(), reason="needs the imagenet extra")
def test_a_perceptual_network_of_the_extractors_name_is_refused(photographs: dict[str, Any]) -> None:
    changes = {"perceptual": "imagenet-lite1", "extractor": "imagenet-lite1"}
    fix = "give --perceptual imagenet-lite0, imagenet-lite2 or none, or another --extractor"
    with pytest.raises(ConfigError, match=f"--perceptual imagenet-lite1 with --extractor .*: {fix}"):
        prepared(photographs, **changes)


@pytest.mark.skipif(not EXTRACTORS["imagenet-lite1"].source.is_at_hand(), reason="needs the imagenet extra")
def test_the_network_of_the_term_mmd_does_not_judge(photographs: dict[str, Any]) -> None:
    terms = {"similarity": "pixel=1,mmd=1"}
    check_judge(Workbench(SearchConfig.of(**photographs | terms, extractor="imagenet-lite0")))
    says = "--similarity pixel=1,mmd=1 with --extractor imagenet-lite1: its term mmd compares"
    with pytest.raises(ConfigError, match=says):
        prepared(photographs, **terms, extractor="imagenet-lite1")


def test_what_an_extractor_does_not_see_is_said_in_introduction_and_report(
    finished: Any, make_bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(study="small", workdir=tmp_path)
    entry = EXTRACTORS["digits"]
    monkeypatch.setitem(EXTRACTORS, "digits", replace(entry, domain=replace(entry.domain, side=8)))
    (warning,) = judge_warnings(bench)
    assert f"Warning: {warning}" in introduction(bench)
    bench.config.folder.mkdir(parents=True)
    with StudyStore.open(bench.config.storage_url, "small", identity=bench.identity) as store:
        record_facts(store, bench, bench.teacher_score(), bench.precision)
        assert read_report(store).warnings == [warning]
    text = "\n".join(
        str(line) for line in render(finished.model_copy(update={"warnings": [warning]})).renderables
    )
    assert f"Warning: {warning}." in text


def test_digits_are_no_measure_of_a_teacher_of_colours(
    photographs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured = torch.randint(256, (4, 3, 16, 16), dtype=torch.uint8)
    monkeypatch.setattr("nas.workbench.workbench.look_at", lambda *_: coloured)
    with pytest.raises(FidelityError, match="the teacher's images have colours: give images of their kind"):
        prepared(photographs, data="digits")
    monkeypatch.setattr("nas.workbench.workbench.look_at", lambda *_: coloured[:, :1].expand(-1, 3, -1, -1))
    assert prepared(photographs, data="digits").config.extractor == "digits"
