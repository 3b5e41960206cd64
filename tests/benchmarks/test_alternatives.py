"""What the table of other tools says, with stand-ins for them: none of them is installed here."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import alternatives
from benchmarks.alternatives import TOOLS, Tool, table, try_tool, unpickle
from search_spaces import get_family
from tests.search_spaces.teachers import TEACHERS


def tool(prune: Any, reload: Any = unpickle, distribution: str = "pytest") -> Tool:
    """A stand-in; its distribution is one that is installed."""
    return Tool("tool", distribution, "pip install tool", prune, reload)


@pytest.fixture
def generator() -> Any:
    torch.manual_seed(0)
    return get_family("dcgan").build(TEACHERS["dcgan"]).eval()


def narrower(generator: Any) -> Any:
    """A smaller network, whatever it was given."""
    teacher: Any = TEACHERS["dcgan"]
    first, second, *rest = teacher.layers
    layers = (first, replace(second, channels=8), *rest)
    return get_family("dcgan").build(replace(teacher, layers=layers)).eval()


def test_a_tool_that_is_not_installed_is_named_with_how_to_install_it(generator: Any) -> None:
    found = try_tool(tool(narrower, distribution="no-such-tool-at-all"), "dcgan", generator)
    assert (found.outcome, found.reason) == ("not installed", "pip install tool")
    assert table([found]).splitlines()[-1] == "| dcgan | tool | not installed: pip install tool | | | | | |"


def test_a_refusal_has_the_first_line_of_the_error(generator: Any) -> None:
    def refuse(generator: Any) -> Any:
        raise KeyError("no layer\nthat I know")

    found = try_tool(tool(refuse), "dcgan", generator)
    assert found.outcome == "refused"
    assert found.reason.startswith("KeyError: ")
    assert "\n" not in found.reason
    assert found.macs > 0


def test_a_tool_that_changes_nothing_is_told_from_one_that_prunes(generator: Any) -> None:
    kept = try_tool(tool(lambda given: given), "dcgan", generator)
    assert kept.outcome == "nothing pruned"
    assert (kept.macs_after, kept.params_after) == (kept.macs, kept.params)
    pruned = try_tool(tool(narrower), "dcgan", generator)
    assert pruned.outcome == "pruned"
    assert pruned.macs_after < pruned.macs
    assert pruned.params_after < pruned.params
    assert pruned.runs
    assert table([kept]).splitlines()[-1].endswith(" | yes | | |")
    assert table([pruned]).splitlines()[-1].count("yes") == sum((pruned.runs, pruned.reloads, pruned.reads))


def test_the_original_is_left_as_it_is(generator: Any) -> None:
    def spoil(given: Any) -> Any:
        for parameter in given.parameters():
            parameter.data.zero_()
        return given

    before = {name: value.clone() for name, value in generator.state_dict().items()}
    try_tool(tool(spoil), "dcgan", generator)
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())


def test_a_generator_whose_images_are_not_finite_does_not_run(generator: Any) -> None:
    def burst(given: Any) -> Any:
        pruned = narrower(given)
        for parameter in pruned.parameters():
            parameter.data.fill_(float("nan"))
        return pruned

    assert not try_tool(tool(burst), "dcgan", generator).runs


def test_a_loaded_generator_must_make_the_images_of_the_saved_one(generator: Any) -> None:
    assert try_tool(tool(narrower), "dcgan", generator).reloads
    other = tool(narrower, reload=lambda pruned, fresh, file: fresh)
    assert not try_tool(other, "dcgan", generator).reloads

    def fail(pruned: Any, fresh: Any, file: Path) -> Any:
        raise RuntimeError("size mismatch")

    assert not try_tool(tool(narrower, reload=fail), "dcgan", generator).reloads


def test_what_tools_print_is_not_in_the_table(
    generator: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loud(given: Any) -> Any:
        print("pruning …")
        return narrower(given)

    monkeypatch.setattr(alternatives, "TOOLS", {"tool": tool(loud)})
    monkeypatch.setattr(alternatives, "GENERATORS", {"dcgan": lambda: generator})
    monkeypatch.setattr(sys, "argv", ["alternatives", "--tools", "tool", "--generators", "dcgan", "--json"])
    alternatives.main()
    shown = capsys.readouterr()
    (row,) = json.loads(shown.out)
    assert row["outcome"] == "pruned"
    assert "pruning …" in shown.err


def test_an_unknown_tool_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["alternatives", "--tools", "magic"])
    with pytest.raises(SystemExit):
        alternatives.main()
    assert "--tools magic: choose from fastnas, torch-pruning" in capsys.readouterr().err


def test_the_page_has_the_versions_that_the_script_asks_for() -> None:
    page = (Path(alternatives.__file__).parents[1] / "docs" / "why-not.md").read_text()
    for each in TOOLS.values():
        for pin in each.install.removeprefix("pip install ").split():
            assert pin in page
