"""Images with attributes: from folders, or from a table in each form that users have it in."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from distill.data import Format, Reading, load_attributes, split_images
from tests.distill.data.pictures import zipped
from tests.image_family import SIDE
from tests.translation_images import domain_folders, image_files, redness, refuses

RGB = Format(SIDE, 3)
READ = Reading()


def table(path: Path, rows: dict[str, str], header: str = "file,warm,place") -> Path:
    path.write_text("\n".join([header, *(f"{name},{cells}" for name, cells in rows.items())]) + "\n")
    return path


def rows_of(folder: Path) -> dict[str, str]:
    """Whether an image is red, and the word for it."""
    return {
        file.name: "1,left" if file.parent.name == "red" else "0,right"
        for file in sorted(folder.rglob("*.png"))
    }


@pytest.mark.parametrize("form", ["folder", "zip", "parts", "two"])
def test_folders_are_domains(tmp_path: Path, form: str) -> None:
    data = domain_folders(tmp_path / "data" / "train")
    tests = domain_folders(tmp_path / "data" / "test", 5)
    forms = {
        "folder": str(data),
        "zip": str(zipped(data)),
        "parts": str(tmp_path / "data"),
        "two": f"{data},{tests}",
    }
    found = load_attributes(forms[form], (), RGB, READ)
    assert found.names == ("blue", "red")
    assert found.exclusive
    assert torch.equal(found.values[:, 1] == 1, redness(found.images) > 0)
    assert found.images.classes == ("blue", "red")
    assert len(split_images(found.images, 0.5).test) == (10 if form in ("parts", "two") else 30)


def test_folders_may_be_chosen_and_put_in_the_networks_order(tmp_path: Path) -> None:
    data = domain_folders(tmp_path / "data")
    image_files(data / "other", 20, (20, 200, 20), first=90)
    found = load_attributes(str(data), ("red", "blue"), RGB, READ)
    assert found.names == ("red", "blue")
    assert found.values.sum(dim=0).tolist() == [30, 30]
    refuses(
        "--attributes green: … has no such folder: give some of blue, other, red",
        lambda: load_attributes(str(data), ("green",), RGB, READ),
    )


@pytest.mark.parametrize("form", ["beside", "in the root", "in a zip", "CelebA's"])
def test_a_table_gives_attributes(tmp_path: Path, form: str) -> None:
    data = domain_folders(tmp_path / "data" / "images")
    rows = rows_of(data)
    given = str(data)
    if form == "beside":
        given = f"{data},{table(tmp_path / 'labels.csv', rows)}"
    elif form == "CelebA's":
        lines = [f"{name} {1 if cells[0] == '1' else -1}" for name, cells in rows.items()]
        (tmp_path / "list_attr.txt").write_text(f"{len(rows)}\nwarm\n" + "\n".join(lines))
        given = f"{data},{tmp_path / 'list_attr.txt'}"
    else:
        table(tmp_path / "data" / "labels.csv", rows)
        root = tmp_path / "data"
        given = str(zipped(root) if form == "in a zip" else root)
    found = load_attributes(given, (), RGB, READ)
    assert found.names == ("warm",)
    assert torch.equal(found.values[:, 0] == 1, redness(found.images) > 0)
    if form != "CelebA's":
        words = load_attributes(given, ("place=right", "warm"), RGB, READ)
        assert torch.equal(words.values[:, 0], 1 - words.values[:, 1])


def test_what_a_table_lacks_is_named(tmp_path: Path) -> None:
    data = domain_folders(tmp_path / "images")
    rows = rows_of(data)
    given = f"{data},{table(tmp_path / 'labels.csv', rows)}"
    for names, says in (
        (("bald",), "--attributes bald: … labels.csv has no column bald: give some of warm, place"),
        (("place",), "--attributes place: its values are left, right, not 1 and 0: give place=VALUE"),
        (("place=up",), "--attributes place=up: no row of … has this value: give one of left, right"),
    ):
        refuses(says, partial(load_attributes, given, names, RGB, READ))
    table(tmp_path / "labels.csv", dict.fromkeys(rows, "1,left"))
    refuses(
        "all images have the attribute warm, so there is nothing to translate",
        lambda: load_attributes(given, (), RGB, READ),
    )
    table(tmp_path / "labels.csv", dict.fromkeys(rows, "0,left"))
    refuses(
        "no image has the attribute warm: leave it out of --attributes",
        lambda: load_attributes(given, (), RGB, READ),
    )
    table(tmp_path / "labels.csv", rows, header="file,place")
    refuses(
        "labels.csv, row 2: 3 cells for 2 columns: correct the row",
        lambda: load_attributes(given, (), RGB, READ),
    )


@pytest.mark.parametrize(("missing", "allowed"), [(1, True), (2, False)])
@pytest.mark.parametrize("what", ["rows", "images"])
def test_one_image_in_a_hundred_may_lack_a_row_and_a_row_its_image(
    tmp_path: Path, what: str, missing: int, allowed: bool
) -> None:
    data = domain_folders(tmp_path / "images", 60)
    rows = rows_of(data)
    for name in list(rows)[:missing]:
        if what == "rows":
            del rows[name]
        else:
            next(data.rglob(name)).unlink()
    given = f"{data},{table(tmp_path / 'labels.csv', rows)}"
    said = "images have no complete row in" if what == "rows" else "rows of"
    if allowed:
        found = load_attributes(given, (), RGB, READ)
        assert len(found.images) == len(found.values) == 119
        assert any(f"1 of 120 {said}" in note for note in found.images.notes)
    else:
        refuses(
            f"2 of 120 {said} … and 1 % may: make images and rows match",
            lambda: load_attributes(given, (), RGB, READ),
        )


def test_other_texts_beside_folders_are_no_tables(tmp_path: Path) -> None:
    data = domain_folders(tmp_path / "data")
    (data / "README.txt").write_text("red and blue, 2 domains")
    assert load_attributes(str(data), (), RGB, READ).names == ("blue", "red")


def test_two_domains_are_no_attributes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("trainA", "trainB", "testA"):
        image_files(data / name, 20)
    refuses(
        "holds trainA and trainB, two domains and no attributes: give a folder for each domain",
        lambda: load_attributes(str(data), (), RGB, READ),
    )


def test_images_without_domains_or_a_table_are_refused(tmp_path: Path) -> None:
    plain = image_files(tmp_path / "plain", 40)
    refuses(
        "has neither folders of two domains nor a table of attributes: give a folder for each domain, or a "
        "table of attributes: images.zip,labels.csv",
        lambda: load_attributes(str(plain), (), RGB, READ),
    )
