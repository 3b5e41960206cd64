"""Photos, translated: pictures in a folder, one picture, a grid beside a teacher, or raw values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from distill.data import Format, Photos, open_photos, to_uint8
from distill.evaluation import compare, images_at_a_time, sample, save_png
from distill.tasks import PairedTask, Preview, preview_of_photos
from nas.checkpoints.arrays import read_array
from nas.checkpoints.raw import for_sides
from nas.checkpoints.sampling import BATCH, check_output
from nas.errors import ConfigError
from search_spaces import Checkpoint, Generator, count_of, load_checkpoint, one_line, os_reason
from search_spaces.reading import written_whole

TOGETHER = "+"  # between attributes that a translation shall have at once
WITHOUT = "none"  # a translation without any of the attributes


@dataclass
class Translated:
    """What was written."""

    output: Path
    side: int  # of the images, px
    domains: tuple[str, ...]  # empty where there is only one
    photos: int = 0
    pictures: int = 0
    is_grid: bool = False  # the one picture shows several images of that side
    skipped: list[str] = field(default_factory=list)  # photos that are left out, with the reason


def translate(
    checkpoint: Path,
    photos: str,
    output: Path,
    *,
    attributes: Sequence[str] = (),
    labels: Path | None = None,
    resolution: int | None = None,
    teacher: Path | None = None,
    force: bool = False,
) -> Translated:
    """Translate photos as the network's task prepares them, and write what becomes of them.

    Args:
        checkpoint: of a student or a teacher that translates images.
        photos: an image file, or a folder or .zip.
        output: .png for one picture, or for a grid where there are several or a `teacher`; .npy for raw
            float32 (N, C, R, R); else a folder with a .png for each photo, in a folder for each domain where
            there are several.
        attributes: domains to translate to, by the names that the file notes or by numbers from 0; "a+b" for
            both at once. All others are absent. Without them, every domain.
        labels: .npy of target attributes (M, K) instead of `attributes`, a domain each.
        resolution: side of the images, px; the network's own when None.
        teacher: file of a network for a column beside it in the grid.
        force: replace pictures that exist.

    Raises:
        UserError: a file can't be read, does not fit or can't be written, or there is no such domain.
    """
    loaded = load_checkpoint(checkpoint)
    _check_takes_photos(loaded.generator, photos, checkpoint)
    domains = _domains(loaded, checkpoint, attributes, labels)
    folders = [] if output.suffix.lower() in (".png", ".npy") else _folders(domains, checkpoint)
    student = loaded.generator
    if resolution is not None:
        student = for_sides(student, (resolution,), f"--resolution {resolution}: images")
    networks = {checkpoint.stem: student}
    if teacher is not None:
        if output.suffix.lower() != ".png":
            raise ConfigError(f"-o {output}: with --teacher a grid is written: give a file that ends in .png")
        networks = {f"teacher, {teacher.stem}": _teacher(teacher, student)} | networks
    with open_photos(photos, _part(loaded)) as found:
        _check_place(output, found, force)
        done = Translated(output, student.image_shape[1], tuple(domains))
        try:
            _write(networks, domains, folders, found, done)
        except OSError as error:
            raise ConfigError(f"-o {output} can't be written ({os_reason(error)}): choose another") from error
    return done


def _part(loaded: Checkpoint) -> Literal["left", "right"] | None:
    """The half of two images side by side that a network of pairs takes; None for others."""
    if loaded.metadata.get("task") != PairedTask.name:
        return None
    return "right" if loaded.metadata.get("direction") == "B2A" else "left"


def _check_takes_photos(network: Generator, photos: str, checkpoint: Path) -> None:
    kinds = [spec.kind for spec in network.input_specs]
    if "image" not in kinds:
        raise ConfigError(
            f"--input {photos}: {checkpoint} takes {' and '.join(kinds)}, no photos: leave --input out, or "
            "give the file of a translator"
        )


def _domains(
    loaded: Checkpoint, checkpoint: Path, attributes: Sequence[str], labels: Path | None
) -> Mapping[str, Tensor]:
    """Target attributes (K,) by the name of the domain; nothing for networks without attributes."""
    count = next((spec.shape[0] for spec in loaded.generator.input_specs if spec.kind == "attributes"), 0)
    if not count:
        if attributes or labels:
            given = f"--attributes {','.join(attributes)}" if attributes else f"--labels {labels}"
            raise ConfigError(f"{given}: {checkpoint} takes no attributes: leave it out")
        return {}
    if labels is not None:
        rows = read_array("--labels", labels, (None, count), f"(M, {count})")
        return {f"labels {i}": row for i, row in enumerate(rows)}
    names = [name for name in loaded.metadata.get("attributes", "").split(",") if name]
    names = names if len(names) == count else [str(number) for number in range(count)]
    return {asked: _target(asked, names, checkpoint) for asked in attributes or names}


def _target(asked: str, names: Sequence[str], checkpoint: Path) -> Tensor:
    """The attributes (K,) that `asked` names."""
    if asked == WITHOUT and WITHOUT not in names:
        return torch.zeros(len(names))
    parts = [asked] if asked in names else asked.split(TOGETHER)
    for part in parts:
        if part not in names:
            both = f", {TOGETHER.join(names[:2])} for both at once" if len(names) > 1 else ""
            raise ConfigError(
                f"--attributes {part}: {checkpoint} has {', '.join(names)}: give some of them, such as "
                f"{names[0]}{both}, or {WITHOUT} for an image without any"
            )
    return torch.tensor([float(name in parts) for name in names])


def _teacher(path: Path, student: Generator) -> Generator:
    """The network in `path` for the images of `student`.

    Raises:
        ConfigError: it takes or makes other images.
    """
    found, (shape,) = load_checkpoint(path).generator, _images_of(student)
    found = for_sides(found, (shape[1],), f"images of {path}") if _images_of(found) else found
    if (found.input_specs, found.image_shape) != (student.input_specs, student.image_shape):
        raise ConfigError(
            f"--teacher {path}: it takes {_described(found)} and the student {_described(student)}: give the "
            "teacher of this student"
        )
    return found


def _images_of(network: Generator) -> list[tuple[int, ...]]:
    """Shapes of the images that it takes."""
    return [spec.shape for spec in network.input_specs if spec.kind == "image"]


def _described(network: Generator) -> str:
    """What a network takes and makes, in words."""
    takes = (f"{spec.kind} {'×'.join(map(str, spec.shape))}" for spec in network.input_specs)
    return f"{', '.join(takes)} for images of {'×'.join(map(str, network.image_shape))}"


def _check_place(output: Path, photos: Photos, force: bool) -> None:
    """Check that `output` can be written, and replaces neither the photos nor, without `force`, pictures."""
    if output.suffix.lower() in (".png", ".npy"):
        if output.resolve() == Path(photos.place).resolve():
            raise ConfigError(f"-o {output} is the photo itself: choose another")
        check_output(output, force)
        return
    if output.suffix and not output.is_dir():
        raise ConfigError(f"-o {output}: give a folder, or a file that ends in .png or .npy")
    if output.resolve() == Path(photos.place).resolve():
        raise ConfigError(f"-o {output} is the folder of the photos: choose another")
    try:
        if not force and output.is_dir() and any(output.iterdir()):
            raise ConfigError(f"-o {output} holds files: choose another, or replace pictures by --force")
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"-o {output} can't be written ({os_reason(error)}): choose another") from error


def _write(
    networks: Mapping[str, Generator],
    domains: Mapping[str, Tensor],
    folders: Sequence[str],
    photos: Photos,
    done: Translated,
) -> None:
    """Write the translations of the last of `networks`, in a grid those of all."""
    student, kind = list(networks.values())[-1], done.output.suffix.lower()
    previews = _previews(student, domains, photos, done)
    if kind == ".npy":
        images = [sample(student, preview.inputs) for _, preview in previews]
        with written_whole(done.output) as file:
            np.save(file, torch.cat(images).numpy())
        done.pictures = sum(map(len, images))
    elif kind == ".png":
        whole = _joined([preview for _, preview in previews])
        made = {name: sample(network, whole.inputs) for name, network in networks.items()}
        single = len(networks) == len(whole.inputs[0]) == 1
        picture = _picture(*made.popitem()[1]) if single else compare(whole.panels(made), max_side=None)
        save_png(picture, done.output)
        done.pictures, done.is_grid = 1, not single
    else:
        for names, preview in previews:
            places = [done.output / folder / name for name in names for folder in folders]
            for image, place in zip(sample(student, preview.inputs), places, strict=True):
                place.parent.mkdir(parents=True, exist_ok=True)
                save_png(_picture(image), place)
                done.pictures += 1


def _previews(
    student: Generator, domains: Mapping[str, Tensor], photos: Photos, done: Translated
) -> Iterator[tuple[list[str], Preview]]:
    """Photos in batches: names of their pictures, and what the networks get of them."""
    ((channels, side, _),) = _images_of(student)
    size = max(1, images_at_a_time(side, most=BATCH) // max(1, len(domains)))
    for positions, images, skipped in photos.batches(Format(side, channels), size):
        done.skipped += skipped
        done.photos += len(positions)
        if positions:
            names = photos.names
            yield [names[i] for i in positions], preview_of_photos(student.input_specs, images, domains)
    if not done.photos:
        raise ConfigError(
            f"--input {photos.place}: none of {count_of(len(photos), 'image')} can be used (the first is "
            f"{done.skipped[0]}): give others"
        )


def _joined(previews: Sequence[Preview]) -> Preview:
    inputs = tuple(torch.cat(each) for each in zip(*(preview.inputs for preview in previews), strict=True))
    captions = previews[0].given
    given = {caption: torch.cat([preview.given[caption] for preview in previews]) for caption in captions}
    return Preview(inputs, given, previews[0].domains)


def _picture(image: Tensor) -> Image.Image:
    """An image (C, H, W) in [-1, 1]."""
    pixels = to_uint8(image).permute(1, 2, 0).numpy()
    return Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)


def _folders(domains: Mapping[str, Tensor], checkpoint: Path) -> list[str]:
    """The folder of each domain; no name where there are no several.

    Raises:
        ConfigError: two domains would share a folder, or a name that the file notes is no folder's.
    """
    if len(domains) < 2:
        return [""]
    folders = [domain.replace("/", "-").replace("\\", "-") for domain in domains]
    if len({*folders}) < len(folders) or {"", ".", ".."} & {*folders}:
        names = one_line(", ".join(domains), 80)
        raise ConfigError(
            f"{checkpoint} notes attributes that can't be names of folders ({names}): give one of them by "
            "--attributes, or targets by --labels"
        )
    return folders
