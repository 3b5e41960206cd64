"""A search whose students learn from the snapshots of their teacher's training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from distill.errors import TeacherCacheError, TeacherError
from distill.teachers import cache as caches
from nas.config import SearchConfig, default_conditions
from nas.driver import introduction
from nas.workbench import Workbench
from tests.scripted import means_extractor
from tests.translation_family import DOMAINS, TranslatorArchitecture, registered, teacher_file
from tests.translation_images import two_domains


@pytest.fixture(autouse=True)
def families() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture
def config(tmp_path: Path) -> SearchConfig:
    training = tmp_path / "cats.training"
    training.mkdir()
    shape = TranslatorArchitecture(8)
    for seed, images in enumerate((16, 32)):
        path = training / f"teacher-{images:09d}.safetensors"
        teacher_file(path, DOMAINS, shape, "unpaired", {"images": str(images)}, seed + 1)
    return SearchConfig.of(
        budget_macs=60_000,
        teacher=teacher_file(tmp_path / "cats.safetensors", DOMAINS, shape, "unpaired"),
        teacher_snapshots=training,
        data=str(two_domains(tmp_path / "data")),
        workdir=tmp_path / "runs",
        study="cats",
        rungs=(64,),
        fid_samples=20,
        extractor=str(means_extractor(tmp_path / "means.pt")),
        perceptual="none",
        teacher_cache_size=24,
        batch_size=16,
    )


def test_each_snapshot_teaches_with_its_own_images(config: SearchConfig) -> None:
    bench = Workbench(config)
    lines = introduction(bench)
    assert any(line.startswith("Teacher snapshots: 2 snapshots of its training") for line in lines)
    trainer = bench.trainer(bench.student(bench.space.smallest()))
    first, second = trainer.teachings
    assert first.discriminator is not second.discriminator
    for teaching, part in ((first, 0), (second, 1)):
        snapshots = bench.teachers.snapshots
        assert snapshots is not None
        batch = teaching.images.draw(4, torch.Generator().manual_seed(0))  # type: ignore[union-attr]  # there are images
        assert batch.teacher is not None
        with torch.no_grad():
            made = snapshots.load(part).generator(*batch.inputs)
        assert (batch.teacher - made).abs().max() < 0.01
    trainer.train(64)


def test_snapshots_are_part_of_what_a_search_is(config: SearchConfig) -> None:
    plain = Workbench(config.model_copy(update={"teacher_snapshots": None})).identity
    taught = Workbench(config).identity
    assert {name for name, part in taught.items() if plain[name] != part} == {"teacher_snapshots"}
    assert plain["teacher_snapshots"] == default_conditions()["teacher_snapshots"]  # as studies of before


def test_a_folder_without_snapshots_is_refused_before_any_work(config: SearchConfig, tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="it has no snapshots"):
        Workbench(config.model_copy(update={"teacher_snapshots": tmp_path}))
    assert not (tmp_path / "runs").exists()


def test_room_is_asked_for_the_images_of_all_snapshots(
    config: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Workbench(config)
    bench.load_data()
    usage = caches.shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(caches.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(TeacherCacheError, match="a teacher cache of 72 images"):
        bench.check_teacher_cache()
