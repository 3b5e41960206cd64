"""Values beside the tensors of a training file are read as plain ones, and code is never called for them."""

from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import fractions
import pathlib
import pickle
import types
import uuid
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from search_spaces import CheckpointError
from search_spaces.reading import read_untrusted


def read(value: Any, path: Path, protocol: int | None = None) -> Any:
    """`value` as it is read back from a torch file, or from a plain pickle of a protocol."""
    content = {"weight": torch.ones(2), "value": value}
    if protocol is None:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps({"value": value}, protocol))
    return read_untrusted(path)["value"]


@pytest.mark.parametrize("protocol", [None, 2, 4, 5])
@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(12.5), 12.5),
        (np.float32(0.5), 0.5),
        (np.int32(7), 7),
        (np.bool_(True), True),
        ([np.float32(0.5)] * 2, [0.5, 0.5]),
        (pathlib.PurePosixPath("/runs/a"), "/runs/a"),
        (pathlib.PosixPath("runs/a"), "runs/a"),
        (datetime.datetime(2024, 5, 1, 12, 30), "2024-05-01 12:30:00"),
        (datetime.date(2024, 5, 1), "2024-05-01"),
        (datetime.timedelta(hours=1), "1:00:00"),
        (decimal.Decimal("1.50"), "1.50"),
        (collections.defaultdict(list, {"a": [1]}), {"a": [1]}),
        (collections.defaultdict(int), {}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.deque([1, 2], 5), [1, 2]),
        (np.float32, None),
    ],
)
def test_harmless_values_are_read_as_plain_ones(
    value: Any, plain: Any, protocol: int | None, tmp_path: Path
) -> None:
    assert read(value, tmp_path / "file", protocol) == plain


@pytest.mark.parametrize("protocol", [None, 2, 4, 5])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(24, dtype=np.float64).reshape(2, 3, 4)),
        np.arange(4, dtype=np.float16),
        np.array(3, dtype=np.int64),
        np.zeros((0, 3), np.uint8),
        np.array([True, False]),
    ],
)
def test_arrays_of_numbers_are_read_as_tensors(
    array: np.ndarray[Any, Any], protocol: int | None, tmp_path: Path
) -> None:
    tensor = read(array, tmp_path / "file", protocol)
    assert isinstance(tensor, Tensor)
    assert torch.equal(tensor, torch.from_numpy(array.copy()))


def test_arrays_of_other_values_are_left_out(tmp_path: Path) -> None:
    assert read(np.array(["a", "b"]), tmp_path / "file") is None
    assert read(np.zeros(2, ">f4"), tmp_path / "file") is None


@pytest.mark.parametrize("kind", [argparse.Namespace, types.SimpleNamespace])
def test_arguments_with_paths_and_dates_do_not_stand_in_the_way(kind: Any, tmp_path: Path) -> None:
    arguments = kind(out=pathlib.Path("/x"), started=datetime.datetime(2024, 5, 1), sizes=frozenset((1,)))
    torch.save({"args": arguments, "weight": torch.ones(2)}, tmp_path / "file")
    assert torch.equal(read_untrusted(tmp_path / "file")["weight"], torch.ones(2))


def test_an_array_has_all_of_its_values_in_the_file(tmp_path: Path) -> None:
    for shape in ((10**6, 10**6), (3,), (-1, -2)):
        array = pickle.dumps(np.zeros(2, np.float32), 2).replace(
            pickle.dumps((2,), 2)[2:-1].split(b"q")[0], pickle.dumps(shape, 2)[2:-1].split(b"q")[0]
        )
        (tmp_path / "file").write_bytes(array)
        with pytest.raises(CheckpointError):
            read_untrusted(tmp_path / "file")


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        read_untrusted(path)
    return str(error.value)


class Own(nn.Module):
    """A network of somebody's own code."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_whole_module_is_refused_with_what_to_save_instead(tmp_path: Path) -> None:
    for whole in (Own(), {"epoch": 3, "netG": Own()}, nn.Sequential(nn.Linear(2, 2))):
        for zipped in (True, False):
            torch.save(whole, tmp_path / "file", _use_new_zipfile_serialization=zipped)
            assert "save model.state_dict() instead" in refusal(tmp_path / "file")
    (tmp_path / "file").write_bytes(pickle.dumps(Own()))
    assert "save model.state_dict() instead" in refusal(tmp_path / "file")
    torch.jit.trace(Own(), torch.ones(2)).save(str(tmp_path / "file"))
    message = refusal(tmp_path / "file")
    assert "is a TorchScript archive" in message
    assert "save model.state_dict()" in message


def test_another_pickle_protocol_is_named(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "file", pickle_protocol=4)
    assert "save it again by torch.save without pickle_protocol" in refusal(tmp_path / "file")


@pytest.mark.parametrize("protocol", [None, 2, 4, 5])
@pytest.mark.parametrize(
    "value",
    [
        np.datetime64("2026-01-01"),
        np.timedelta64(3, "s"),
        np.str_("text"),
        np.complex64(1j),
        uuid.UUID(int=7),
        fractions.Fraction(1, 3),
    ],
)
def test_values_that_say_nothing_of_a_network_are_dropped(
    value: Any, protocol: int | None, tmp_path: Path
) -> None:
    assert read(value, tmp_path / "file", protocol) is None


def test_an_exported_program_is_refused_with_what_to_save_instead(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file", "w") as archive:  # as torch.export.save lays it out
        archive.writestr("file/archive_format", "pt2")
        archive.writestr("file/models/model.json", "{}")
    assert "torch.save(program.state_dict, 'weights.pt')" in refusal(tmp_path / "file")
