"""No code of an untrusted file is ever run, and no file takes more memory or time than a checkpoint does."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search_spaces import CheckpointError, load_checkpoint
from search_spaces.reading import PickledObject, read_untrusted
from search_spaces.reading import untrusted as reader

REFERENCE = Path(__file__).parents[2] / "data" / "reference"


class Reduced:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self._call = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self._call


class WithSetState:
    """Would run its `__setstate__` when unpickled as what it is."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        Path(state["path"]).touch()


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        read_untrusted(path)
    message = str(error.value)
    assert str(path) in message
    assert message.isprintable()
    assert len(message) < 500
    return message


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "hostile.pkl"


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that a hostile pickle would make."""
    return tmp_path / "it-ran"


def commands(mark: Path) -> dict[str, Any]:
    """Things that would leave `mark` if they were run, and how they are named in the refusal."""
    code = f"open({str(mark)!r}, 'w')"
    return {
        "posix.system": Reduced(os.system, f"touch {mark}"),
        "builtins.eval": Reduced(builtins.eval, code),
        "builtins.exec": Reduced(builtins.exec, code),
        "builtins.getattr": Reduced(getattr, "text", "upper"),
        "builtins.__import__": Reduced(builtins.__import__, "antigravity"),
        f"{__name__}.WithSetState": Reduced(WithSetState, state={"path": str(mark)}),
    }


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", list(commands(Path("x"))))
def test_a_call_of_anything_else_is_refused_by_its_name(
    name: str, protocol: int, target: Path, mark: Path
) -> None:
    hidden = commands(mark)[name]
    for content in (hidden, {"G_ema": hidden}, [OrderedDict(), {"deep": (1, [hidden])}]):
        target.write_bytes(pickle.dumps(content, protocol))
        message = refusal(target)
        assert f".{name.rpartition('.')[2]}: it is refused" in message  # old protocols name modules otherwise
        assert not mark.exists()


@pytest.mark.parametrize("name", list(commands(Path("x"))))
@pytest.mark.parametrize("legacy", [True, False])
def test_a_call_inside_a_torch_file_is_refused(name: str, legacy: bool, target: Path, mark: Path) -> None:
    torch.save({"g_ema": commands(mark)[name]}, target, _use_new_zipfile_serialization=not legacy)
    message = refusal(target)
    assert name.rpartition(".")[2] in message
    assert not mark.exists()


def nested(stream: bytes) -> bytes:
    """A pickle that hands `stream` to torch's own loader of storages."""
    return pickle.dumps({"storage": Reduced(torch.storage._load_from_bytes, stream)}, protocol=4)


def test_a_call_hidden_in_the_tensor_stream_of_a_pickle_is_refused(target: Path, mark: Path) -> None:
    hostile = io.BytesIO()
    torch.save(Reduced(os.system, f"touch {mark}"), hostile, _use_new_zipfile_serialization=False)
    target.write_bytes(nested(hostile.getvalue()))
    assert "system" in refusal(target)
    target.write_bytes(nested(pickle.dumps(Reduced(os.system, f"touch {mark}"))))
    assert "torch did not write" in refusal(target)
    assert not mark.exists()


def test_numpy_is_no_way_in(target: Path, mark: Path) -> None:
    objects = np.array([Reduced(os.system, f"touch {mark}")], dtype=object)
    for protocol in range(2, 6):
        target.write_bytes(pickle.dumps({"x": objects}, protocol))
        assert "system" in refusal(target)
    big = b"\x80\x04cnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x03\x00\x00\x00O16\x89\x88tRC\x01atR."
    target.write_bytes(big)
    assert "numpy scalar of type 'O16'" in refusal(target)
    assert not mark.exists()


def test_what_stands_in_can_not_be_changed_for_the_next_file(target: Path) -> None:
    """BUILD sets attributes of whatever is on the stack, also of a class: here, `copy` of EasyDict."""
    vandal = b"\x80\x04cdnnlib.util\nEasyDict\nN}(X\x04\x00\x00\x00copycbuiltins\nset\nu\x86b."
    target.write_bytes(vandal)
    assert read_untrusted(target) is None  # a class is no value
    assert all(getattr(stand_in, "copy", None) is not set for stand_in in reader._stand_ins().values())
    assert isinstance(read_untrusted(REFERENCE / "nvidia_32.pkl")["G_ema"], PickledObject)


@pytest.mark.parametrize(
    "function",
    [
        "torch_utils.persistence _reconstruct_persistent_obj",
        "torch._utils _rebuild_parameter",
        "torch._utils _rebuild_tensor_v2",
        "torch.storage _load_from_bytes",
        "numpy._core.multiarray scalar",
    ],
)
def test_functions_that_stand_in_can_not_be_changed_either(function: str, target: Path) -> None:
    """The same with a function's defaults, so that it could be called with less."""
    name = function.encode().replace(b" ", b"\n")
    target.write_bytes(
        b"\x80\x04c" + name + b"\nN}(X\x0c\x00\x00\x00__defaults__N\x85X\x04\x00\x00\x00copyNu\x86b."
    )
    assert read_untrusted(target) is None
    stand_in = reader._stand_ins()[function.partition(" ")[2]]
    assert stand_in.__defaults__ is None
    assert not hasattr(stand_in, "copy")


@pytest.mark.parametrize(
    ("pickled", "says"),
    [
        (b"\x80\x04]r\xff\xff\xff\x7f.", "more memory"),  # LONG_BINPUT into slot 2³¹
        (b"\x80\x04" + b"N\x85" * 60_000 + b".", "far more objects"),  # a nest of tuples
        (b"\x80\x04" + b"]" + b"]a" * 10 + b"0" * 11 + b"N.", "damaged"),
        (b"\x80\x04X\x04\x00\x00\x00evilQ.", "from outside"),  # a persistent id
        (b"\x80\x02\x82\x01.", "from outside"),  # the extension registry
        (b"\x80\x04" + b"\x8e" + struct.pack("<Q", 2**62) + b"x.", "damaged"),  # bytes that aren't there
    ],
)
def test_a_pickle_that_would_take_too_much_is_refused(pickled: bytes, says: str, target: Path) -> None:
    target.write_bytes(pickled)
    assert says in refusal(target)


def test_values_nested_too_deep_or_shared_too_often_are_refused(target: Path) -> None:
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    laughs: list[Any] = ["ha"]
    for _ in range(40):
        laughs = [laughs, laughs]
    endless: list[Any] = []
    endless.append(endless)
    for content in (deep, laughs, endless):
        target.write_bytes(pickle.dumps(content))
        assert "nested deeper" in refusal(target)


def doubled(times: int, value: Any = "ha") -> Any:
    for _ in range(times):
        value = (value, value)
    return value


def without_hashing(key: Any) -> bytes:
    """`{key: 1}`, without making one here."""
    return b"\x80\x02}" + pickle.dumps(key, 2)[2:-1] + b"K\x01s."


def in_archive(pickled: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3")
    return stream.getvalue()


def test_a_key_that_takes_for_ever_to_hash_is_refused(target: Path) -> None:
    key = without_hashing(doubled(40))
    in_set = b"\x80\x04\x8f(" + pickle.dumps(doubled(40), 2)[2:-1] + b"\x90."
    built = key.replace(b"K\x01s.", b"NbK\x01s.")  # BUILD with nothing, which leaves a tuple what it is
    wide = (
        b"\x80\x04}("
        + b"N2" * 99
        + b"tq\x00"
        + b"".join(
            b"0(" + b"h" + bytes([i]) * 1 + (b"h" + bytes([i])) * 98 + b"tq" + bytes([i + 1])
            for i in range(5)
        )
        + b"K\x01s."
    )
    legacy = reader.TORCH_LEGACY + pickle.dumps({}, 2) + key + pickle.dumps([], 2)
    for content in (key, in_set, built, wide, in_archive(key), legacy, nested(legacy)):
        target.write_bytes(content)
        assert "holds more" in refusal(target)


def test_a_name_that_torch_would_search_for_hours_is_refused(target: Path) -> None:
    pickled = b"\x80\x02ccollections\nOrderedDi" + b"[" * 1_000_000 + b"\n)R."
    legacy = reader.TORCH_LEGACY + pickle.dumps({}, 2) + pickled + pickle.dumps([], 2)
    for content in (in_archive(pickled), legacy):
        target.write_bytes(content)
        said = refusal(target)
        assert "asks for collections OrderedDi[[[" in said
        assert len(said) < 1_000


def test_what_would_be_printed_for_ever_is_refused(target: Path) -> None:
    laughs: list[Any] = ["ha"]
    for _ in range(40):
        laughs = [laughs, laughs]
    target.write_bytes(in_archive(pickle.dumps(laughs, 2)[:-1] + b")R."))
    assert "damaged" in refusal(target)  # a list is called
    target.write_bytes(b"\x80\x04cnumpy\ndtype\n(" + pickle.dumps(["O16"], 2)[2:-1] + b"tR.")
    assert "holds a list where a name should be" in refusal(target)
    module = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
    meta = pickle.dumps({"class_name": ["G"], "state": {}}, 2)[2:-1]
    target.write_bytes(b"\x80\x04" + module + meta + b"\x85R.")
    assert "holds a list where a name should be" in refusal(target)


def tensor_of(values: int, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> bytes:
    stream = io.BytesIO()
    torch.save(torch.zeros(values).storage(), stream, _use_new_zipfile_serialization=False)
    storage = Reduced(torch.storage._load_from_bytes, stream.getvalue())
    arguments = (storage, offset, size, stride, False, OrderedDict())
    return pickle.dumps({"x": Reduced(torch._utils._rebuild_tensor_v2, *arguments)})


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_a_tensor_has_all_of_its_values_in_the_file(target: Path) -> None:
    target.write_bytes(tensor_of(6, (2, 3), (3, 1)))
    assert read_untrusted(target)["x"].shape == (2, 3)
    for size, stride, offset in (
        ((10**6, 10**6), (0, 0), 0),
        ((3, 3), (3, 1), 0),
        ((2, 3), (3, 1), 1),
        ((2,), (-1,), 0),
        ((-2,), (1,), 0),
    ):
        target.write_bytes(tensor_of(6, size, stride, offset))
        assert "holds a tensor of size" in refusal(target)


def test_a_zip_is_a_torch_archive_or_refused(target: Path) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("picture.png", b"\x89PNG")
    assert "is a zip, but no torch archive" in refusal(target)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/data/0", bytes(10**6))
    assert "compressed zip" in refusal(target)


def written(target: Path, *, checksums: bool = True) -> Path:
    """A torch archive of a tensor whose bytes are all 7."""
    torch.serialization.set_crc32_options(checksums)
    try:
        torch.save({"x": torch.full((4_000,), 7, dtype=torch.uint8)}, target)
    finally:
        torch.serialization.set_crc32_options(True)
    return target


def test_a_flipped_bit_in_a_tensor_of_a_torch_archive_is_noticed(target: Path) -> None:
    whole = bytearray(written(target).read_bytes())
    whole[whole.index(b"\x07" * 4_000) + 2_000] ^= 1
    target.write_bytes(whole)
    assert "data/0 does not match its checksum): fetch it again" in refusal(target)


def test_a_torch_archive_that_was_written_without_checksums_is_read(target: Path) -> None:
    assert bool((read_untrusted(written(target, checksums=False))["x"] == 7).all())


def test_a_zip_that_would_be_longer_than_itself_is_refused(target: Path) -> None:
    """Entries over one another could keep a reader busy for ever."""
    whole = bytearray(written(target).read_bytes())
    entry = whole.rindex(b"data/0") - len("hostile/") - 46  # its place in the central directory
    whole[entry + 20 : entry + 28] = struct.pack("<2I", 2**30, 2**30)
    target.write_bytes(whole)
    assert "entries overlap" in refusal(target)


@pytest.mark.parametrize(
    "name", ["two\nlines", "a\x1b[31mred", "\u202egnp", "tab\tand\rreturn", "n" * 100_000, "\x00"]
)
def test_a_name_that_would_spoil_the_terminal_is_made_harmless(name: str, target: Path) -> None:
    length = struct.pack("<Q", len(name.encode()))
    text = b"\x8d" + length + name.encode()
    target.write_bytes(b"\x80\x04" + text + text + b"\x93.")
    message = refusal(target)
    assert "asks for" in message
    target.write_bytes(b"\x80\x04" + text + b"\x8d" + struct.pack("<Q", 4) + b"evil" + b"\x93.")
    assert "asks for" in refusal(target)
    torch.save({name: torch.zeros(1)}, target)
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(target)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 500


def test_an_oversized_file_is_refused_before_it_is_read(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_BYTES", 1_000)
    target.write_bytes(pickle.dumps(bytes(2_000)))
    assert "is larger than" in refusal(target)


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b"\x89HDF\r\n\x1a\n", b"#!/bin/sh\n", b"<html>"])
def test_what_is_no_checkpoint_at_all_is_said_to_be_none(data: bytes, target: Path) -> None:
    target.write_bytes(data)
    message = refusal(target)
    assert "is no checkpoint" in message if data else "is empty" in message


def test_the_error_for_a_tensorflow_pickle_says_how_to_convert_it(target: Path) -> None:
    target.write_bytes(b"\x80\x04cdnnlib.tflib.network\nNetwork\n.")
    assert "is a TensorFlow network: convert it with legacy.py" in refusal(target)
