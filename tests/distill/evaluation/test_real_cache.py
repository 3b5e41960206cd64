"""Statistics and features of real images are computed once and kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from distill.data import ImageSet
from distill.errors import FidelityError
from distill.evaluation import fidelity, reference
from distill.evaluation.fidelity import Fidelity
from distill.evaluation.gathering import Gathered
from tests.distill.evaluation.digit_sets import DIGITS, SETS, Replay, against


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of images, each time that a set of them is looked at."""
    calls: list[int] = []
    original = reference.gather

    def count(*arguments: Any) -> Gathered:
        found = original(*arguments)
        calls.append(found.images)
        return found

    for module in (fidelity, reference):
        monkeypatch.setattr(module, "gather", count)
    return calls


def test_real_statistics_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch)
    cache = tmp_path / "made" / "on-demand"
    first, second = (Fidelity(SETS, "digits", cache=cache) for _ in range(2))
    assert calls == [1797]
    assert first.fid(Replay(), 60, seed=0) == second.fid(Replay(), 60, seed=0)
    (file,) = cache.iterdir()
    assert file.name == f"{DIGITS.digest}-digits-{first.extractor.digest}.npz"


def test_other_data_have_statistics_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch)
    Fidelity(SETS, "digits", cache=tmp_path)
    Fidelity(against(ImageSet("few", DIGITS.images[:99], "f" * 16)), "digits", cache=tmp_path)
    assert calls == [1797, 99]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage", "other", "nan", "count"])
def test_damaged_statistics_are_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    expected = Fidelity(SETS, "digits", cache=tmp_path).fid(Replay(), 60, seed=0)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    if damage == "other":
        np.savez(file, mu=np.zeros(3), sigma=np.zeros((2, 2)), images=1797)
    elif damage == "count":
        np.savez(file, mu=np.zeros(64), sigma=np.zeros((64, 64)), images=1796)
    elif damage == "nan":
        np.savez(file, mu=np.full(64, np.nan), sigma=np.zeros((64, 64)), images=1797)
    else:
        file.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "garbage": b"x" * 500}[damage])
    calls = counted(monkeypatch)
    assert Fidelity(SETS, "digits", cache=tmp_path).fid(Replay(), 60, seed=0) == expected
    assert calls == [1797, 60]
    assert file.read_bytes() == whole


def test_statistics_are_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: IO[bytes], **_: object) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(KeyboardInterrupt):
        Fidelity(SETS, "digits", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FidelityError, match=r"file/cache can't be written"):
        Fidelity(SETS, "digits", cache=tmp_path / "file" / "cache")


def test_real_features_are_kept_only_when_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(monkeypatch)
    names = ["fid", "kid", "prc"]
    expected = Fidelity(SETS, "digits", cache=tmp_path, metrics=names).measure(Replay(), names, 60, seed=0)
    assert calls == [1797, 60]
    assert len(list(tmp_path.iterdir())) == 2
    kept = np.load(next(tmp_path.glob("*.features.npy")))
    assert (kept.shape, kept.dtype) == ((1797, 64), np.float32)
    again = Fidelity(SETS, "digits", cache=tmp_path)
    assert again.measure(Replay(), names, 60, seed=0) == expected
    assert calls == [1797, 60, 60]


@pytest.mark.parametrize("damage", ["empty", "garbage", "other"])
def test_damaged_features_are_computed_again(tmp_path: Path, damage: str) -> None:
    expected = Fidelity(SETS, "digits", cache=tmp_path).measure(Replay(), ["kid"], 60, seed=0)
    file = next(tmp_path.glob("*.features.npy"))
    if damage == "other":
        np.save(file, np.zeros((3, 64), np.float32))
    else:
        file.write_bytes({"empty": b"", "garbage": b"x" * 500}[damage])
    assert Fidelity(SETS, "digits", cache=tmp_path).measure(Replay(), ["kid"], 60, seed=0) == expected
    assert np.load(file).shape == (1797, 64)
