"""What a source does not use is counted and said; links are followed, each folder once."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from distill.data import image_remarks, load_images, sample_images
from distill.errors import DataError
from tests.distill.data.pictures import pictures, zipped

READ = "only .png, .jpg, .jpeg, .webp are read"


def test_files_of_other_kinds_are_counted_by_their_endings(tmp_path: Path) -> None:
    root = pictures(tmp_path / "set", 35)
    for i in range(5):
        (root / f"{i}.BMP").touch()
    for name in ("a.jfif", "b.tif", "c.tif", "README", ".hidden.png"):
        (root / name).touch()
    expected = (f"5 .bmp, 2 .tif, 1 without an ending, 1 .jfif: {READ}", "1 hidden")
    for source in (root, zipped(root)):
        for images in (load_images(source, 8, 3), sample_images(source, 8, 3)):
            assert len(images) == 35
            assert sorted(images.notes[0].split(": ")[0].split(", ")) == sorted(
                expected[0].split(": ")[0].split(", ")
            )
            assert images.notes[1:] == expected[1:]
    assert f"Left out: {expected[1]}" in image_remarks(load_images(root, 8, 3), conditional=False)


def test_what_is_left_out_is_said_of_cached_images_too(tmp_path: Path) -> None:
    root = pictures(tmp_path / "set", 35)
    assert load_images(root, 8, 3, cache=tmp_path / "kept").notes == ()
    (root / "late.gif").touch()
    again = load_images(
        root, 8, 3, cache=tmp_path / "kept", on_progress=lambda *_: pytest.fail("it decodes again")
    )
    assert again.notes == (f"1 .gif: {READ}",)


def test_a_source_of_other_files_only_is_refused_with_their_number(tmp_path: Path) -> None:
    for i in range(40):
        (tmp_path / f"{i}.bmp").touch()
    with pytest.raises(DataError, match=r"holds no images \(left out: 40 \.bmp: only"):
        load_images(tmp_path, 8, 3)


def test_links_to_folders_are_followed_and_every_folder_is_read_once(tmp_path: Path) -> None:
    real = pictures(tmp_path / "real", 20)
    root = pictures(tmp_path / "set" / "b", 20).parent
    for name in ("a", "c"):
        os.symlink(real, root / name)
    os.symlink("b", root / "d")
    images = load_images(root, 8, 3)
    assert len(images) == 40
    assert images.classes == ("a", "b")
    assert images.notes == ("2 links lead to a folder that is read already, the first of them is c",)


def test_a_linked_folder_that_links_to_another_is_followed(tmp_path: Path) -> None:
    pictures(tmp_path / "far", 20)
    pictures(tmp_path / "near" / "x", 20)
    os.symlink(tmp_path / "far", tmp_path / "near" / "y")
    (tmp_path / "set").mkdir()
    os.symlink(tmp_path / "near", tmp_path / "set" / "near")
    assert len(load_images(tmp_path / "set", 8, 3)) == 40


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_a_loop_of_links_is_refused(tmp_path: Path, target: str) -> None:
    root = pictures(tmp_path / "set" / "inner", 40).parent
    os.symlink(target, root / "inner" / "back")
    with pytest.raises(
        DataError, match="holds a link to a folder that it lies in, inner/back: remove the link"
    ):
        load_images(root, 8, 3)


def test_links_to_nothing_are_counted(tmp_path: Path) -> None:
    root = pictures(tmp_path / "set", 40)
    os.symlink("gone.png", root / "lost.png")
    assert load_images(root, 8, 3).notes == ("1 link leads to nothing, the first of them is lost.png",)


def test_a_zip_with_backslashes_is_read_like_any_other(tmp_path: Path) -> None:
    root = pictures(tmp_path / "set", 40)
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        for i, file in enumerate(sorted(root.iterdir())):
            info = zipfile.ZipInfo()
            info.filename = f"{'cat' if i % 2 else 'dog'}\\{file.name}"
            archive.writestr(info, file.read_bytes())
            hidden = zipfile.ZipInfo()
            hidden.filename = f"__MACOSX\\._{file.name}"
            archive.writestr(hidden, b"\0\5\x16\7")
    images = load_images(tmp_path / "old.zip", 8, 3)
    assert images.classes == ("cat", "dog")
    assert images.notes == ("40 hidden",)


def test_a_folder_in_a_zip_with_backslashes_has_its_classes_and_leaves_out_only_its_own_files(
    tmp_path: Path,
) -> None:
    """The folder stands for the whole archive: its label file counts, and files beside it do not."""
    root = pictures(tmp_path / "set", 40)
    labels = [[f"images/{file.name}", i % 3] for i, file in enumerate(sorted(root.iterdir()))]
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        for name in ("beside.bmp", "train\\notes.txt", "test\\beside.gif"):
            info = zipfile.ZipInfo()
            info.filename = name
            archive.writestr(info, b"")
        for file in sorted(root.iterdir()):
            for folder in ("test", "train\\images"):
                info = zipfile.ZipInfo()
                info.filename = f"{folder}\\{file.name}"
                archive.writestr(info, file.read_bytes())
        archive.writestr("train/dataset.json", json.dumps({"labels": labels}))
        archive.writestr("train/empty/", b"")
    for folder in ("train", "train/", "\\train"):
        images = load_images(f"{tmp_path}/old.zip:{folder}", 8, 3)
        assert images.labels is not None
        assert images.labels.tolist() == [i % 3 for i in range(40)]
        assert images.notes == (f"1 .txt: {READ}",)
    with pytest.raises(DataError, match="give one of test, train, train/images, or leave it out"):
        load_images(f"{tmp_path}/old.zip:gone", 8, 3)


def test_what_is_no_file_is_counted(tmp_path: Path) -> None:
    root = pictures(tmp_path / "set", 35)
    os.mkfifo(root / "pipe.png")
    images = load_images(root, 8, 3)
    assert images.notes == ("1 of another kind than files, such as pipes, the first of them is pipe.png",)
