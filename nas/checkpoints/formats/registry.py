"""The formats of an export by name, and the files that are asked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nas.checkpoints.formats.graphs import (
    check_coreml,
    check_litert,
    check_onnx,
    write_coreml,
    write_litert,
    write_onnx,
    write_program,
)
from nas.checkpoints.formats.hub import SAMPLES, check_hub, write_hub
from nas.checkpoints.formats.layouts import check_layout, write_layout
from nas.checkpoints.formats.settings import DEFAULTS, FLAGS, Settings, Written
from nas.errors import ExportError
from search_spaces import Checkpoint, os_reason, save_checkpoint


@dataclass(frozen=True)
class Format:
    """A format that a student can be written in."""

    suffix: str  # of its file; "" of a folder of any name
    write: Callable[[Checkpoint, Path, Settings], Written]
    check: Callable[[Checkpoint], None] = lambda checkpoint: None  # raises where it can't be written at all
    takes: frozenset[str] = (
        frozenset()
    )  # names of `Settings` that it goes by; with "start" it is of a `Graph`
    named: bool = False  # by --format only: the suffix is that of other files, too


GRAPH = frozenset({"start", "batch"})


def _write_safetensors(checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    save_checkpoint(checkpoint, path)
    return Written("safetensors", path, path.stat().st_size)


FORMATS: dict[str, Format] = {
    "safetensors": Format(".safetensors", _write_safetensors),  # the default: what our commands read
    "onnx": Format(".onnx", write_onnx, check_onnx, GRAPH | {"precision", "fid_samples"}),
    "pt2": Format(".pt2", write_program, takes=GRAPH),
    "litert": Format(".tflite", write_litert, check_litert, GRAPH),
    "coreml": Format(".mlpackage", write_coreml, check_coreml, GRAPH),
    "hub": Format("", write_hub, check_hub),
    **{
        name: Format(suffix, partial(write_layout, name), partial(check_layout, name), named=True)
        for name, suffix in (("rosinality", ".pt"), ("nvidia", ".pth"))
    },
}


@dataclass(frozen=True)
class Export:
    """Formats with the files that they are written to."""

    files: Mapping[str, Path]

    @classmethod
    def of(cls, output: Path, formats: str | Sequence[str], name: str, *, force: bool = False) -> Export:
        """One format is written to the file `output`, several to files called `name` in the folder `output`.

        Without `formats`, the suffix of `output` says which. A single name is a format, too.

        Raises:
            ExportError: a format is unknown, `output` has the suffix of another one, or a file exists and is
                not to be replaced by `force`.
        """
        formats = (formats,) if isinstance(formats, str) else tuple(dict.fromkeys(formats))
        for format_ in formats:
            if format_ not in FORMATS:
                raise ExportError(f"--format {format_} is unknown: give {', '.join(FORMATS)}")
        export = cls(_files(output, formats, name))
        for path in export.files.values():
            try:
                exists = path.exists() and not (path.is_dir() and not any(path.iterdir()))
            except OSError as error:
                raise _unwritable(path, error) from error
            if exists and not force:
                raise ExportError(f"{path} exists: choose another -o, or replace it by --force")
        return export


def _files(output: Path, formats: Sequence[str], name: str) -> dict[str, Path]:
    """Where each format is written."""
    if len(formats) > 1:
        if output.is_file() or output.suffix in suffixes():
            raise ExportError(
                f"-o {output} is one file, for {len(formats)} formats: give a folder, such as "
                f"{_folder(output)}"
            )
        return {each: output / f"{name}{FORMATS[each].suffix}" for each in formats}
    if formats:
        (format_,) = formats
        suffix = FORMATS[format_].suffix
        if not suffix and (output.suffix in suffixes() or output.is_file()):
            raise ExportError(f"-o {output}: --format {format_} writes a folder: give {_folder(output)}")
        if suffix and output.suffix != suffix:
            raise ExportError(
                f"-o {output}: files of --format {format_} end in {suffix}: give {_named(output, suffix)}"
            )
        return {format_: output}
    if output.suffix not in suffixes():
        first = next(iter(suffixes()))
        raise ExportError(
            f"-o {output}: its end says no format: give one of {', '.join(suffixes())}, such as "
            f"{_named(output, first)}, or several by --format and a folder"
        )
    return {suffixes()[output.suffix]: output}


def suffixes() -> dict[str, str]:
    """Formats by the suffix of their files, where that says which one it is."""
    return {each.suffix: name for name, each in FORMATS.items() if each.suffix and not each.named}


def write_checkpoint(checkpoint: Checkpoint, export: Export, settings: Settings = DEFAULTS) -> list[Written]:
    """Write `checkpoint` to all files of `export`, which appear together when all are complete and checked.

    Raises:
        ExportError: a file can't be written, or a format does not make the images of the network.
        ArchitectureError: the network does not start from the input of `settings`.
        ConfigError: a package is missing.
    """
    _check_settings(checkpoint, export, settings)
    for name in export.files:
        FORMATS[name].check(checkpoint)
    first = next(iter(export.files.values()))
    folder = first.parent  # of all
    made = _make(folder, first)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as scratch:
            written = [
                FORMATS[name].write(checkpoint, Path(scratch, path.name), settings)
                for name, path in export.files.items()
            ]
            for each, path in zip(written, export.files.values(), strict=True):
                _move(each.path, path)
    except BaseException as error:
        for empty in reversed(made):
            with suppress(OSError):  # somebody else has put a file there
                empty.rmdir()
        if isinstance(error, OSError):
            raise _unwritable(first, error) from error
        raise
    return [replace(each, path=path) for each, path in zip(written, export.files.values(), strict=True)]


def _check_settings(checkpoint: Checkpoint, export: Export, settings: Settings) -> None:
    """Refuse settings that no format goes by."""
    takes = frozenset[str]().union(*(FORMATS[name].takes for name in export.files))
    for name in settings.changed():
        if name not in takes:
            able = ", ".join(format_ for format_, each in FORMATS.items() if name in each.takes)
            raise ExportError(f"{FLAGS[name]} is for {able}, and none is written: leave it out")
    if "start" in takes:
        checkpoint.generator.graph(settings.start)


def _make(folder: Path, file: Path) -> list[Path]:
    """Make `folder` for `file`; returns the folders that were not there, the outermost first."""
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()][::-1]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(file, error) from error
    return missing


def _move(made: Path, path: Path) -> None:
    """Put a complete file in its place; of a folder every file, in those that are there others are left."""
    if not made.is_dir():
        os.replace(made, path)
        return
    path.mkdir(exist_ok=True)
    if not (made / SAMPLES).exists():
        (path / SAMPLES).unlink(missing_ok=True)  # of the student that was here before
    for each in sorted(made.iterdir()):
        _move(each, path / each.name)


def _folder(output: Path) -> Path:
    """A name for a folder in the place of the file `output`."""
    bare = output.with_suffix("")
    return bare if bare != output else output.with_name(f"{output.name}-exported")


def _named(output: Path, suffix: str) -> Path:
    """`output` with another suffix in the place of its own, or added where it has none."""
    is_suffix = output.suffix in suffixes() or output.suffix[1:].isalpha()  # faces-0.5 has none
    stem = output.stem if is_suffix else output.name
    return output.with_name(f"{stem}{suffix}")


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path} can't be written ({os_reason(error)}): choose another -o")
