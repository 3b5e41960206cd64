"""The architecture page shows the code as it is; every package says what it offers."""

from __future__ import annotations

import importlib
import pkgutil
import re
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

import distill
import nas
import search_spaces
from tools.architecture import (
    PAGE,
    PICTURE,
    TABLE,
    graph,
    imports_between,
    imports_within,
    packages,
    picture,
    table,
)
from tools.layered import layout, reduced

ROOT = Path(__file__).parent.parent
AGAIN = "run `python -m tools.architecture`"
PACKAGES = [
    root.__name__ if found is None else found
    for root in (nas, distill, search_spaces)
    for found in (
        None,
        *(
            module.name
            for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}.")
            if module.ispkg and "migrations" not in module.name
        ),
    )
]


def test_the_picture_is_that_of_the_imports() -> None:
    assert PICTURE.read_text() == picture(), AGAIN


def test_the_table_is_that_of_the_packages() -> None:
    found = TABLE.search(PAGE.read_text())
    assert found is not None
    assert found[0] == table(), AGAIN
    assert {package.name for package in packages()} == set(PACKAGES)


def test_no_package_has_more_than_twelve_modules() -> None:
    assert [package for package in packages() if package.modules > 12] == []


def test_files_that_the_page_names_exist_and_hold_what_it_says() -> None:
    text = PAGE.read_text()
    for path in re.findall(r"`((?:nas|distill|search_spaces|tools|tests)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path
    named = re.findall(r"`([\w/]+\.py)`,\s+`(\w+)`", text)
    assert len(named) > 15
    for path, name in named:
        assert re.search(rf"^\s*(def|class) {name}\b", (ROOT / path).read_text(), re.MULTILINE), (path, name)


def test_imports_between_root_packages_go_in_one_direction() -> None:
    assert imports_between() == [("distill", "search_spaces"), ("nas", "distill"), ("nas", "search_spaces")]


@pytest.mark.parametrize("root", ["nas", "distill", "search_spaces"])
def test_arrows_of_the_picture_go_down_and_stand_for_all_imports(root: str) -> None:
    imports = imports_within(root)
    edges = reduced(imports)
    placed = layout(edges, dict.fromkeys(edges, 50.0))
    for above, below in placed.arrows:
        assert placed.boxes[above][1] < placed.boxes[below][1]
    for node, found in imports.items():
        reached, left = set[str](), [node]
        while left:
            for below in edges[left.pop()] - reached:
                reached.add(below)
                left.append(below)
        assert found <= reached
    rows = [sorted(x for x, row in placed.boxes.values() if row == i) for i in range(placed.rows)]
    assert all(right - left > 50 for row in rows for left, right in pairwise(row))
    assert set(graph().find_children(root)) == set(placed.boxes)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_says_what_it_offers(name: str) -> None:
    package = importlib.import_module(name)
    docstring = (package.__doc__ or "").splitlines()
    assert docstring, f"{name} has no docstring"
    assert docstring[0].endswith("."), f"{name}: its docstring begins with a sentence in one line"
    public: list[str] = package.__all__
    assert public
    assert len(set(public)) == len(public)
    missing = [each for each in public if not (hasattr(package, each) or find_spec(f"{name}.{each}"))]
    assert missing == []


def test_every_package_is_closed_to_others_by_a_contract() -> None:
    contracts = (ROOT / ".importlinter").read_text()
    closed = set(re.findall(r"protected_modules = ([\w.]+)\.\*", contracts))
    inside = {name for name in PACKAGES for other in closed if name.startswith(f"{other}.")}
    assert set(PACKAGES) - closed - inside == {"nas", "distill", "search_spaces", "nas.cli"}
