"""The contract of a family: which part of it is missing, and the whole suite for a family of your own."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from distill.adversarial import ADVERSARIAL_LOSSES
from distill.tasks import TASKS
from search_spaces import Architecture, Discriminator, Family, Generator, InputSpec, SearchSpace

SPACE = [name for name, member in vars(SearchSpace).items() if inspect.isfunction(member) and name[0] != "_"]


def missing_parts(family: Family, architecture: Architecture) -> list[str]:
    """A sentence for every part of the contract that `family` lacks, where `architecture` is a teacher's."""
    found = [f"Family.{each.name} is None" for each in fields(family) if _is_unset(family, each.name)]
    if found:
        return found
    return [
        *_of_the_family(family),
        *_of_the_space(family.space(architecture)),
        *_of_the_generator(family, architecture),
        *_of_the_discriminator(family, architecture),
    ]


def _is_unset(family: Family, name: str) -> bool:
    return name != "slimmable" and getattr(family, name) is None


def _of_the_family(family: Family) -> Iterator[str]:
    if not family.tasks:
        yield "Family.tasks is empty"
    for task in family.tasks:
        if task not in TASKS:
            yield f"Family.tasks has {task!r}, which is not in distill.tasks.TASKS: {', '.join(TASKS)}"
    if family.training.adversarial not in ADVERSARIAL_LOSSES:
        yield f"Family.training.adversarial is {family.training.adversarial!r}, which is no adversarial loss"
    for name, base in (
        ("architecture", Architecture),
        ("discriminator_architecture", Architecture),
        ("options", BaseModel),
    ):
        kind = getattr(family, name)
        if not (isinstance(kind, type) and issubclass(kind, base)):
            yield f"Family.{name} is {kind!r}, which is no subclass of {base.__name__}"
    if not family.resolutions:
        yield "Family.resolutions is empty: name the sides of images that a teacher can be trained for"
    for name in ("teacher", "read", "read_discriminator", "build", "build_discriminator"):
        if not callable(getattr(family, name)):
            yield f"Family.{name} can't be called"


def _of_the_space(space: object) -> Iterator[str]:
    for name in SPACE:
        if not callable(getattr(space, name, None)):
            yield f"{type(space).__name__} lacks {name}(), see SearchSpace.{name}"


def _of_the_generator(family: Family, architecture: Architecture) -> Iterator[str]:
    generator = family.build(architecture)
    name = type(generator).__name__
    if not isinstance(generator, Generator):
        yield f"{name} is no subclass of Generator"
        return
    specs = getattr(generator, "input_specs", None)
    if not (isinstance(specs, tuple) and specs and all(isinstance(spec, InputSpec) for spec in specs)):
        yield f"{name} lacks input_specs: a tuple with an InputSpec for each input, see Generator"
    if getattr(generator, "architecture", None) != architecture:
        yield f"{name} lacks architecture: the one that it was built from, see Generator"
    if type(generator).image_shape is Generator.image_shape:
        yield f"{name} lacks image_shape: channels, height and width of its images, see Generator"
    if _inherits_forward(generator):
        yield f"{name} lacks forward(): images for its inputs"


def _of_the_discriminator(family: Family, architecture: Architecture) -> Iterator[str]:
    described = family.default_discriminator(architecture)
    discriminator = family.build_discriminator(described)
    name = type(discriminator).__name__
    if not isinstance(discriminator, Discriminator):
        yield f"{name} is no subclass of Discriminator"
        return
    if getattr(discriminator, "architecture", None) != described:
        yield f"{name} lacks architecture: the one that it was built from, see Discriminator"
    if type(discriminator).features is Discriminator.features:
        yield f"{name} lacks features(): activations after every block, see Discriminator"
    if _inherits_forward(discriminator):
        yield f"{name} lacks forward(): logits for images and their conditions"


def _inherits_forward(network: Any) -> bool:
    return "forward" not in {name for kind in type(network).__mro__[:-1] for name in _written(kind)}


def _written(kind: type) -> set[str]:
    """What a class of a family defines itself: not what torch or the contract does."""
    return (
        set()
        if kind.__module__.startswith("torch.") or kind in (Generator, Discriminator)
        else set(vars(kind))
    )


def check_family(family: Family, architecture: Architecture, folder: Path) -> int:
    """Run the whole contract suite on a family that is registered; `folder` is for its checkpoints.

    Returns:
        How many checks were run.

    Raises:
        AssertionError: a part of the contract is missing, or a law does not hold; the message says which.
    """
    import tests.search_spaces.test_families as suite

    assert missing_parts(family, architecture) == []
    laws = [law for name, law in vars(suite).items() if name.startswith("test_") and "registered" not in name]
    count = 0
    for law in laws:
        for chosen in _parametrized(law):
            given = {**_objects(suite, family, architecture), "tmp_path": folder, **chosen}
            needed = inspect.signature(law).parameters
            law(**{name: given[name] for name in needed})
            count += 1
    return count


def _objects(suite: Any, family: Family, architecture: Architecture) -> dict[str, Any]:
    """What the suite's fixtures are for `family`, made anew: checks change networks."""
    discriminator = family.build_discriminator(family.default_discriminator(architecture))
    return {
        "family": family,
        "architecture": architecture,
        "space": family.space(architecture),
        "teacher": suite.lived_in(family.build(architecture)),
        "discriminator": suite.lived_in(discriminator),
    }


def _parametrized(law: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """The values of pytest's `parametrize` marks of `law`."""
    marks = [mark for mark in getattr(law, "pytestmark", []) if mark.name == "parametrize"]
    for values in itertools.product(*(mark.args[1] for mark in marks)):
        yield {mark.args[0]: value for mark, value in zip(marks, values, strict=True)}
