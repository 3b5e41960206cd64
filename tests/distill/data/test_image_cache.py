"""Decoded images are kept: made once, whole or not at all, mapped by everybody."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from distill.data import ImageSet, cache, load_images, loading
from distill.errors import DataError
from tests.distill.data.pictures import picture, pictures, zipped
from tests.distill.scratch import abandoned


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes, one broken image."""
    root = tmp_path / "pets"
    pictures(root / "cat", 20)
    pictures(root / "dog", 20)
    (root / "cat" / "broken.png").write_bytes(b"")
    return root


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of the cache, not made yet."""
    return tmp_path / "runs" / "cache"


def was_decoded(source: Path, kept: Path, resolution: int = 8, channels: int = 3) -> bool:
    """Whether `source` has to be decoded to load it; afterwards it is in the cache."""
    calls: list[int] = []
    load_images(source, resolution, channels, cache=kept, on_progress=lambda _, done, __: calls.append(done))
    return bool(calls)


def alike(one: ImageSet, other: ImageSet) -> bool:
    """Everything about them is the same."""
    assert one.labels is not None
    assert other.labels is not None
    fields = ("name", "digest", "skipped", "classes", "found")
    same = all(getattr(one, field) == getattr(other, field) for field in fields)
    return same and torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)


def test_what_comes_from_the_cache_is_what_was_decoded(pets: Path, kept: Path) -> None:
    for source in (pets, zipped(pets)):
        plain = load_images(source, 8, 3)
        assert len(plain.skipped) == 1
        assert alike(load_images(source, 8, 3, cache=kept), plain)
        assert not was_decoded(source, kept)
        assert alike(load_images(source, 8, 3, cache=kept), plain)


@pytest.mark.parametrize("error", [errno.ENOMEM, errno.EACCES])
def test_images_that_do_not_fit_into_the_address_space_are_not_taken_for_missing_ones(
    error: int, pets: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_images(pets, 8, 3, cache=kept)
    (entry,) = kept.iterdir()

    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(cache, "_mapped", refuse)
    if error == errno.ENOMEM:
        with pytest.raises(DataError, match=r"can't be mapped into memory \(Cannot allocate memory\): raise"):
            cache.find(kept, entry.name, "pets")
    else:
        assert cache.find(kept, entry.name, "pets") is None


@pytest.mark.filterwarnings("error")
def test_nothing_warns(pets: Path, kept: Path) -> None:
    load_images(pets, 8, 3, cache=kept)


def change_a_file(pets: Path) -> None:
    picture(99, 9, 9).save(pets / "dog" / "000.png")


def touch_a_file(pets: Path) -> None:
    os.utime(pets / "dog" / "000.png", (1, 1))


def add_a_file(pets: Path) -> None:
    picture(99).save(pets / "dog" / "new.png")


def rename_a_file(pets: Path) -> None:
    (pets / "dog" / "000.png").rename(pets / "dog" / "zzz.png")


def label_anew(pets: Path) -> None:
    (pets / "dataset.json").write_text('{"labels": null}')


@pytest.mark.parametrize("change", [change_a_file, touch_a_file, add_a_file, rename_a_file, label_anew])
def test_a_folder_that_changed_is_decoded_anew(
    pets: Path, kept: Path, change: Callable[[Path], None]
) -> None:
    assert was_decoded(pets, kept)
    change(pets)
    assert was_decoded(pets, kept)
    assert not was_decoded(pets, kept)


def test_other_shapes_and_another_rule_are_decoded_anew(
    pets: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for resolution, channels in ((8, 3), (8, 1), (7, 3)):
        assert was_decoded(pets, kept, resolution, channels)
    monkeypatch.setattr(loading, "RULE", loading.RULE + 1)
    assert was_decoded(pets, kept)


def test_a_zip_is_known_by_its_content_wherever_it_lies(pets: Path, kept: Path, tmp_path: Path) -> None:
    path = zipped(pets)
    assert was_decoded(path, kept)
    moved = path.rename(tmp_path / "moved.zip")
    os.utime(moved, (1, 1))
    assert not was_decoded(moved, kept)
    assert load_images(moved, 8, 3, cache=kept).name == str(moved)
    change_a_file(pets)
    assert was_decoded(zipped(pets), kept)


def shorten(entry: Path) -> None:
    os.truncate(entry / "pixels.u8", 100)


def lose_the_pixels(entry: Path) -> None:
    (entry / "pixels.u8").unlink()


def empty_the_description(entry: Path) -> None:
    (entry / "about.json").write_text("")


def describe_something_else(entry: Path) -> None:
    (entry / "about.json").write_text("[1, 2]")


def lose_a_label(entry: Path) -> None:
    about = json.loads((entry / "about.json").read_text())
    (entry / "about.json").write_text(json.dumps(about | {"labels": about["labels"][:-1]}))


def become_a_file(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.write_text("what is this?")


DAMAGE = [
    shorten,
    lose_the_pixels,
    empty_the_description,
    describe_something_else,
    lose_a_label,
    become_a_file,
    shutil.rmtree,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_made_anew(pets: Path, kept: Path, damage: Callable[[Path], None]) -> None:
    whole = load_images(pets, 8, 3)
    assert was_decoded(pets, kept)
    (entry,) = kept.iterdir()
    damage(entry)
    assert was_decoded(pets, kept)
    assert list(kept.iterdir()) == [entry]
    assert not was_decoded(pets, kept)
    assert alike(load_images(pets, 8, 3, cache=kept), whole)


def test_many_may_make_the_same_entry_at_once(pets: Path, kept: Path) -> None:
    whole = load_images(pets, 8, 3)
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(load_images, pets, 8, 3, cache=kept) for _ in range(8)]
    assert all(alike(job.result(), whole) for job in jobs)
    assert len(list(kept.iterdir())) == 1


def test_too_little_room_is_one_error_before_it_begins(
    pets: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError) as caught:
        load_images(pets, 8, 3, cache=kept, on_progress=lambda *_: pytest.fail("it began"))
    assert str(caught.value) == (
        f"the decoded images take 0.0 GB and {kept} has 0.0 GB left: make room, or choose another folder"
    )
    assert not kept.parent.exists()


def test_a_folder_that_can_not_be_written_is_an_error(pets: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match=r"can't be kept in .*file.cache \(Not a directory\): choose another"):
        load_images(pets, 8, 3, cache=tmp_path / "file" / "cache")


def test_images_that_are_refused_leave_nothing_behind(pets: Path, kept: Path) -> None:
    (pets / "dog" / "broken.png").write_bytes(b"")
    with pytest.raises(DataError, match="2 of 42 images can't be used"):
        load_images(pets, 8, 3, cache=kept)
    assert not kept.parent.exists()


def test_what_a_killed_process_left_half_done_is_removed(pets: Path, kept: Path) -> None:
    left = abandoned(kept)
    load_images(pets, 8, 3, cache=kept)
    assert not left.exists()


def test_the_digits_are_not_kept(kept: Path) -> None:
    load_images(None, 8, 1, cache=kept)
    assert not kept.exists()
