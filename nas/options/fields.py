"""How a field of a model becomes an option: its default, help, group, and what else a user sees of it."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel, Field


def option(
    default: Any = ...,
    *,
    help: str,
    group: str,
    shown: str | None = None,
    flag: str = "",
    short: str = "",
    off: str | None = None,
    choices: str = "",
    argument: bool = False,
    hidden: bool = False,
    bare: str = "",
    metavar: str = "",
    **rules: Any,
) -> Any:
    """A field of a model of options.

    Args:
        default: what it is when nobody sets it; required when left out.
        help: one sentence; `{choices}` stands for the names in `choices`.
        group: one of `nas.options.GROUPS`.
        shown: the default in words, where the value alone says too little ("by the data: …").
        flag: its name on the command line, where that is not the field's.
        short: a second, short flag.
        off: flag that sets a boolean to False; "" is none, and `--no-NAME` unless given.
        choices: "module:NAME" of a collection of names, imported when help is shown.
        argument: whether it stands on the command line without a flag.
        hidden: whether it is no option of the command line.
        bare: the value that the flag alone has; empty where a value must follow.
        metavar: what `--help` calls the value; by its type when empty.
        rules: constraints, as pydantic's `Field` takes them.
    """
    extra: dict[str, Any] = {"group": group, "shown": shown, "flag": flag, "short": short, "off": off}
    extra |= {"choices": choices, "argument": argument, "hidden": hidden, "bare": bare, "metavar": metavar}
    return Field(default, description=help, json_schema_extra=cast(Any, extra), **rules)


def variant(model: type[BaseModel], name: str, *, default: Any = None, help: str = "", **changes: Any) -> Any:
    """The option `name` of `model` with another default, or with other words about it.

    Args:
        model: where it is defined.
        name: of the field.
        default: its default here.
        help: what it says here; as there when empty.
        changes: other keyword arguments of `option`; constraints stay.
    """
    field = model.model_fields[name]
    extra = cast(dict[str, Any], field.json_schema_extra) | changes
    bounds = [(bound, rule) for rule in field.metadata for bound in ("ge", "gt", "le", "lt")]
    rules = {bound: getattr(rule, bound) for bound, rule in bounds if hasattr(rule, bound)}
    return Field(default, description=help or field.description, json_schema_extra=cast(Any, extra), **rules)
