"""Networks in what a file holds: state dicts below any names, with any prefixes, averaged ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from torch import Tensor

from search_spaces.errors import CheckpointError, UserError, one_line
from search_spaces.reading.names import Role, is_averaged, is_model, is_raw, is_spelled_out, role_of
from search_spaces.reading.plain import PickledObject

MAX_NETWORKS = 1_000  # candidates in one file; a file may have any number of prefixes
MAX_NESTING = 6  # of dictionaries around a state dict
MAX_PREFIXES = 6  # before the names of a network's own modules
LEAST_TENSORS = 2  # below a prefix that is looked at as a network's

COMPILED, PARALLEL = "_orig_mod", "module"  # prefixes of torch.compile, and of DataParallel or AveragedModel
COUNTED = "n_averaged"  # beside the weights of torch's AveragedModel
COUNTS = frozenset((COUNTED, "initted", "step", "num_updates", "decay"))  # beside averaged weights

T = TypeVar("T")


@dataclass(frozen=True)
class Network:
    """Tensors of a file that may be a network's."""

    name: str  # its way in the file, such as state_dict.generator; empty for the file itself
    tensors: Mapping[str, Tensor]  # without the prefixes that wrappers add
    role: Role = ""
    averaged: bool = False  # a moving average of weights, by its names
    is_part: bool = False  # a prefix of a state dict that holds more
    is_named: bool = True  # False: a part whose name may be that of a generator's own layers
    module: PickledObject | None = None  # where the file holds one

    @property
    def origin(self) -> dict[str, str]:
        """Which weights these are, for the metadata of what is read."""
        weights = "averaged (EMA)" if self.averaged else "as stored, none are named as averaged"
        return {"source_network": self.name or "state dict", "source_weights": weights}


def find_networks(content: Any) -> list[Network]:
    """Candidates in what `read_untrusted` returns: averaged ones, whole dictionaries, then their parts.

    A moving average without tensors is listed as well: `choose` does not take others in its place.
    """
    found = list(islice(_walk(content, Network("", {}), MAX_NESTING), MAX_NETWORKS))
    return sorted(found, key=lambda each: (not each.averaged, each.is_part, each.role != "generator"))


def choose(networks: Sequence[Network], read: Callable[[Network], T | None]) -> tuple[Network, T] | None:
    """The first of `networks` that `read` makes something of, and what it makes.

    Raises:
        CheckpointError: the file names averaged weights, and only others can be read.
        UserError: what `read` raises, where it makes something of none.
    """
    refused: UserError | None = None
    for network in networks:
        try:
            made = read(network)
        except UserError as error:
            refused = refused or error
            continue
        if made is None:
            continue
        unread = [each for each in networks if each.averaged and each.role != "discriminator"]
        if unread and not network.averaged:
            raise CheckpointError(
                f"its averaged weights, {one_line(unread[0].name or COUNTED, 60)}, can't be read as "
                f"{network.name or 'the rest'} can: save them as a plain state dict, or leave them out to "
                "use the weights that are not averaged"
            )
        return network, made
    if refused is not None:
        raise refused
    return None


def module_tensors(module: PickledObject, prefix: str = "") -> dict[str, Tensor]:
    """All parameters and buffers of a pickled module, by their names."""
    found: dict[str, Tensor] = {}
    for kind in ("_parameters", "_buffers"):
        values = module.state.get(kind) or {}
        found |= {f"{prefix}{name}": value for name, value in values.items() if isinstance(value, Tensor)}
    for name, child in (module.state.get("_modules") or {}).items():
        if isinstance(child, PickledObject):
            found |= module_tensors(child, f"{prefix}{name}.")
    return found


def _walk(value: Any, place: Network, left: int) -> Iterator[Network]:
    """Networks in `value`, which lies at `place`."""
    if isinstance(value, PickledObject):
        yield replace(place, tensors=module_tensors(value), module=value)
    elif isinstance(value, list):
        value = {str(i): item for i, item in enumerate(value)}
    if not isinstance(value, Mapping) or left < 0 or "param_groups" in value:  # an optimizer's
        return
    tensors = {str(name): item for name, item in value.items() if isinstance(item, Tensor)}
    if tensors:
        yield from _parts(tensors, place, MAX_PREFIXES)
    for name, item in value.items():
        if not isinstance(item, Mapping | PickledObject | list):
            continue
        below = _below(place, str(name))
        found = False
        for each in _walk(item, below, left - 1):
            found = True
            yield each
        if below.averaged and not place.averaged and not found:
            yield below


def _below(place: Network, name: str) -> Network:
    """The place of what `place` has as `name`; what its names say holds for all below."""
    return Network(
        f"{place.name}.{name}" if place.name else name,
        {},
        role_of(name) or place.role,
        is_averaged(name) or (place.averaged and not is_raw(name)),
        place.is_part,
        place.is_named,
    )


def _parts(tensors: Mapping[str, Tensor], place: Network, left: int) -> Iterator[Network]:
    """The state dict `tensors`, and each of its prefixes."""
    place = replace(place, averaged=place.averaged or COUNTED in tensors)
    own = _unwrapped({name: tensor for name, tensor in tensors.items() if name not in COUNTS})
    yield replace(place, tensors=own)
    if not left:
        return
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in own.items():
        first, dot, rest = name.partition(".")
        if dot and not first.isdecimal():
            groups.setdefault(first, {})[rest] = tensor
    tellers = {name for name in groups if role_of(name) or is_averaged(name)}
    for name, group in groups.items():
        if len(group) < LEAST_TENSORS:
            continue
        whole = len(group) == len(own)
        alone = is_averaged(name) or is_spelled_out(name)
        others = any(teller != name for teller in tellers)
        beside_others = others and (role_of(name) == "generator" or is_model(name))
        named = place.is_named if whole else alone or beside_others
        below = replace(_below(place, name), is_part=True, is_named=named)
        yield from _parts(group, below, left - 1)


def _unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the prefixes of compiled, data-parallel and averaged modules."""
    renamed = {_without_wrappers(name): tensor for name, tensor in tensors.items()}
    return renamed if len(renamed) == len(tensors) else dict(tensors)


def _without_wrappers(name: str) -> str:
    steps = [step for step in name.split(".") if step != COMPILED]
    while len(steps) > 1 and steps[0] == PARALLEL:
        steps = steps[1:]
    return ".".join([*(step for step in steps[:-2] if step != PARALLEL), *steps[-2:]])
