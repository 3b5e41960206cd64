"""Images of translation tasks: two domains, pairs and attributes, in each form that users have them in."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from distill.data import (
    Format,
    ImageSet,
    Reading,
    absolute,
    load_domains,
    load_images,
    load_pairs,
    split_images,
)
from tests.distill.data.pictures import zipped
from tests.image_family import SIDE
from tests.translation_images import BLUE, image_files, redness, refuses, side_by_side, two_domains

RGB = Format(SIDE, 3)
READ = Reading()


def domains(data: object) -> tuple[ImageSet, ImageSet]:
    return load_domains(str(data), RGB, RGB, READ)


def pairs(data: object) -> tuple[ImageSet, ImageSet]:
    return load_pairs(str(data), RGB, RGB, READ)


@pytest.mark.parametrize("form", ["folder", "zip", "wrapped zip", "two folders", "two zips"])
def test_two_domains_in_each_form(tmp_path: Path, form: str) -> None:
    data = two_domains(tmp_path / "all" / "cats", test=8)
    forms = {
        "folder": data,
        "zip": zipped(data),
        "wrapped zip": zipped(tmp_path / "all"),
        "two folders": f"{data / 'trainA'},{data / 'trainB'}",
        "two zips": f"{zipped(data / 'trainA')},{zipped(data / 'trainB')}",
    }
    a, b = domains(forms[form])
    assert (redness(a) > 100).all()
    assert (redness(b) < -100).all()
    has_tests = not form.startswith("two")
    assert len(a) == len(b) == 60 + 8 * has_tests
    assert a.name == b.name == str(forms[form])
    assert {name.partition("/")[0] for name in a.names} == ({"train", "test"} if has_tests else {"train"})


def test_domains_are_decoded_once_and_mapped_from_then_on(tmp_path: Path) -> None:
    data, seen = two_domains(tmp_path / "data"), list[int]()
    reading = Reading(cache=tmp_path / "cache", on_progress=lambda what, done, of: seen.append(done))
    first = load_domains(str(data), RGB, RGB, reading)
    assert seen
    seen.clear()
    again = load_domains(str(data), RGB, RGB, reading)
    assert not seen
    for one, other in zip(first, again, strict=True):
        assert (one.digest, one.names) == (other.digest, other.names)
    assert len(list((tmp_path / "cache").glob("*/pixels.u8"))) == 2


def test_an_entry_of_the_cache_without_names_is_made_again(tmp_path: Path) -> None:
    folder, cache = image_files(tmp_path / "images", 40), tmp_path / "cache"
    load_images(folder, SIDE, 3, cache=cache)
    (about,) = cache.glob("*/about.json")
    about.write_text(re.sub(r', "names": \[.*\]', "", about.read_text()))
    assert load_images(folder, SIDE, 3, cache=cache).names == tuple(f"{i:03}.png" for i in range(40))
    assert '"names"' in about.read_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda data: (data / "trainB").rename(data / "other"),
            "has no images in trainB/: give a folder or .zip",
        ),
        (lambda data: [file.unlink() for file in (data / "trainB").iterdir()], "has no images in trainB/"),
        (
            lambda data: [
                file.unlink() for part in ("trainB", "testA", "testB") for file in (data / part).iterdir()
            ],
            "has no images in trainB/",
        ),
        (
            lambda data: [file.unlink() for file in (data / "testB").iterdir()],
            "has no images in testB/: give images of both domains, or move testA/ and testB/ away",
        ),
    ],
)
def test_an_empty_domain_is_refused_by_name(
    tmp_path: Path, change: Callable[[Path], object], says: str
) -> None:
    data = two_domains(tmp_path / "data")
    change(data)
    refuses(says, lambda: domains(data))


def test_data_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + bytes(12))
    for data, says in (
        ("digits", "--data digits has images of one domain, for noise: give a folder or .zip with trainA/"),
        ("torchvision:CIFAR10", "--data torchvision:CIFAR10 has images of one domain"),
        (tmp_path / "train-images-idx3-ubyte", "is an idx file, of one domain, for noise: give a folder"),
        (tmp_path / "nothing", "nothing does not exist"),
        (image_files(tmp_path / "plain", 40), "has no images in trainA/ and trainB/"),
        ("a,b,c", "--data a,b,c names 3 sources, for two domains"),
    ):
        refuses(says, partial(domains, data))
    two = two_domains(tmp_path / "two")
    refuses("two holds two domains itself: give it alone, or", lambda: domains(f"{two},{tmp_path / 'plain'}"))


def test_pairs_side_by_side_are_split_in_the_middle(tmp_path: Path) -> None:
    data = side_by_side(tmp_path / "both")
    a, b = pairs(data)
    assert (redness(a) > 100).all()
    assert (redness(b) < -100).all()
    assert a.names == b.names
    assert len(a) == 60


def test_pairs_side_by_side_may_be_in_folders_of_splits(tmp_path: Path) -> None:
    for split, count in (("train", 40), ("val", 6), ("test", 5)):
        side_by_side(tmp_path / "data" / split, count)
    a, _ = pairs(tmp_path / "data")
    split = split_images(a, 0.5)
    assert [len(part) for part in (split.train, split.validation, split.test)] == [40, 6, 5]


@pytest.mark.parametrize("together", [True, False])
def test_pairs_in_two_folders_are_matched_by_name(tmp_path: Path, together: bool) -> None:
    data = two_domains(tmp_path / "data", test=4)
    for file in (data / "trainB").iterdir():
        file.rename(file.with_suffix(".webp"))  # a name is what precedes the ending
    given = str(data) if together else f"{data / 'trainA'},{data / 'trainB'}"
    a, b = pairs(given)
    assert len(a) == len(b) == 60 + 4 * together
    pixels = [images.pixels(torch.arange(len(images))).float() for images in (a, b)]
    noise = [each[:, 1] - each[:, 1].mean(dim=(1, 2), keepdim=True) for each in pixels]
    correlation = torch.stack(
        [torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1] for x, y in zip(*noise, strict=True)]
    )
    assert correlation.min() > 0.8


def test_images_without_a_partner_are_named(tmp_path: Path) -> None:
    data = two_domains(tmp_path / "data", test=0)
    (data / "trainA" / "003.png").unlink()
    (data / "trainB" / "041.png").rename(data / "trainB" / "other.png")
    refuses(
        "2 images of B have no partner of the same name in A (the first is train/003) … 1 images of A have "
        "no partner of the same name in B (the first is train/041) … or give --task unpaired",
        lambda: pairs(data),
    )


def test_single_images_are_no_pairs(tmp_path: Path) -> None:
    refuses(
        "40 of 40 checked images are not twice as wide as high (the first is 16×16), so they are no pairs: "
        "give images of A and B side by side",
        lambda: pairs(image_files(tmp_path / "plain", 40)),
    )


def test_a_pair_with_a_broken_image_is_left_out(tmp_path: Path) -> None:
    data = two_domains(tmp_path / "data", train=120, test=0)
    (data / "trainB" / "005.png").write_bytes(b"broken")
    a, b = pairs(data)
    assert len(a) == len(b) == 119
    assert "train/005.png" not in a.names
    assert a.names == b.names


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("tests", [0, 8])
def test_splits_are_disjoint_whole_and_stable(tmp_path: Path, tests: int, fraction: float) -> None:
    data = two_domains(tmp_path / "data", test=tests)
    a, _ = domains(data)
    split = split_images(a, fraction)
    parts = [split.train, split.validation, split.test]
    together = torch.cat(parts)
    assert sorted(together.tolist()) == list(range(60 + tests))
    held_out = tests or round(60 * fraction)
    assert len(split.test) == held_out
    assert len(split.validation) == max(4, round(0.1 * (60 if tests else 60 - held_out)))
    if tests:
        assert {a.names[i].partition("/")[0] for i in split.test.tolist()} == {"test"}
    (tmp_path / "elsewhere").mkdir()
    moved = data.rename(tmp_path / "elsewhere" / "data")
    again = split_images(domains(moved)[0], fraction)
    assert all(
        torch.equal(one, other)
        for one, other in zip(parts, (again.train, again.validation, again.test), strict=True)
    )


def test_both_images_of_a_pair_are_in_one_split_whichever_is_asked(tmp_path: Path) -> None:
    a, b = pairs(two_domains(tmp_path / "data", test=0))
    for one, other in zip(
        vars(split_images(a, 0.1)).values(), vars(split_images(b, 0.1)).values(), strict=True
    ):
        assert torch.equal(one, other)


def test_several_sources_mean_the_same_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("a.zip,b.zip") == f"{tmp_path}/a.zip,{tmp_path}/b.zip"
    image_files(tmp_path / "one, two", 1, BLUE)
    assert absolute("one, two") == f"{tmp_path}/one, two"
    long = "a" * 200
    assert absolute(f"{long},{long}") == f"{tmp_path}/{long},{tmp_path}/{long}"


def test_a_sample_has_pairs_and_writes_nothing(tmp_path: Path) -> None:
    data = two_domains(tmp_path / "data", test=4)
    before = sorted(tmp_path.rglob("*"))
    a, b = load_pairs(str(data), RGB, RGB, Reading(sample=True, cache=tmp_path / "cache"))
    assert a.names == b.names
    assert sorted(tmp_path.rglob("*")) == before
