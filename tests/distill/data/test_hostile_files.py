"""Images from nobody knows where: names, lengths and sizes that lie."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from distill.data.decoding import UnusableImageError, decode
from distill.data.sources import open_source
from distill.data.translation.table import find_table, read_table
from distill.errors import DataError


def listed(path: Path) -> int:
    with ExitStack() as stack:
        return len(open_source(str(path), stack, download=False).listing())


def test_a_sparse_idx_file_of_12_gb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x-images-idx3-ubyte"
    with path.open("wb") as file:
        file.write(b"\0\0\x08\3" + struct.pack(">3I", 10, 28, 28))
        file.truncate(12 * 2**30)
    tracemalloc.start()
    with pytest.raises(DataError, match="more follows than its 10×28×28 bytes"):
        listed(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_an_idx_file_that_says_it_is_huge_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x-images-idx3-ubyte"
    with path.open("wb") as file:
        file.write(b"\0\0\x08\3" + struct.pack(">3I", 12 * 2**20, 32, 32))
        file.truncate(16 + 12 * 2**30)
    with pytest.raises(DataError, match=r"more than 4 GiB: give a folder or a \.zip"):
        listed(path)


@pytest.mark.parametrize("name", [b"\0a.png", b"\0\0\0\0\0\0", b"a.p\0ng"])
def test_an_entry_whose_name_has_a_nul_is_refused(name: bytes, tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("L", (16, 16)).save(picture, "PNG")
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("b.png", picture.getvalue())
        archive.writestr("aXXpng", picture.getvalue())
    content = (tmp_path / "images.zip").read_bytes()
    (tmp_path / "images.zip").write_bytes(content.replace(b"aXXpng", name))
    with pytest.raises(DataError, match="no name of a file: make it anew") as error:
        listed(tmp_path / "images.zip")
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "..\\a.png", "C:\\a.png", "a/../../b.png"])
def test_an_entry_that_leaves_the_archive_is_refused(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(DataError, match="a place outside of itself"):
        listed(tmp_path / "images.zip")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(100 * 2**20))
    assert (tmp_path / "bomb.zip").stat().st_size < 2**20
    with pytest.raises(DataError, match="would unpack to 104857600, more than 100 times"):
        listed(tmp_path / "bomb.zip")


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("damage", ["ends early", "is garbled"])
def test_a_table_that_can_not_be_unpacked_is_none(packed: int, damage: str, tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr("images/a.png", b"\x89PNG")
        archive.writestr("table.csv", "".join(f"{n}.png,{n * n}\n" for n in range(99)))
        entry = archive.getinfo("table.csv")
    assert find_table(str(path)) is not None
    content = bytearray(path.read_bytes())
    if damage == "ends early":
        directory = content.rindex(b"PK\1\2")
        content[directory + 20 : directory + 24] = struct.pack("<L", entry.compress_size - 30)
    else:
        begin = entry.header_offset + 30 + len(entry.filename)
        content[begin + 9 : begin + entry.compress_size] = bytes(entry.compress_size - 9)
    path.write_bytes(content)
    assert find_table(str(path)) is None


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    made = io.BytesIO()
    Image.new("1", (1, 1)).save(made, "PNG")
    content = bytearray(made.getvalue())
    content[16:24] = struct.pack(">2I", 60_000, 60_000)  # and the checksum of the header, which Pillow checks
    import zlib

    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    with pytest.raises(UnusableImageError, match=r"60000×60000 pixels|decompression bomb"):
        decode(bytes(content), 16, 1)


def test_a_column_may_have_an_equals_sign_in_its_name() -> None:
    table = read_table("table.csv", b"file,a=b,c\n1.png,1,x\n2.png,0,y\n")
    assert table.attributes(()) == ("a=b",)
    assert [table.value(image, "a=b") for image in table.rows] == [1, 0]
    assert [table.value(image, "c=y") for image in table.rows] == [0, 1]
