"""Labels where a source has them, and never an error where it has not."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.data import digits_labels, image_remarks, load_images
from distill.data.label_file import UnlabelledError
from distill.data.labels import by_folder, by_json, find_labels, numbered
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


@pytest.mark.parametrize("names", [[], ["a.png"], ["a/1.png", "a/2.png"]])
def test_images_without_class_folders_have_no_labels(names: list[str]) -> None:
    assert by_folder(names) is None
    assert find_labels(names, None) is None


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (
            ["a/1.png", "b/1.png", "2.png"],
            "1 of 3 images are in no folder of a class, the first of them is 2.png",
        ),
        (
            ["a/1.png", "2.png", "3.png"],
            "2 of 3 images are in no folder of a class, the first of them is 2.png",
        ),
        (["x/a/1.png", "x/b/1.png", "x/2.png"], "the first of them is 2.png"),
        (["train/a/1.png", "val/a/2.png"], "its folders train and val are parts of a data set, no classes"),
        (["d/Test/1.png", "d/train/2.png"], "its folders Test and train are parts"),
    ],
)
def test_folders_that_are_no_classes_are_named(names: list[str], says: str) -> None:
    with pytest.raises(UnlabelledError, match=re.escape(says)):
        find_labels(names, None)


@pytest.mark.parametrize("root", ["", "data/", "a/b/"])
def test_folders_around_everything_are_seen_through(root: str) -> None:
    labels = find_labels([f"{root}cat/1.png", f"{root}dog/1.png", f"{root}dog/more/2.png"], None)
    assert labels is not None
    assert labels.classes == ("cat", "dog")
    assert labels.values.tolist() == [0, 1, 1]


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


LABELLED = '{"labels": [["a/1.png", %s], ["a/2.png", %s]]}'


@pytest.mark.parametrize(
    "content",
    [
        LABELLED % (0, 1),
        LABELLED % (0.0, 1.0),
        LABELLED % ('"0"', '"1"'),
        LABELLED.replace("/", "\\\\") % (0, 1),
        '{"labels": {"a/1.png": 0, "a/2.png": 1}}',
        "\ufeff" + LABELLED % (0, 1),
    ],
)
def test_whole_numbers_are_classes_in_whatever_form(content: str) -> None:
    labels = by_json(["a/1.png", "a/2.png"], content.encode())
    assert labels is not None
    assert labels.values.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no JSON: expecting value in line 1, column 1"),
        (b'{"labels": [["a.png", 1],]}', "is no JSON: .* in line 1, column 2"),
        (b'{"labels":\n[["a.png" 1]]}', "is no JSON: .* in line 2, column 11"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", 'no list under "labels"'),
        (b"{}", 'no list under "labels"'),
        (b'{"labels": null}', 'no list under "labels"'),
        (b'{"labels": 3}', "no list of .image, class."),
        (b'{"labels": [["a.png"]]}', "no list of .image, class."),
        (b'{"labels": [["b.png", 1]]}', "no label for 1 of 1 images, the first of them is a.png"),
        (
            b'{"labels": [["a.png", -1]]}',
            "the class -1: classes are whole numbers from 0 to 99999",
        ),
        (b'{"labels": [["a.png", 100000]]}', "the class 100000: classes are whole numbers from 0 to 99999"),
        (b'{"labels": [["a.png", 1.5]]}', "the class 1.5"),
        (b'{"labels": [["a.png", NaN]]}', "the class NaN"),
        (b'{"labels": [["a.png", 1e999]]}', "the class Infinity"),
        (b'{"labels": [["a.png", true]]}', "the class true"),
        (b'{"labels": [["a.png", "cat"]]}', 'the class "cat"'),
        (b'{"labels": [["a.png", [0, 1]]]}', "the class .0, 1."),
        (b'{"labels": [["a.png", 1000000000]]}', "the class 1000000000"),
    ],
)
def test_a_label_file_that_gives_no_labels_is_named_with_the_reason(content: bytes, says: str) -> None:
    with pytest.raises(UnlabelledError, match=f"^dataset.json .*{says}"):
        by_json(["a.png"], content)


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
    assert (
        load_images(root, 8, 3, cache=tmp_path / "kept").unlabelled
        == 'dataset.json has no list under "labels"'
    )
    with pytest.raises(
        DataError, match=r'the teacher has 3 classes: dataset\.json has no list under "labels"; put'
    ):
        load_images(root, 8, 3, classes=3)


def test_a_label_file_in_the_only_folder_is_read_with_names_from_there(tmp_path: Path) -> None:
    pictures(tmp_path / "set" / "faces" / "00000", 40)
    labels = [[f"00000/{i:03}.png", i % 2] for i in range(40)]
    (tmp_path / "set" / "faces" / "dataset.json").write_text(json.dumps({"labels": labels}))
    for source in (tmp_path / "set", zipped(tmp_path / "set")):
        found = load_images(source, 8, 3)
        assert found.labels is not None
        assert found.labels.tolist() == [i % 2 for i in range(40)]


def test_classes_are_shown_with_their_counts_and_empty_ones_by_name(tmp_path: Path) -> None:
    root = pictures(tmp_path / "set", 40)
    labels = [[f"{i:03}.png", 1 + i % 4 // 3] for i in range(40)]
    (root / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert image_remarks(load_images(root, 8, 3), conditional=True) == [
        "Classes: 3; 0 0, 1 30, 2 10",
        "Warning: class 0 without images (labels count from 0)",
    ]
    assert image_remarks(load_images(root, 8, 3), conditional=False) == []
    with pytest.raises(DataError, match=r"has 3 classes and the teacher 2: .*; class 0 without images"):
        load_images(root, 8, 3, classes=2)


def test_of_many_classes_a_few_are_named(tmp_path: Path) -> None:
    for i in range(12):
        pictures(tmp_path / "set" / f"kind{i:02}", 3 + i)
    (tmp_path / "set" / "kind99").mkdir()
    assert image_remarks(load_images(tmp_path / "set", 8, 3), conditional=True) == [
        "Classes: 12; 3 to 14 images each: kind00, kind01, kind02, … kind11",
        "Left out: folder without images: kind99",
    ]


def test_the_digits_are_labelled() -> None:
    digits = load_images(None, 8, 1)
    assert digits.labels is not None
    assert digits.labels.equal(digits_labels())
    assert digits.classes == tuple("0123456789")


def test_classes_of_very_many_images_are_read_in_one_pass() -> None:
    names = [
        f"photos/{i % 10}/{i}.png" for i in range(200_000)
    ]  # looking twice at each pair would take hours
    found = find_labels(names, None)
    assert found is not None
    assert found.counts == [20_000] * 10
