"""Whatever is mapped is mapped read-only, or files larger than memory could not be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from distill.data import load_images
from distill.evaluation.real_cache import read_features, write_features
from distill.storage import mapped_tensor
from distill.tasks import NoiseTask
from distill.teachers import make_teacher_cache
from search_spaces import load_checkpoint
from tests.distill.data.pictures import pictures

MAPS = Path("/proc/self/maps")


def rights(path: Path) -> set[str]:
    """How this process has mapped files below `path`, such as {"r--s"}."""
    return {line.split()[1] for line in MAPS.read_text().splitlines() if str(path) in line}


@pytest.mark.filterwarnings("error")
def test_a_tensor_over_an_array_is_no_copy_and_keeps_it_open_without_a_warning(tmp_path: Path) -> None:
    expected = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(tmp_path / "a.npy", expected)
    array = np.load(tmp_path / "a.npy", mmap_mode="r")
    tensor = mapped_tensor(array[1:])
    assert tensor.data_ptr() == array[1:].ctypes.data
    del array
    assert np.array_equal(tensor.numpy(), expected[1:])


@pytest.mark.skipif(not MAPS.exists(), reason="needs Linux")
def test_images_teacher_caches_and_features_are_mapped_read_only(tmp_path: Path, teacher_file: Path) -> None:
    images = load_images(pictures(tmp_path / "faces", 40), 8, 3, cache=tmp_path / "cache")
    assert images.images.any()
    assert rights(tmp_path / "cache") == {"r--s"}
    teacher = load_checkpoint(teacher_file).generator
    inputs = NoiseTask(images, teacher.input_specs).teacher_inputs(4, seed=0)
    cache = make_teacher_cache(teacher, "digest", inputs, tmp_path / "cache")
    assert len(cache) == 4
    assert rights(tmp_path / "cache") == {"r--s"}
    write_features(tmp_path / "features.npy", torch.ones(5, 3))
    features = read_features(tmp_path / "features.npy", 5)
    assert features is not None
    assert rights(tmp_path / "features.npy") == {"r--s"}
