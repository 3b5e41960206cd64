"""The layouts of other projects, which their code and this project's readers take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nas.checkpoints.formats.agreement import check_images, compare
from nas.checkpoints.formats.settings import Settings, Written
from nas.errors import ExportError
from search_spaces import FAMILIES, ArchitectureError, Checkpoint, get_family, load_checkpoint
from search_spaces.reading import written_whole


def layout_names() -> list[str]:
    """The names of all layouts of all families."""
    return list(dict.fromkeys(name for family in FAMILIES.values() for name in family.layouts))


def check_layout(name: str, checkpoint: Checkpoint) -> None:
    """Refuse a network that has no layout of this name.

    Raises:
        ExportError: its family has none, or the other project's code can't build it.
    """
    _content(name, checkpoint)


def write_layout(name: str, checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    """Write tensors and plain values, no code, after they were read back.

    Raises:
        ExportError: the network's images are no images, or those that are read back differ.
        OSError: `path` can't be written.
    """
    graph = checkpoint.generator.graph()
    check_images(graph, checkpoint.metadata.get("name", "the network"))
    with written_whole(path) as file:
        torch.save(_content(name, checkpoint), file)
    read = load_checkpoint(path).generator.graph()
    found = compare(read, graph, None, "what is read back")
    return Written(name, path, path.stat().st_size, found.largest, "read back", found.mean)


def _content(name: str, checkpoint: Checkpoint) -> dict[str, Any]:
    layouts = get_family(checkpoint.family).layouts
    if name not in layouts:
        having = ", ".join(family.name for family in FAMILIES.values() if name in family.layouts)
        raise ExportError(
            f"--format {name} is for {having}, this is of the family {checkpoint.family}: take safetensors, "
            "or a format of another runtime"
        )
    try:
        return layouts[name](checkpoint.generator)
    except ArchitectureError as error:
        raise ExportError(f"--format {name} can't hold this network: {error}") from error
