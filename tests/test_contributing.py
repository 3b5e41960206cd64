"""The pages for contributors: the example of each page is run, block by block, as it is printed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from distill.evaluation.metrics import METRICS
from distill.recipes import RECIPES
from distill.tasks import TASKS
from nas.checkpoints import FORMATS
from nas.cli.evaluate import EvaluateOptions
from nas.config import SearchConfig
from nas.samplers import SAMPLERS
from search_spaces import FAMILIES

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs" / "contributing").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
REGISTRIES = (FAMILIES, RECIPES, TASKS, SAMPLERS, METRICS, FORMATS)
FILE = re.compile(r"`((?:distill|nas|search_spaces|tests|benchmarks|docs)/[\w/.]*)`")


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """What an example registers is gone after it."""
    before = [dict(registry) for registry in REGISTRIES]
    with torch.random.fork_rng():
        yield
    for registry, entries in zip(REGISTRIES, before, strict=True):
        for name in set(registry) - set(entries):
            del registry[name]


def blocks(page: Path) -> list[tuple[int, str]]:
    """The Python blocks of `page`, each with the number of its first line."""
    text = page.read_text()
    return [(text[: found.start(1)].count("\n"), found[1]) for found in BLOCK.finditer(text)]


def test_there_is_a_page_for_each_thing_that_is_added() -> None:
    assert {page.stem for page in PAGES} == {"family", "recipe", "task", "sampler", "metric", "format"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_example_of_the_page_works(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = ModuleType(f"example_of_a_{page.stem}")
    monkeypatch.setitem(sys.modules, example.__name__, example)
    code = blocks(page)
    assert "assert " in code[-1][1]
    for line, block in code:
        exec(compile("\n" * line + block, str(page), "exec"), vars(example))  # errors name the page's line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_lines_of_examples_are_as_long_as_ours(page: Path) -> None:
    assert [line for _, block in blocks(page) for line in block.splitlines() if len(line) > 110] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_a_page_names_exist(page: Path) -> None:
    for path in FILE.findall(page.read_text()):
        assert (ROOT / path).exists(), path


def test_help_names_every_sampler_and_every_metric() -> None:
    for model, field, names in (
        (SearchConfig, "sampler", SAMPLERS),
        (EvaluateOptions, "metrics", METRICS),
    ):
        listed = re.split(r"[^\w]+", (model.model_fields[field].description or "").partition(":")[2])
        assert set(names) <= set(listed), f"the help of --{field} lists {listed}"
