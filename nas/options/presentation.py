"""What a user sees of a model's fields: flags, words for values, defaults, help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nas.options.quantities import Form

GROUPS = (
    "budget",
    "teacher and data",
    "networks",
    "search",
    "distillation",
    "training",
    "students",
    "images",
    "evaluation",
    "execution",
    "study",
    "page",
    "output",
)
"""Headings of `--help` and of the reference, in their order."""

_METAVARS = {int: "INTEGER", float: "NUMBER", Path: "PATH", str: "TEXT"}


@dataclass(frozen=True)
class Option:
    """One option as the command line has it."""

    name: str  # of the field, and its key in TOML
    flag: str
    group: str
    text: str  # help without the default; `{choices}` stands for names
    choices: str  # "module:NAME" of these names
    default: str  # in words; empty when there is nothing to say
    metavar: str
    short: str = ""
    off: str = ""  # flag that sets a boolean to False
    is_bool: bool = False
    multiple: bool = False  # several values, each by a flag of its own
    several: bool = False  # several values in one
    required: bool = False
    argument: bool = False
    bare: str = ""  # its value where the flag stands alone; empty where a value must follow

    def text_with_names(self) -> str:
        """Its help without the default. Names are imported only now: PyTorch may come with them."""
        if not self.choices:
            return self.text
        module, _, names = self.choices.partition(":")
        return self.text.replace("{choices}", ", ".join(getattr(import_module(module), names)))

    def help(self) -> str:
        """Its help as `--help` shows it, with the default."""
        text = self.text_with_names()
        return f"{text.rstrip('.')}  [default: {self.default}]" if self.default else text


def options_of(model: type[BaseModel], group: str = "") -> list[Option]:
    """The options of `model`; of `group` are those that name none."""
    return [
        _option(name, field, group)
        for name, field in model.model_fields.items()
        if not _extra(field).get("hidden")
    ]


def flag_of(model: type[BaseModel], name: str) -> str:
    """How the field `name` is called on the command line."""
    extra = _extra(model.model_fields[name]) if name in model.model_fields else {}
    flag = str(extra.get("flag") or f"--{name.replace('_', '-')}")
    return str(extra.get("short") or (name.upper() if extra.get("argument") else flag))


def _option(name: str, field: FieldInfo, group: str) -> Option:
    extra = _extra(field)
    forms, kinds = _taken_apart(field)
    flag = str(extra.get("flag") or f"--{name.replace('_', '-')}")
    is_bool, off = bool in kinds, extra.get("off")
    several = any(get_origin(kind) is tuple for kind in kinds)
    return Option(
        name=name,
        flag=flag,
        group=str(extra.get("group") or group),
        text=field.description or "",
        choices=str(extra.get("choices") or ""),
        default=_default(field, forms, is_bool, flag, off),
        metavar=str(extra.get("metavar") or _metavar(forms, kinds)),
        short=str(extra.get("short") or ""),
        off=(f"--no-{flag.removeprefix('--')}" if off is None else str(off)) if is_bool else "",
        is_bool=is_bool,
        multiple=several and not forms,
        several=several,
        required=field.is_required(),
        argument=bool(extra.get("argument")),
        bare=str(extra.get("bare") or ""),
    )


def _default(field: FieldInfo, forms: list[Form], is_bool: bool, flag: str, off: Any) -> str:
    shown, default = _extra(field).get("shown"), field.get_default()
    if shown is not None:
        return str(shown)
    if field.is_required() or default in (None, "", ()) or default is False:
        return ""
    if is_bool:
        return flag.removeprefix("--")
    return forms[0].write(default) if forms else str(default)


def _metavar(forms: list[Form], kinds: list[Any]) -> str:
    if forms:
        return forms[0].metavar
    literals = [str(value) for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)]
    if literals:
        return "|".join(literals)
    inner = [get_args(kind)[0] if get_origin(kind) is tuple else kind for kind in kinds]
    return next((_METAVARS[kind] for kind in inner if kind in _METAVARS), "PATH" if inner else "")


def _taken_apart(field: FieldInfo) -> tuple[list[Form], list[Any]]:
    """The forms that the field's values may have, and its types without them and without None."""
    forms: list[Form] = [each for each in field.metadata if isinstance(each, Form)]
    kinds: list[Any] = []
    for part in _parts(field.annotation):
        if isinstance(part, Form):
            forms.append(part)
        elif part is not NoneType:
            kinds.append(part)
    return forms, kinds


def _parts(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        yield from _parts(inner)
        yield from (each for each in metadata if isinstance(each, Form))
    elif origin in (None, Literal, tuple):
        yield annotation
    else:  # a union
        for part in get_args(annotation):
            yield from _parts(part)


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
