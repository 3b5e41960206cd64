"""How a request differs from a study, in the words of the command line."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distill.perceptual import NONE
from nas.budget import format_duration, format_quantity, parse_duration, parse_quantity
from nas.config.defaults import default_values
from nas.config.identity import CACHE_SIZE, NO_SNAPSHOTS, REVISION, SNAPSHOTS
from nas.config.search import SearchConfig
from nas.options import flag_of, options_of

DIGESTS = ("teacher", SNAPSHOTS, "data", "perceptual")
"""Parts of an identity that are digests of what an option names."""
OF_THE_RECIPE = frozenset(("recipe", "kd_schedule"))
"""Parts that explain another revision of the recipe's losses."""
SHOWN = 6  # differences in one message


@dataclass(frozen=True)
class Difference:
    """A part of a study's identity that a request has otherwise, as options."""

    before: str  # such as "--batch-size 64"
    now: str  # empty where no option makes the difference


def differences(
    before: Mapping[str, str], now: Mapping[str, str], names: Mapping[str, Any], named: Mapping[str, Any]
) -> list[Difference]:
    """What a request has otherwise than a study; what most likely nobody typed, defaults, comes last.

    Args:
        before: the study's identity, as `nas.workbench.Workbench.identity`.
        now: that of the request.
        names: what the study's options called teacher and data, which the identity knows by their digests.
        named: what the request calls them.
    """
    parts = [part for part, wanted in now.items() if before.get(part, "unknown") != wanted]
    if "teacher" in parts and "space" in parts:
        parts.remove("space")  # that of the teacher
    if CACHE_SIZE in parts and not {"rungs", "fid_samples"}.isdisjoint(parts):
        parts.remove(CACHE_SIZE)  # that of the rungs and samples
    if REVISION in parts:
        parts.remove(REVISION)
        if OF_THE_RECIPE.isdisjoint(parts):
            return [Difference(_revised(names), "")]
    parts.sort(key=lambda part: now[part] in _defaults(part))
    return [
        Difference(
            as_option(part, before.get(part, "unknown"), names.get(part)),
            as_option(part, now[part], named.get(part)),
        )
        for part in parts
    ]


def _revised(names: Mapping[str, Any]) -> str:
    """What was otherwise in an earlier version, for the options `names` of a study."""
    recipe, schedule = names.get("recipe"), names.get("kd_schedule")
    what = f"--recipe {recipe}" if recipe else "its recipe"
    with_schedule = " with --kd-schedule adaptive" if schedule == "adaptive" else ""
    return f"an earlier version, in which {what}{with_schedule} taught otherwise (CHANGELOG.md)"


def _defaults(part: str) -> set[str]:
    """The values that a part of an identity has where nobody gives one."""
    field = SearchConfig.model_fields.get(part)
    return default_values(part) if field is None else {str(field.default), *default_values(part)}


def in_words(found: Sequence[Difference]) -> str:
    """The differences, and what resumes the study or searches anew, in one line."""
    revised = next((each.before for each in found if not each.now), "")
    if revised:
        return f"{revised}: its results can't be compared with this one's: use --study NAME for a new one"
    shown = [f"{each.before}, not {each.now}" for each in found[:SHOWN]]
    more = len(found) - len(shown)
    shown += [f"and {more} more"] if more else []
    old = "the settings as they were" if more else " ".join(each.before for each in found)
    return f"{'; '.join(shown)}: give {old} to resume it, or use --study NAME for a new one"


def as_option(part: str, noted: str, name: object = None) -> str:
    """The option that gives the part of an identity its value `noted`, as a user types it.

    `name` is what the user calls the thing whose digest is noted.
    """
    if part in DIGESTS:
        flag = flag_of(SearchConfig, part)
        if part == SNAPSHOTS and noted == NO_SNAPSHOTS:
            return f"no {flag}"
        if noted == NONE:
            return f"{flag} {NONE}"
        return f"{flag} {name} (digest {noted})" if name else f"{flag} of digest {noted}"
    option = next((each for each in options_of(SearchConfig) if each.name == part), None)
    if option is None:
        return f"{part} {noted}"
    if option.is_bool and noted in ("True", "False"):
        return option.flag if noted == "True" else option.off
    if noted in ("", "None", "()"):
        return f"no {option.flag}"
    return f"{option.flag} {_typed(option.metavar, noted)}"


def _typed(metavar: str, noted: str) -> str:
    """A value in its short form, where that is exact."""
    try:
        value = ast.literal_eval(noted)
    except (ValueError, SyntaxError):  # text
        return noted
    if metavar == "DURATION":
        return _exactly(value, format_duration, parse_duration)
    if metavar in ("QUANTITY", "QUANTITIES"):
        values = value if isinstance(value, tuple) else (value,)
        return ",".join(_exactly(each, format_quantity, parse_quantity) for each in values)
    return noted


def _exactly(value: Any, write: Callable[[Any], str], parse: Callable[[str], Any]) -> str:
    short = write(value)
    return short if value and parse(short) == value else str(value)
