"""The formats of an export by name, and the files that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.checkpoints.formats.graphs import check_onnx, write_onnx, write_program
from nas.checkpoints.formats.hub import check_hub, write_hub
from nas.checkpoints.formats.settings import DEFAULTS, Settings, Written
from nas.errors import ExportError
from search_spaces import Checkpoint, os_reason, save_checkpoint


@dataclass(frozen=True)
class Format:
    """A format that a student can be written in."""

    suffix: str  # of its file; "" of a folder
    write: Callable[[Checkpoint, Path, Settings], Written]
    check: Callable[[Checkpoint], None] = lambda checkpoint: None  # raises where it can't be written at all
    graph: bool = False  # whether it is a `Graph`, of which `Settings` say the start and the batch


def _write_safetensors(checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    save_checkpoint(checkpoint, path)
    return Written("safetensors", path, path.stat().st_size)


FORMATS: dict[str, Format] = {
    "safetensors": Format(".safetensors", _write_safetensors),  # the default: what our commands read
    "onnx": Format(".onnx", write_onnx, check_onnx, graph=True),
    "pt2": Format(".pt2", write_program, graph=True),
    "hub": Format("", write_hub, check_hub),
}


@dataclass(frozen=True)
class Export:
    """Formats with the files that they are written to."""

    files: Mapping[str, Path]

    @classmethod
    def of(cls, output: Path, formats: str | Sequence[str], name: str) -> Export:
        """One format is written to the file `output`, several to files called `name` in the folder `output`.

        Without `formats`, the suffix of `output` says which. A single name is a format, too.

        Raises:
            ExportError: a format is unknown, or `output` has the suffix of another one.
        """
        formats = (formats,) if isinstance(formats, str) else tuple(dict.fromkeys(formats))
        for format_ in formats:
            if format_ not in FORMATS:
                raise ExportError(f"--format {format_} is unknown: give {', '.join(FORMATS)}")
        if len(formats) > 1:
            if output.is_file() or output.suffix in suffixes():
                raise ExportError(
                    f"-o {output} is one file, for {len(formats)} formats: give a folder, such as "
                    f"{_folder(output)}"
                )
            return cls({each: output / f"{name}{FORMATS[each].suffix}" for each in formats})
        if formats:
            (format_,) = formats
            suffix = FORMATS[format_].suffix
            if not suffix and (output.suffix in suffixes() or output.is_file()):
                raise ExportError(f"-o {output}: --format {format_} writes a folder: give {_folder(output)}")
            if suffix and output.suffix != suffix:
                raise ExportError(
                    f"-o {output}: files of --format {format_} end in {suffix}: give {_named(output, suffix)}"
                )
            return cls({format_: output})
        if output.suffix not in suffixes():
            first = next(iter(suffixes()))
            raise ExportError(
                f"-o {output}: its end says no format: give one of {', '.join(suffixes())}, such as "
                f"{_named(output, first)}, or several by --format and a folder"
            )
        return cls({suffixes()[output.suffix]: output})

    def check(self, *, force: bool) -> None:
        """Refuse, before anything is computed, what can't be written.

        Raises:
            ExportError: a file exists and is not to be replaced by `force`, or can't be looked at.
        """
        for path in self.files.values():
            try:
                exists = path.exists() and not (path.is_dir() and not any(path.iterdir()))
            except OSError as error:
                raise _unwritable(path, error) from error
            if exists and not force:
                raise ExportError(f"{path} exists: choose another -o, or replace it by --force")


def suffixes() -> dict[str, str]:
    """Formats by the suffix of their files."""
    return {each.suffix: name for name, each in FORMATS.items() if each.suffix}


def write_checkpoint(
    checkpoint: Checkpoint, export: Export, settings: Settings = DEFAULTS, *, force: bool = False
) -> list[Written]:
    """Write `checkpoint` to all files of `export`, each of which appears only when complete and checked.

    Raises:
        ExportError: a file exists and is not to be replaced by `force`, can't be written, or a format does
            not make the images of the network.
        ArchitectureError: the network does not start from the input of `settings`.
        ConfigError: a package is missing.
    """
    export.check(force=force)
    if any(FORMATS[name].graph for name in export.files):
        checkpoint.generator.graph(settings.start)
    elif settings != DEFAULTS:
        raise ExportError(
            f"--input and --batch are for {_named_graphs()}, and none is written: leave them out"
        )
    for name in export.files:
        FORMATS[name].check(checkpoint)
    written = []
    for name, path in export.files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(FORMATS[name].write(checkpoint, path, settings))
        except OSError as error:
            raise _unwritable(path, error) from error
    return written


def _folder(output: Path) -> Path:
    """A name for a folder in the place of the file `output`."""
    bare = output.with_suffix("")
    return bare if bare != output else output.with_name(f"{output.name}-exported")


def _named_graphs() -> str:
    return ", ".join(name for name, each in FORMATS.items() if each.graph)


def _named(output: Path, suffix: str) -> Path:
    """`output` with another suffix in the place of its own, or added where it has none."""
    is_suffix = output.suffix in suffixes() or output.suffix[1:].isalpha()  # faces-0.5 has none
    stem = output.stem if is_suffix else output.name
    return output.with_name(f"{stem}{suffix}")


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path} can't be written ({os_reason(error)}): choose another -o")
