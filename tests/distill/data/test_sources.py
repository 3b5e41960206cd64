"""Archives that are not to be trusted, MNIST's files, and torchvision's data sets."""

from __future__ import annotations

import gzip
import shutil
import socket
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from distill.data import absolute, load_images, sample_images
from distill.data.sources import archive
from distill.errors import DataError
from tests.distill.data.pictures import pictures, zipped


def packed(content: bytes) -> bytes:
    """The same bytes at any time: they are in names of tests, which all of xdist's workers must agree on."""
    return gzip.compress(content, mtime=0)


# --- archives


@pytest.mark.parametrize(
    "name",
    ["../out.png", "a/../../out.png", "/etc/out.png", "..\\out.png", "\\out.png", "C:\\out.png", "../a.txt"],
)
def test_a_zip_that_names_a_place_outside_is_refused(folder: Path, name: str) -> None:
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, b"content")
    with pytest.raises(DataError, match="a place outside of itself: make it anew") as caught:
        load_images(path, 8, 3)
    assert repr(name) in str(caught.value)


def test_two_dots_in_a_name_are_no_way_out(folder: Path) -> None:
    (folder / "me..and..you.png").write_bytes((folder / "000.png").read_bytes())
    assert len(load_images(zipped(folder), 8, 3)) == 33


def test_a_zip_bomb_is_refused_before_anything_is_unpacked(folder: Path) -> None:
    path = zipped(folder)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        for i in range(2):
            file.writestr(f"bomb{i}.png", bytes(archive.HARMLESS // 2))
    with pytest.raises(DataError, match=r"bytes and would unpack to 67\d+, more than 100 times as many"):
        load_images(path, 8, 3)


def test_a_member_larger_than_it_says_is_left_out(folder: Path) -> None:
    path = zipped(folder)
    with zipfile.ZipFile(path) as file:
        size = file.getinfo("000.png").file_size
    content = path.read_bytes()
    entry = content.rindex(b"000.png") - 46  # its place in the central directory
    path.write_bytes(content[: entry + 24] + struct.pack("<I", size - 9) + content[entry + 28 :])
    with pytest.raises(DataError, match="holds 31 images"):
        load_images(path, 8, 3)


def test_nothing_is_extracted(folder: Path, tmp_path: Path) -> None:
    path = zipped(folder)
    before = sorted(tmp_path.rglob("*"))
    load_images(path, 8, 3)
    assert sorted(tmp_path.rglob("*")) == before


def test_names_out_of_an_archive_are_shown_in_one_printable_line(folder: Path) -> None:
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("two\nlines\x1b[31m.png", b"no image")
    (skipped,) = load_images(path, 8, 3).skipped
    assert skipped == "two\\nlines\\x1b[31m.png: not an image"
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("../" + "n" * 5_000, b"")
    with pytest.raises(DataError, match="a place outside of itself") as caught:
        load_images(path, 8, 3)
    assert len(str(caught.value)) < 500


# --- idx files


def idx(array: np.ndarray) -> bytes:
    """The content of an idx file of bytes."""
    return struct.pack(f">{1 + array.ndim}I", 0x0800 | array.ndim, *array.shape) + array.tobytes()


SHAPES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
NUMBERS = np.arange(40, dtype=np.uint8) % 10


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """Images and labels, as MNIST comes."""
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(packed(idx(NUMBERS)))
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(packed(idx(SHAPES)))
    return path


def test_idx_files_are_read_with_their_labels(mnist: Path) -> None:
    plain = mnist.with_suffix("")
    plain.write_bytes(idx(SHAPES))
    for path in (mnist, plain):
        images = load_images(path, 8, 1)
        assert np.array_equal(images.images[:, 0], SHAPES)
        assert images.labels is not None
        assert images.labels.tolist() == NUMBERS.tolist()
        assert images.classes == tuple("0123456789")
    assert load_images(mnist, 8, 3).images.shape == (40, 3, 8, 8)


@pytest.mark.parametrize(
    "content",
    [None, b"", packed(idx(NUMBERS[:9])), packed(idx(SHAPES))],
    ids=["missing", "empty", "short", "images"],
)
def test_idx_labels_that_are_missing_or_damaged_are_none(mnist: Path, content: bytes | None) -> None:
    labels = mnist.with_name("t10k-labels-idx1-ubyte.gz")
    if content is None:
        labels.unlink()
    else:
        labels.write_bytes(content)
    images = load_images(mnist, 8, 1)
    assert (len(images), images.labels, images.classes) == (40, None, ())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "begins with b''"),
        (idx(SHAPES)[:9], "its header is cut off"),
        (idx(SHAPES)[:-1], "1 of its 40×8×8 bytes are missing"),
        (idx(SHAPES)[:16], "2560 of its 40×8×8 bytes are missing"),
        (idx(SHAPES) + b"x", "more follows than its 40×8×8 bytes"),
        (b"\0\0\x08\3" + b"\xff" * 12, "bytes are missing"),
        (idx(SHAPES[:0]), "says that it holds 0×8×8 bytes"),
        (idx(SHAPES[:, :, :0]), "says that it holds 40×8×0 bytes"),
        (packed(idx(SHAPES)[:-1]), "1 of its 40×8×8 bytes are missing"),
        (packed(idx(SHAPES) + b"x"), "more follows than its 40×8×8 bytes"),
        (packed(idx(SHAPES))[:-9], "Compressed file ended"),
        (packed(idx(SHAPES))[:-3], "Compressed file ended"),
        (packed(idx(SHAPES))[:-8] + bytes(8), "CRC check failed"),
        (b"not gzip", "begins with b'not '"),
        (packed(idx(SHAPES.reshape(-1))), "holds labels, not images: give the file of the images"),
        (idx(SHAPES.astype(">i4").view(np.uint8)).replace(b"\x08", b"\x0c", 1), r"begins with b'\\x00"),
        (packed(struct.pack(">4I", 0x0803, 2**31, 2**10, 2**10)), "more than 100 times as many"),
    ],
)
def test_a_damaged_idx_file_is_an_error(mnist: Path, content: bytes, says: str) -> None:
    mnist.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        load_images(mnist, 8, 1)
    assert str(mnist) in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("content", [idx(SHAPES), packed(idx(SHAPES))], ids=["plain", "packed"])
def test_an_idx_file_of_any_name_is_read_or_said_to_be_broken(tmp_path: Path, content: bytes) -> None:
    for name in ("train.bin", "mnist.gz", "digits"):
        (tmp_path / name).write_bytes(content)
        images = load_images(tmp_path / name, 8, 1)
        assert np.array_equal(images.images[:, 0], SHAPES)
        assert images.labels is None
        (tmp_path / name).write_bytes(content[:-9])
        with pytest.raises(DataError, match=r"is a broken idx file \(.*\): download it anew"):
            load_images(tmp_path / name, 8, 1)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\x1f\x8b broken", packed(b"text"), b"\0\0"])
def test_what_does_not_begin_as_an_idx_file_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError, match=r"neither a folder, nor a readable \.zip, nor an idx file: give"):
        load_images(tmp_path / "file", 8, 1)


# --- torchvision's data sets


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No network, and a folder for data sets that is not there yet."""

    def unreachable(*arguments: object, **options: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setenv("NAS_DATA", str(tmp_path / "sets"))
    return tmp_path / "sets"


def test_a_torchvision_set_is_found_by_its_name(offline: Path) -> None:
    raw = offline / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(SHAPES))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(NUMBERS))
    for load in (load_images, sample_images):
        images = load("torchvision:mnist", 8, 1)
        assert images.name == "torchvision:mnist"
        assert np.array_equal(images.images[:, 0], SHAPES)
        assert images.labels is not None
        assert images.labels.tolist() == NUMBERS.tolist()
        assert images.classes[:2] == ("0 - zero", "1 - one")


def test_without_a_network_one_line_says_what_to_do(offline: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError) as caught:
        load_images("torchvision:CIFAR10", 8, 3)
    said = str(caught.value)
    assert said.startswith(f"torchvision:CIFAR10 can't be downloaded to {offline} (")
    assert "name resolution" in said
    assert "set NAS_DATA to the folder that has them" in said
    assert "\n" not in said
    assert capfd.readouterr().out == ""


def test_a_sample_downloads_nothing(offline: Path) -> None:
    with pytest.raises(DataError, match=r"torchvision:CIFAR10 is not in .*sets yet, and a dry run downloads"):
        sample_images("torchvision:CIFAR10", 8, 3)
    assert not offline.exists()


@pytest.mark.parametrize("name", ["CIFAR11", "", "ImageFolder", "FakeData", "VisionDataset"])
def test_an_unknown_name_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match=f"no image data set '{name}' to download: give one such as"):
        load_images(f"torchvision:{name}", 8, 3)


# --- names that travel


def test_paths_become_absolute_and_names_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("digits") == "digits"
    assert absolute("torchvision:CIFAR10") == "torchvision:CIFAR10"
    assert absolute("./digits") == str(tmp_path / "digits")
    assert absolute("faces.zip") == str(tmp_path / "faces.zip")


# --- a folder in an archive


@pytest.fixture
def two_domains(tmp_path: Path) -> Path:
    """CycleGAN's layout in a .zip: images 0 to 31 in trainA, and others in trainB."""
    pictures(tmp_path / "horses" / "trainA", 32)
    pictures(tmp_path / "horses" / "trainB", 40, size=12)
    return zipped(tmp_path / "horses")


def test_a_folder_in_a_zip_has_the_images_of_that_folder_alone(two_domains: Path, folder: Path) -> None:
    alone = load_images(pictures(folder.parent / "alone", 32), 8, 3)
    for source in (f"{two_domains}:trainA", f"{two_domains}:trainA/", f"{two_domains}:/trainA"):
        found = load_images(source, 8, 3)
        assert np.array_equal(found.images, alone.images)
    assert len(load_images(f"{two_domains}:trainB", 8, 3)) == 40
    assert len(load_images(two_domains, 8, 3)) == 72
    assert load_images(f"{two_domains}:trainA", 8, 3).digest != load_images(two_domains, 8, 3).digest


def test_a_folder_that_is_not_in_the_zip_is_named_with_those_that_are(
    two_domains: Path, folder: Path
) -> None:
    with pytest.raises(DataError, match=r"horses\.zip has no folder 'train': give one of trainA, trainB"):
        load_images(f"{two_domains}:train", 8, 3)
    with pytest.raises(DataError, match=r"gone\.zip does not exist"):
        load_images(f"{folder.parent}/gone.zip:trainA", 8, 3)
    (folder / "more").rename(folder.parent / "more")
    with pytest.raises(DataError, match="all its images lie in its root; leave the folder out"):
        load_images(f"{zipped(folder)}:trainA", 8, 3)


def test_folders_around_all_images_of_a_zip_may_be_left_out(two_domains: Path, tmp_path: Path) -> None:
    root = tmp_path / "kept"
    shutil.copytree(tmp_path / "horses", root / "data" / "horses")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "._000.png").touch()
    wrapped = zipped(root)
    wanted = load_images(f"{two_domains}:trainA", 8, 3)
    for folder in ("trainA", "horses/trainA", "data/horses/trainA"):
        assert load_images(f"{wrapped}:{folder}", 8, 3).digest == wanted.digest
    assert len(load_images(f"{wrapped}:horses", 8, 3)) == 72
    with pytest.raises(
        DataError, match="give one of data/horses/trainA, data/horses/trainB, or leave it out"
    ):
        load_images(f"{wrapped}:train", 8, 3)


def test_folders_of_a_zip_are_offered_from_the_top_and_only_with_images(tmp_path: Path) -> None:
    for folder in ("a/cat", "a/dog", "b"):
        pictures(tmp_path / "set" / folder, 1)
    (tmp_path / "set" / "texts").mkdir()
    (tmp_path / "set" / "texts" / "read.me").touch()
    with pytest.raises(DataError, match="'c': give one of a, b, a/cat, a/dog, or leave it out"):
        load_images(f"{zipped(tmp_path / 'set')}:c", 8, 3)
    pictures(tmp_path / "one" / "faces", 40)
    with pytest.raises(DataError, match="all its images lie in faces/; leave the folder out"):
        load_images(f"{zipped(tmp_path / 'one')}:c", 8, 3)


def test_a_folder_in_a_zip_has_an_absolute_name(two_domains: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(two_domains.parent)
    assert absolute("horses.zip:trainA") == f"{two_domains.resolve()}:trainA"
