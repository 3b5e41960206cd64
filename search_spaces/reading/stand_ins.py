"""Harmless classes and functions that training files name, and what stands in for them.

Files carry losses as numpy scalars, paths, dates and dictionaries of other types beside their tensors. Each
name gets a function or class of ours that keeps the plain value, or drops it; no library's code is called.
"""

from __future__ import annotations

import codecs
import datetime
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from search_spaces.reading.plain import MAX_VALUES, PickledArray, RefusedError, as_text

_NUMPY = ("numpy.core", "numpy._core")  # before and since numpy 2
_NUMBERS = {
    "f2": torch.float16,
    "f4": torch.float32,
    "f8": torch.float64,
    "i1": torch.int8,
    "i2": torch.int16,
    "i4": torch.int32,
    "i8": torch.int64,
    "u1": torch.uint8,
    "b1": torch.bool,
}
_KINDS = "biufcmMSUV"  # of numpy's dtypes: all but objects
_PATHS = ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
_DICTIONARIES = (
    "easydict.EasyDict",
    "addict.addict.Dict",
    "munch.Munch",
    "yacs.config.CfgNode",
    "lightning.fabric.utilities.data.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
)
_TYPES = (  # named as values only: what a defaultdict makes, the type of an argument
    *(f"builtins.{name}" for name in ("bool", "dict", "float", "int", "list", "str", "tuple")),
    *(f"numpy.{name}" for name in ("float16", "float32", "float64", "int32", "int64", "uint8", "bool_")),
)
_DROPPED = ("complex", "frozenset", "range", "slice")  # of the builtins


def harmless() -> dict[str, Any]:
    """Stand-ins by their full names, made anew: what a file does to them does not reach the next file."""
    return {**_of_numpy(), **_of_text(), **_of_containers(), **_of_nothing()}


def _of_numpy() -> dict[str, Any]:
    """Dtypes, arrays and scalars: numbers are kept."""

    class DType:
        """A numpy dtype: only its name and byte order are of interest."""

        def __init__(self, name: str, *_: Any) -> None:
            self.name, self.order = as_text(name), "<"

        def __setstate__(self, state: tuple[Any, ...]) -> None:
            self.order = as_text(state[1])

    class Array(PickledArray):
        """A numpy array."""

        def __setstate__(self, state: tuple[Any, ...]) -> None:
            _, shape, dtype, by_columns, raw = state
            self.keep(raw, shape, dtype, by_columns is True)

        def keep(self, raw: Any, shape: Any, dtype: DType, by_columns: bool) -> None:
            """Keep the values of numbers; those of other types are dropped."""
            kind = _NUMBERS.get(as_text(dtype.name)) if dtype.order != ">" else None
            if kind is not None and isinstance(raw, bytes | bytearray):
                self.tensor = _tensor(raw, shape, kind, by_columns)

    def reconstructed(*_: Any) -> Array:
        return Array()

    def from_buffer(raw: Any, dtype: DType, shape: Any, order: str) -> Array:
        array = Array()
        array.keep(raw, shape, dtype, order == "F")
        return array

    def scalar(dtype: DType, raw: bytes) -> float | None:
        """A number; dates, texts, and numbers of other byte orders or widths, are dropped."""
        name = as_text(dtype.name)
        if not isinstance(raw, bytes) or name[:1] not in _KINDS:
            raise RefusedError(f"holds a numpy scalar of type {name[:20]!r}")
        if name not in _NUMBERS or dtype.order == ">":
            return None
        return torch.frombuffer(bytearray(raw), dtype=_NUMBERS[name])[0].item()

    functions = {
        "multiarray.scalar": scalar,
        "multiarray._reconstruct": reconstructed,
        "numeric._frombuffer": from_buffer,
    }
    by_package = {f"{package}.{name}": each for package in _NUMPY for name, each in functions.items()}
    return {"numpy.dtype": DType, "numpy.ndarray": Array, **by_package}


def _of_text() -> dict[str, Any]:
    """Bytes, paths, decimals and times."""

    def encode(text: str, encoding: str) -> bytes:
        """How protocol 2 writes bytes."""
        if encoding != "latin1":
            raise RefusedError(f"holds bytes in {as_text(encoding)[:20]!r}")
        return codecs.encode(as_text(text), "latin1")

    def nothing() -> bytes:
        """How protocol 2 writes no bytes."""
        return b""

    def path(*parts: str) -> str:
        return "/".join(as_text(part) for part in parts).replace("//", "/", 1)

    return {
        "_codecs.encode": encode,
        "builtins.bytes": nothing,
        "decimal.Decimal": path,
        **{f"{module}.{name}": path for module in ("pathlib", "pathlib._local") for name in _PATHS},
        **{f"datetime.{name}": _moment(name) for name in ("date", "datetime", "time", "timedelta")},
    }


def _of_containers() -> dict[str, Any]:
    """Dictionaries and namespaces of other types; what begins empty is filled by the file."""

    class Plain(dict[str, Any]):
        """A dictionary of another type, which becomes an ordinary one."""

        def __new__(cls, *_: Any) -> Any:
            return OrderedDict()

    class Fields:
        """Attributes without a class."""

    def empty(*_: Any) -> dict[Any, Any]:
        return {}

    def sequence(*_: Any) -> list[Any]:
        return []

    return {
        "collections.defaultdict": empty,
        "collections.deque": sequence,
        "types.SimpleNamespace": Fields,
        "uuid.UUID": Fields,
        **dict.fromkeys(_DICTIONARIES, Plain),
    }


def _of_nothing() -> dict[str, Any]:
    """Values that are dropped, and types that are named but never called."""

    def dropped(*_: Any) -> None:
        return None

    def never_called(*_: Any) -> None:
        raise RefusedError("calls a type that is no value of a checkpoint")

    return {
        "datetime.timezone": dropped,
        "fractions.Fraction": dropped,
        **{f"builtins.{name}": dropped for name in _DROPPED},
        **dict.fromkeys(_TYPES, never_called),
    }


def _moment(kind: str) -> Callable[..., Any]:
    def moment(*parts: Any) -> str:
        """A date or time as text; its zone, which has no part here, is left out."""
        of: Any = getattr(datetime, kind)
        return str(of(*(part for part in parts if isinstance(part, bytes | int))))

    return moment


def _tensor(raw: bytes | bytearray, shape: Any, kind: torch.dtype, by_columns: bool) -> torch.Tensor:
    """The array of `raw`, which must have exactly its values."""
    if not isinstance(shape, tuple) or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise RefusedError("holds an array whose size is no number")
    if len(shape) > 32 or math.prod(shape) * kind.itemsize != len(raw):
        raise RefusedError("holds an array without its values")
    if math.prod(shape) == 0:
        if max(shape) > MAX_VALUES:
            raise RefusedError("holds an array without its values")
        return torch.empty(shape, dtype=kind)
    values = torch.frombuffer(bytearray(raw), dtype=kind)
    return (
        values.reshape(shape[::-1]).permute(*range(len(shape))[::-1]) if by_columns else values.reshape(shape)
    )
