"""Labels where a source has them, and never an error where it has not."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.data import digits_labels, load_images
from distill.data.labels import by_folder, by_json, numbered
from distill.errors import DataError
from tests.distill.data.pictures import pictures, zipped

NAMES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=30)


@given(NAMES)
def test_folders_are_classes_in_the_order_of_their_names(folders: list[str]) -> None:
    labels = by_folder([f"{folder}/{i}.png" for i, folder in enumerate(folders)])
    if len(set(folders)) < 2:
        assert labels is None
        return
    assert labels is not None
    assert labels.classes == tuple(sorted(set(folders)))
    assert [labels.classes[i] for i in labels.values] == folders


@pytest.mark.parametrize(
    "names", [[], ["a.png"], ["a/1.png", "b/1.png", "2.png"], ["a/b/1.png", "a/c/2.png"]]
)
def test_images_outside_of_class_folders_mean_no_labels(names: list[str]) -> None:
    assert by_folder(names) is None


def test_a_folder_named_by_more_digits_than_a_number_may_have_is_a_name_like_any_other() -> None:
    labels = by_folder(["9" * 5_000 + "/a.png", "10/b.png"])  # an archive may hold such names
    assert labels is not None
    assert labels.classes[0] == "10"


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 20), min_size=1), st.randoms())
def test_a_label_file_may_be_in_any_order(labels: dict[str, int], order: random.Random) -> None:
    pairs = list(labels.items())
    order.shuffle(pairs)
    found = by_json(list(labels), json.dumps({"labels": [*pairs, ["another.png", 99]]}).encode())
    assert found is not None
    assert found.values.tolist() == list(labels.values())
    assert found.classes == tuple(str(i) for i in range(max(labels.values()) + 1))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"labels": null}',
        b'{"labels": 3}',
        b'{"labels": [["a.png"]]}',
        b'{"labels": [["b.png", 1]]}',
        b'{"labels": [["a.png", -1]]}',
        b'{"labels": [["a.png", 1.5]]}',
        b'{"labels": [["a.png", true]]}',
        b'{"labels": [["a.png", [0, 1]]]}',
        b'{"labels": [["a.png", 1000000000]]}',
        b"[" * 100_000,
    ],
)
def test_a_label_file_that_says_nothing_useful_means_no_labels(content: bytes) -> None:
    assert by_json(["a.png"], content) is None


@pytest.mark.parametrize(
    ("classes", "named"),
    [(None, ("0", "1")), (["no", "yes"], ("no", "yes")), (["few"], ("0", "1")), (3, ("0", "1"))],
)
def test_classes_have_names_if_there_are_enough(classes: Any, named: tuple[str, ...]) -> None:
    labels = numbered([1, 0, 1], 3, classes)
    assert labels is not None
    assert labels.classes == named


def test_a_folder_of_class_folders_is_labelled_and_so_is_its_zip(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    pictures(root / "dog", 20)
    pictures(root / "cat", 20)
    (root / "cat" / "000.png").write_bytes(b"broken: its label goes, too")
    for source in (root, zipped(root)):
        pets = load_images(source, 8, 3)
        assert pets.classes == ("cat", "dog")
        assert pets.labels is not None
        assert pets.labels.tolist() == [0] * 19 + [1] * 20
        assert len(pets.skipped) == 1


@pytest.mark.parametrize("classes", [1, 3])
def test_other_classes_than_the_generators_are_refused_before_anything_is_decoded(
    tmp_path: Path, classes: int
) -> None:
    root, kept = tmp_path / "pets", tmp_path / "kept"
    pictures(root / "dog", 20)
    pictures(root / "cat", 20)
    for cache in (None, kept):
        with pytest.raises(DataError, match=f"has 2 classes and the teacher {classes}: give images of"):
            load_images(
                root, 8, 3, classes=classes, cache=cache, on_progress=lambda *_: pytest.fail("it began")
            )
    assert not kept.exists()
    assert len(load_images(root, 8, 3, classes=2, cache=kept)) == 40
    with pytest.raises(DataError, match=f"has 2 classes and the teacher {classes}"):
        load_images(root, 8, 3, classes=classes, cache=kept)
    with pytest.raises(DataError, match=f"digits has 10 classes and the teacher {classes}"):
        load_images("digits", 8, 1, classes=classes)


def test_images_without_labels_are_refused_to_a_generator_with_classes(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="has no labels and the teacher has 2 classes: put the images of each"
    ):
        load_images(pictures(tmp_path, 40), 8, 3, classes=2)


def test_a_label_file_wins_over_folders(tmp_path: Path) -> None:
    root = tmp_path / "faces"
    pictures(root / "00000", 20)
    pictures(root / "00001", 20)
    for source in (root, zipped(root)):
        assert load_images(source, 8, 3).classes == ("00000", "00001")
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.png"))]
    (root / "dataset.json").write_text(
        json.dumps({"labels": [[name, i % 3] for i, name in enumerate(names)]})
    )
    for source in (root, zipped(root)):
        faces = load_images(source, 8, 3)
        assert faces.classes == ("0", "1", "2")
        assert faces.labels is not None
        assert faces.labels.tolist() == [i % 3 for i in range(40)]
    (root / "dataset.json").write_text('{"labels": null}')
    assert load_images(root, 8, 3).labels is None


def test_the_digits_are_labelled() -> None:
    digits = load_images(None, 8, 1)
    assert digits.labels is not None
    assert digits.labels.equal(digits_labels())
    assert digits.classes == tuple("0123456789")
