"""Reads untrusted checkpoints, torch archives and pickles, as plain values; never runs code of a file.

Torch's own archives go through its weights-only reader. A plain pickle, the format of NVIDIA's networks, goes
through an unpickler with an allow-list of the names that such a file needs. Each name becomes a harmless
substitute: modules come back as `PickledObject`, and the source text that they carry is dropped.
"""

from __future__ import annotations

import argparse
import io
import math
import pickle
import pickletools
import re
import sys
import warnings
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search_spaces.errors import CheckpointError, one_line, os_reason
from search_spaces.reading.pickle_graph import PickleGraph
from search_spaces.reading.plain import (
    MAX_VALUES,
    STATE_DICT,
    TOO_MUCH,
    WHOLE_MODULE,
    PickledObject,
    RefusedError,
    as_plain,
    as_text,
)
from search_spaces.reading.stand_ins import harmless

MAX_BYTES = 8 * 2**30  # of a file; a 1024 px network with its optimizers takes one
MAX_OPCODES = 2_000_000  # a 1024 px network takes some 60,000
MAX_TUPLES = 50_000  # a deep nest of them would overflow the C stack
MAX_NAME = 500  # characters of a class's name: torch searches its refusals of longer ones for minutes
MAX_MEMO = 2_000_000  # memo slots: an unpickler makes room for the highest number it reads

# how torch.save's files began before 1.6: a magic number and version 1001, a pickle each
TORCH_LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e80024de9032e")

_FIX = "give a checkpoint from a source that you trust"


def read_untrusted(path: Path) -> Any:
    """What the torch archive or pickle `path` holds: dicts, lists, numbers, strings, tensors and modules.

    Raises:
        CheckpointError: it is neither, is damaged or oversized, or asks for anything that could run code.
    """
    try:
        with path.open("rb") as file:
            size, head = path.stat().st_size, file.read(64)
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({os_reason(error)}): give another file") from error
    if size == 0:
        raise CheckpointError(f"{path} is empty: give a complete checkpoint")
    if size > MAX_BYTES:
        raise CheckpointError(f"{path} is larger than {MAX_BYTES >> 30} GiB: {_FIX}")
    try:
        return as_plain(_reader(head)(path))
    except RefusedError as refused:
        raise CheckpointError(
            f"{path} {one_line(refused)}: it is refused, nothing in it was run; {refused.fix or _FIX}"
        ) from None
    except Exception as error:  # whatever a damaged file makes the readers raise
        reason = one_line(" ".join(str(error).split()), 120) or type(error).__name__
        raise CheckpointError(f"{path} is damaged or cut off ({reason}): fetch it again") from error


def _reader(head: bytes) -> Callable[[Path], Any]:
    """The reader for a file that begins with `head`."""
    if head.startswith(b"PK\x03\x04"):
        return _read_zip
    if head.startswith(TORCH_LEGACY):
        return lambda path: _read_legacy(path.open("rb"))
    if head[:1] == b"\x80" or head[:1] in b"(cd]}":
        return _read_pickle
    raise RefusedError(
        f"is no checkpoint: it begins with {head[:8]!r}", "docs/checkpoints.md lists what is read"
    )


def _read_zip(path: Path) -> Any:
    """A torch archive, whose members are stored, not compressed: nothing can inflate without end.

    Torch's reader ignores the checksums in it, so they are compared here.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(member.filename.endswith("/constants.pkl") for member in members):
            raise RefusedError(
                "is a TorchScript archive, a network with its code",
                f"load it by torch.jit.load, save model.state_dict() as in {STATE_DICT}, and give that",
            )
        if any(member.filename.endswith("/archive_format") for member in members):
            raise RefusedError(
                "is an archive of torch.export, a network with its code",
                "load it by torch.export.load, save the program's state_dict as in "
                f"{STATE_DICT.replace('model.state_dict()', 'program.state_dict')}, and give that",
            )
        pickles = [member for member in members if member.filename.lower().endswith("/data.pkl")]
        if not pickles:
            raise RefusedError("is a zip, but no torch archive")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise RefusedError("is a compressed zip, which torch does not write")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise RefusedError("is a zip whose entries overlap")
        if not any(member.CRC for member in members):  # torch.serialization.set_crc32_options(False)
            for member in members:
                member.CRC = None  # type: ignore[assignment]  # zipfile compares none, then
        if (changed := archive.testzip()) is not None:
            raise ValueError(f"{changed} does not match its checksum")
        for member in pickles:
            with archive.open(member) as file:
                _scan(file)
    return _torch_load(path.open("rb"))


def _read_legacy(file: Any) -> Any:
    """A torch stream: the version, this system, the object and the storages' keys are pickles in a row."""
    for _ in range(5):
        _scan(file)
    file.seek(0)
    return _torch_load(file)


def _torch_load(file: Any) -> Any:
    """Tensors by torch's own weights-only reader."""
    try:
        with file, torch.serialization.safe_globals(_safe_globals()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # meant for torch's developers
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).partition("WeightsUnpickler error: ")[2] or str(error)
        asked = re.search(r"(?:GLOBAL|for class) ([\w.]+)", reason)
        if asked is not None:
            raise _asks_for(asked[1]) from error
        if "Unsupported operand" in reason:
            raise RefusedError(
                "is of another pickle protocol than 2", "save it again by torch.save without pickle_protocol"
            ) from error
        # without torch's advice to trust it
        raise pickle.UnpicklingError(reason.partition("\n")[0]) from error


def _safe_globals() -> list[Any]:
    """What torch's reader may take beside its own types; training files carry arguments as a Namespace."""
    known = [(stand_in, name) for name, stand_in in harmless().items() if name != "_codecs.encode"]
    return [argparse.Namespace, *known]  # torch has the encoder itself


def _read_pickle(path: Path) -> Any:
    with path.open("rb") as file:
        _scan(file, plain=True)
        file.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about storages, which is how NVIDIA's files hold their tensors
            return _Unpickler(file).load()


def _scan(file: Any, *, plain: bool = False) -> None:
    """Check every instruction of a pickle before the first one is executed.

    Args:
        file: where the pickle begins; afterwards, where it ends.
        plain: it is for our own unpickler, not for torch's.

    Raises:
        RefusedError: there are too many, or some that no checkpoint needs.
    """
    tuples, graph = 0, PickleGraph()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        tuples += opcode.name.startswith("TUPLE")
        if count > MAX_OPCODES or tuples > MAX_TUPLES:
            raise RefusedError("holds far more objects than a checkpoint does")
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(str(argument)) > MAX_MEMO:
            raise RefusedError("asks for more memory than a checkpoint needs")
        if opcode.name in ("GLOBAL", "INST") and len(str(argument)) > MAX_NAME:
            raise _asks_for(str(argument))
        if plain:
            _refuse_outside(opcode.name, argument)
        graph.step(opcode, argument)
    if graph.expanded() > MAX_VALUES:
        raise RefusedError(TOO_MUCH)


def _refuse_outside(instruction: str, argument: Any) -> None:
    if instruction in ("PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4"):
        raise RefusedError(f"asks for an object from outside ({instruction})")
    if instruction in ("GLOBAL", "INST"):
        module, _, name = str(argument).partition(" ")
        _refuse_unknown(*_renamed(module, name))


_KNOWN = {
    ("collections", "OrderedDict"),
    ("builtins", "set"),
    ("dnnlib.util", "EasyDict"),
    ("torch_utils.persistence", "_reconstruct_persistent_obj"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch.storage", "_load_from_bytes"),
    *((module, name) for module, _, name in (known.rpartition(".") for known in harmless())),
}


def _renamed(module: str, name: str) -> tuple[str, str]:
    """Python 3's name of a class or function; protocols 0 to 2 have Python 2's."""
    return NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))


def _refuse_unknown(module: str, name: str) -> None:
    if module.startswith("dnnlib.tflib"):
        raise RefusedError(
            "is a TensorFlow network: convert it with legacy.py of NVlabs/stylegan3 (--source … --dest …)"
        )
    if (module, name) not in _KNOWN:
        raise _asks_for(f"{module}.{name}")


def _asks_for(name: str) -> RefusedError:
    """The refusal of a class or function; of a library or of somebody's own code it is rather a network's."""
    top = name.partition(".")[0]
    written_here = top == "__main__" or top not in sys.stdlib_module_names
    if written_here and not name.startswith(("numpy", "torch._", "__builtin__")):
        return RefusedError(f"asks for {one_line(name, 120)}", WHOLE_MODULE)
    return RefusedError(f"asks for {one_line(name, 120)}")


class _Unpickler(pickle.Unpickler):
    """Resolves the names of `_KNOWN` only; substitutes are built anew: no file changes the next one's."""

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self._stand_ins = _stand_ins()

    def find_class(self, module: str, name: str) -> Any:
        module, name = _renamed(module, name)
        _refuse_unknown(module, name)
        return self._stand_ins[name]


def _stand_ins() -> dict[str, Any]:
    class Bag(dict[str, Any]):
        """An EasyDict."""

    def module(meta: Mapping[str, Any]) -> PickledObject:
        return PickledObject(as_text(meta["class_name"]), meta["state"])

    def parameter(data: Tensor, *_: Any) -> Tensor:
        return data

    def storage_of(data: bytes) -> Any:
        """A storage from the torch stream inside a pickle, which is a pickle in turn."""
        if not data.startswith(TORCH_LEGACY):
            raise RefusedError("holds a nested stream that torch did not write")
        storage = _read_legacy(io.BytesIO(data))
        if not isinstance(storage, torch.storage.TypedStorage | torch.UntypedStorage):
            raise RefusedError("holds a nested stream of something else than values")
        return storage

    def tensor_over(
        storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
    ) -> Tensor:
        """A tensor over `storage`, which must really hold all of its elements."""
        if not all(isinstance(n, int) for n in (offset, *size, *stride)):
            raise RefusedError("holds a tensor whose size is no number")
        values = storage.untyped()
        held = values.nbytes() // storage.dtype.itemsize
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if min([offset, *size, *stride], default=0) < 0 or (0 not in size and last >= held):
            raise RefusedError(f"holds a tensor of size {tuple(size)} without its values")
        if math.prod(size) > held:
            raise RefusedError(f"holds a tensor of size {tuple(size)} that repeats its values")
        return torch.empty(0, dtype=storage.dtype).set_(values, offset, torch.Size(size), tuple(stride))

    nvidia = {
        "OrderedDict": OrderedDict,
        "set": set,
        "EasyDict": Bag,
        "_reconstruct_persistent_obj": module,
        "_rebuild_parameter": parameter,
        "_rebuild_tensor_v2": tensor_over,
        "_load_from_bytes": storage_of,
    }
    return {name.rpartition(".")[2]: stand_in for name, stand_in in harmless().items()} | nvidia
