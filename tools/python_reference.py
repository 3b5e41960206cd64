"""The reference page of `import nas`, made of signatures and docstrings."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import nas

SECTIONS = ("Args", "Returns", "Raises")
OPTIONS = {"SearchConfig"}  # their fields are listed where a command's options are
_SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):\n", flags=re.MULTILINE)


def page(note: str) -> str:
    """The text of the page; `note` says what writes it."""
    lines = ["# import nas", "", note, "", _INTRODUCTION]
    functions = [name for name in nas.__all__ if inspect.isfunction(getattr(nas, name))]
    classes = [name for name in nas.__all__ if name not in functions]
    for name in functions:
        lines += _function(name, getattr(nas, name))
    for name in classes:
        lines += _class(name, getattr(nas, name))
    return "\n".join(lines) + "\n"


_INTRODUCTION = (
    "Every public name, functions first. [Python](../python.md) shows them in use; the fields of "
    "`nas.SearchConfig` are the options of [nas-search](nas-search.md), with underscores."
)


def _function(name: str, function: Any) -> Iterator[str]:
    yield from ("", f"## nas.{name}", "", "```python", *_signature(f"nas.{name}", function), "```")
    yield from _documented(inspect.getdoc(function) or "")


def _signature(name: str, function: Any) -> list[str]:
    """A line for each parameter, as in the source; `self` is left out."""
    found = inspect.signature(function)
    lines, keyword = [], False
    for each in found.parameters.values():
        if each.name == "self":
            continue
        if each.kind is each.KEYWORD_ONLY and not keyword:
            keyword = True
            lines.append("*,")
        stars = "**" if each.kind is each.VAR_KEYWORD else "*" if each.kind is each.VAR_POSITIONAL else ""
        default = "" if each.default is each.empty else f" = {_shown(each.default)}"
        lines.append(f"{stars}{each.name}: {each.annotation}{default},")
    answer = "" if found.return_annotation is found.empty else f" -> {found.return_annotation}"
    return [f"{name}(", *(f"    {line}" for line in lines), f"){answer}"] if lines else [f"{name}(){answer}"]


def _shown(default: object) -> str:
    return repr(str(default) if isinstance(default, Path) else default)


def _documented(text: str) -> Iterator[str]:
    """A docstring as Markdown: paragraphs, then what is given, returned and raised."""
    said, *sections = _SECTION.split(text)
    yield from ("", *said.strip().splitlines())
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        yield from ("", f"**{title}**", "")
        entries = textwrap.dedent(body).strip()
        if title == "Returns":
            yield from entries.splitlines()
            continue
        for entry in re.split(r"\n(?! )", entries):
            named, _, what = " ".join(entry.split()).partition(": ")
            yield f"* `{named}`: {what}"


def _class(name: str, found: type) -> Iterator[str]:
    yield from ("", f"## nas.{name}")
    if not issubclass(found, BaseModel | Exception) and not inspect.isabstract(found) and _has_init(found):
        yield from ("", "```python", *_signature(f"nas.{name}", found), "```")
    yield from _documented(inspect.getdoc(found) or "")
    if issubclass(found, BaseModel) and name not in OPTIONS:
        yield from ("", "| field | type |", "|---|---|")
        yield from (f"| `{field}` | `{_type(found, field)}` |" for field in found.model_fields)
    methods = list(_methods(found))
    if methods and name not in OPTIONS:
        yield from ("", "| member | what |", "|---|---|", *methods)


def _has_init(found: type) -> bool:
    """Whether the class says itself what it is made of."""
    return "__init__" in vars(found)


def _type(model: type[BaseModel], field: str) -> str:
    declared = next(vars(each)["__annotations__"][field] for each in model.__mro__ if field in _own(each))
    return str(declared).replace("|", r"\|")


def _own(found: type) -> dict[str, Any]:
    return dict(vars(found).get("__annotations__", {}))


def _methods(found: type) -> Iterator[str]:
    """Public methods and properties of the class itself, each with the first sentence about it."""
    for name, member in vars(found).items():
        raw = getattr(member, "__func__", member)
        is_property = isinstance(member, property) or type(member).__name__ == "cached_property"
        text = inspect.getdoc(member if is_property else raw)
        if name.startswith("_") or not (inspect.isfunction(raw) or is_property) or not text:
            continue
        first = re.split(r"(?<=[.:])\s*\n\n|\n\n", text)[0]
        shown = name if is_property else f"{name}({_names(raw)})"
        yield f"| `{shown}` | {' '.join(first.split()).replace('|', '&#124;')} |"


def _names(function: Any) -> str:
    return ", ".join(name for name in inspect.signature(function).parameters if name not in ("self", "cls"))
