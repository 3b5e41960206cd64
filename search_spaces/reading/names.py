"""What the names in a checkpoint say of a network: its role, and whether its weights are averaged."""

from __future__ import annotations

import re
from typing import Literal

Role = Literal["generator", "discriminator", ""]

_GENERATOR = frozenset(("g", "gen", "generator", "netg", "gnet", "gan"))
_DISCRIMINATOR = frozenset(("d", "dis", "disc", "discriminator", "netd", "dnet", "critic"))
_AVERAGED = frozenset(("ema", "averaged", "average", "avg", "swa", "polyak", "shadow", "smooth", "smoothed"))
_PLAIN = frozenset(("model", "net", "network", "online", "module", "state", "dict", "weights", "params"))
_WHOLE_WORDS = frozenset(("G", "netG", "generator", "Generator", "model_G", "g"))

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


def words(name: str) -> frozenset[str]:
    """The words of `name` in lower case: `netG_ema`, `emaGenerator` and `G_EMA` alike."""
    found = {word.lower() for word in _WORD.findall(name)}
    for word in list(found):
        for rest in (word.removeprefix("ema"), word.removesuffix("ema")):
            if rest != word and rest in _GENERATOR | _DISCRIMINATOR | _PLAIN:
                found |= {"ema", rest}
    return frozenset(found)


def role_of(name: str) -> Role:
    """The network that `name` stands for; empty where it says nothing."""
    said = words(name)
    if said & _GENERATOR or "gs" in said:
        return "generator"
    return "discriminator" if said & _DISCRIMINATOR else ""


def is_averaged(name: str) -> bool:
    """Whether `name` stands for a moving average of weights; `Gs` and `g_running` are names of such, too."""
    said = words(name)
    return bool(said & _AVERAGED) or name in ("Gs", "gs", "g_s", "G_s") or {"g", "running"} <= said


def is_raw(name: str) -> bool:
    """Whether `name` stands for the weights that an average is made of."""
    return bool(words(name) & {"online", "raw"})


def is_model(name: str) -> bool:
    """Whether `name` stands for a whole network, whichever."""
    return bool(words(name)) and words(name) <= _PLAIN


def is_spelled_out(name: str) -> bool:
    """Whether `name` is a generator's and can't well be the name of a part of one."""
    return name in _WHOLE_WORDS
