"""Images with attributes: from a table, or from one folder for each domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from distill.data.image_set import ImageSet
from distill.data.label_file import UnlabelledError
from distill.data.labels import by_folder
from distill.data.sources import several
from distill.data.translation.domains import GIVEN
from distill.data.translation.places import DOMAINS, folders_of, joined
from distill.data.translation.reading import Format, Reading
from distill.data.translation.table import ENDINGS, Table, find_table, read_file, read_table
from distill.errors import DataError
from search_spaces import one_line

MAX_UNMATCHED = 0.01  # fraction of images without a row, and of rows without an image
FIX = "give a folder for each domain, or a table of attributes: images.zip,labels.csv"


@dataclass(frozen=True)
class AttributeImages:
    """Images and the attributes of each."""

    images: ImageSet  # names begin with the split
    values: Tensor  # (N, K), float32, 0 or 1, in the order of the images
    names: tuple[str, ...]  # of the attributes

    @property
    def exclusive(self) -> bool:
        """Whether every image has exactly one attribute."""
        return bool((self.values.sum(dim=1) == 1).all())


def load_attributes(
    data: str, attributes: Sequence[str], wanted: Format, reading: Reading
) -> AttributeImages:
    """The images of `data` with `attributes`; without these, all that the data has.

    Args:
        data: a source with a folder for each domain, or with a table in its root or after a comma; perhaps
            in folders train, val and test; or two sources, of which the second is the test split.
        attributes: columns of the table, `COLUMN=VALUE` where its cells are words; or folders.
        wanted: what images are decoded to.
        reading: all, or a sample.

    Raises:
        DataError: there are no such images or attributes, or more than 1 % have no row or no image.
    """
    sources = [each for each in several(data) if not each.lower().endswith(ENDINGS)]
    tables = [each for each in several(data) if each not in sources]
    if not 1 <= len(sources) <= 2 or len(tables) > 1:
        raise DataError(f"--data {data}: {len(sources)} sources and {len(tables)} tables: {FIX}")
    parts = _parts(sources)
    table = _table(sources[0], tables)
    with ExitStack() as stack:
        source = joined(parts, stack)
        names = source.listing().names
        if table is None:
            known = _of_folders(data, names, attributes)
        else:
            known = _of_table(data, names, attributes, table)
        images = reading.images(data, source, wanted)
    kept = [i for i, name in enumerate(images.names) if name in known.values]
    images = images if len(kept) == len(images) else images.part(torch.tensor(kept, dtype=torch.long))
    values = torch.tensor([known.values[name] for name in images.names], dtype=torch.float32)
    notes = images.notes + known.notes
    return AttributeImages(replace(images, classes=known.names, notes=notes), values, known.names)


@dataclass(frozen=True)
class _Known:
    """Attributes of images, before these are decoded."""

    names: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]  # by the name of the image
    notes: tuple[str, ...] = ()


def _parts(sources: Sequence[str]) -> dict[str, str]:
    """The splits by name, and the place of each."""
    if len(sources) == 2:
        return {"train": sources[0], "test": sources[1]}
    folders = folders_of(sources[0])
    parts = {split: folders[begin] for split, begin in GIVEN.items() if begin in folders}
    return parts if "train" in parts and len(parts) > 1 else {"train": sources[0]}


def _table(source: str, given: Sequence[str]) -> Table | None:
    if given:
        return read_table(given[0], read_file(Path(given[0])))
    found = find_table(source)
    return None if found is None else read_table(*found)


def _of_folders(data: str, names: Sequence[str], attributes: Sequence[str]) -> _Known:
    """A domain for each folder."""
    try:
        labels = by_folder([name.partition("/")[2] for name in names])
    except UnlabelledError as error:
        raise DataError(f"--data {data}: {error}: {FIX}") from error
    if labels is None:
        raise DataError(f"--data {data} has neither folders of two domains nor a table of attributes: {FIX}")
    if not attributes and set(DOMAINS) <= set(labels.classes):
        raise DataError(
            f"--data {data} holds {' and '.join(DOMAINS)}, two domains and no attributes: {FIX}; or train "
            "networks of unpaired images (--space resnet-translator)"
        )
    for each in attributes:
        if each not in labels.classes:
            raise DataError(
                f"--attributes {each}: {data} has no such folder: give some of {', '.join(labels.classes)}"
            )
    chosen = tuple(attributes) or labels.classes
    one_hot = {name: tuple(float(name == each) for each in chosen) for name in chosen}
    domains = [labels.classes[int(value)] for value in labels.values]
    found = {name: one_hot[domain] for name, domain in zip(names, domains, strict=True) if domain in one_hot}
    _check_domains(data, chosen, list(found.values()))
    return _Known(chosen, found)


def _of_table(data: str, names: Sequence[str], attributes: Sequence[str], table: Table) -> _Known:
    """Attributes by the rows of a table."""
    chosen = table.attributes(attributes)
    found: dict[str, tuple[float, ...]] = {}
    without_row, used = list[str](), set[str]()
    for name in names:
        relative = name.partition("/")[2]
        row = relative if relative in table.rows else relative.rpartition("/")[2]
        used.add(row)
        values = [table.value(row, each) for each in chosen] if row in table.rows else [None]
        if None in values:
            without_row.append(relative)
        else:
            found[name] = tuple(value for value in values if value is not None)
    unused = [row for row in table.rows if row not in used]
    notes = (
        *_unmatched(data, without_row, len(names), f"images have no complete row in {table.name}"),
        *_unmatched(data, unused, len(table.rows), f"rows of {table.name} have no image"),
    )
    _check_domains(data, chosen, list(found.values()))
    return _Known(chosen, found, notes)


def _unmatched(data: str, which: Sequence[str], count: int, what: str) -> list[str]:
    """A note of what does not match.

    Raises:
        DataError: more than 1 %.
    """
    if not which:
        return []
    said = f"{len(which):,} of {count:,} {what} (the first is {one_line(which[0], 80)})"
    if len(which) > MAX_UNMATCHED * count:
        raise DataError(f"--data {data}: {said}, and 1 % may: make images and rows match")
    return [said]


def _check_domains(data: str, names: Sequence[str], values: Sequence[tuple[float, ...]]) -> None:
    """Refuse an attribute that no image has, and fewer than two domains."""
    for name, column in zip(names, zip(*values, strict=True) if values else [()] * len(names), strict=True):
        if not any(column):
            raise DataError(f"--data {data}: no image has the attribute {name}: leave it out of --attributes")
        if all(column):
            raise DataError(
                f"--data {data}: all images have the attribute {name}, so there is nothing to translate: "
                "give images without it, too"
            )
