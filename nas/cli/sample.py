"""nas-sample: generate or translate images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from nas.cli.command import Command, echo
from nas.cli.options import options
from nas.options import (
    MOST_SAMPLES,
    MOST_SIDE,
    JsonOption,
    Location,
    Names,
    Numbers,
    Place,
    SampleSeedOption,
    flag_of,
    option,
    variant,
)

if TYPE_CHECKING:
    from torch import Tensor

EXAMPLES = """
nas-sample student.safetensors -o grid.png
nas-sample student.safetensors -o grid.png --force --count 100 --columns 10 --seed 7 --psi 0.7
nas-sample student.safetensors -o images.npy --latents z.npy --noise const
nas-sample network-snapshot.pkl -o classes.png --classes 0,1,2,3 --columns 4

# truncation, a walk between images, styles mixed, the teacher beside it
nas-sample student.safetensors -o rows.png --count 8 --psi 0.3,0.6,1
nas-sample student.safetensors -o walk.gif --count 6 --interpolate 20
nas-sample student.safetensors -o mixed.png --count 6 --mix
nas-sample student.safetensors -o compared.png --count 8 --teacher teacher.safetensors
nas-sample small.safetensors -o compared.png --teacher teacher.safetensors --beside medium.safetensors

# translators: a photo, a folder, a grid beside the teacher, some domains
nas-sample latest_net_G_A.pth --input horse.jpg -o zebra.png
nas-sample student.safetensors --input horses/ -o zebras/
nas-sample student.safetensors --input horses/ -o grid.png --teacher teacher.safetensors
nas-sample 200000-G.ckpt --input faces/ -o faces.png --attributes 0,3 --resolution 128

# raw arrays in and out, to compare with the original
nas-sample latest_net_G_A.pth --inputs x.npy -o y.npy
nas-sample 200000-G.ckpt --inputs x.npy --labels c.npy -o y.npy
"""

SHOWN = 8  # images where rows, a walk or a mix are asked for
MOST_PSI = 10

MODES = {
    "input": {"attributes", "labels", "resolution", "teacher"},
    "inputs": {"labels", "psi", "noise"},
    "": {
        *("count", "columns", "latents", "classes", "seed", "psi", "noise"),
        *("teacher", "beside", "interpolate", "mix"),
    },
}
"""The options that go with each way of asking for images; without `input` and `inputs` they are drawn."""


class SampleOptions(JsonOption):
    """Which images, and the file to write."""

    checkpoint: Location = option(
        group="images", argument=True, help="Student or teacher, of any known format."
    )
    input: Place | None = option(
        None,
        group="images",
        help="Photos to translate: an image, a folder or a .zip; cropped and resized as the images of a "
        "training are.",
    )
    attributes: Names = option(
        (),
        group="images",
        help="With --input, domains to translate to: attributes by name, or by number from 0 where the file "
        "notes no names; a+b for both at once.",
        shown="every one",
    )
    resolution: int | None = option(
        None,
        group="images",
        ge=1,
        le=MOST_SIDE,
        help="With --input, side of the images, px.",
        shown="the network's",
    )
    teacher: Location | None = option(
        None,
        group="images",
        help="A network to show beside it in a grid: of the same photos, or of the same latents, then with "
        "the difference; digits: the built-in teacher.",
    )
    beside: Names = option(
        (),
        group="images",
        help="Files of further students to show in that grid, for the same latents.",
        shown="none",
    )
    interpolate: int | None = option(
        None,
        group="images",
        ge=1,
        le=1_000,
        help="Write a .gif, .webp or .mp4 that goes from each image to the next in so many frames.",
    )
    mix: bool = option(
        False,
        group="images",
        off="",
        help="Write a grid that mixes each image with each (StyleGAN2 only): coarse styles by row, fine ones "
        "by column.",
    )
    inputs: Location | None = option(
        None,
        group="images",
        help="Raw inputs as .npy: latents (N, latent_dim), or images (N, C, H, W), usually in [-1, 1].",
    )
    labels: Place = option(
        "",
        group="images",
        help="What the network takes beside --inputs, as .npy: classes (N), or attributes (N, K). With "
        "--input, target attributes (M, K), a domain each.",
    )
    count: int = option(64, group="images", ge=1, le=MOST_SAMPLES, help="Number of images.")
    columns: int = option(8, group="images", ge=1, le=1_000, help="Images in a row of the grid.")
    latents: Location | None = option(
        None, group="images", help="Latents z as .npy (N, latent_dim), instead of --count and --seed."
    )
    classes: Place = option(
        "",
        group="images",
        help="Classes for a conditional generator: 0,3,7, taken in turn, or a .npy.",
        shown="any",
    )
    seed: int = variant(SampleSeedOption, "seed", default=0, group="images")
    psi: Numbers = option(
        (1.0,),
        group="images",
        help="Truncation of styles (StyleGAN2 only): below 1, less variety; 0, the mean style. Of several a "
        "row of the grid each.",
    )
    noise: Literal["random", "const", "none"] = option(
        "random",
        group="images",
        help="Noise inputs (StyleGAN2 only).",
        shown="random; const with --inputs, --teacher and several --psi",
    )
    output: Location = option(
        group="output",
        short="-o",
        help="File to write. .png: a grid; .npy: float32 (N, C, H, W). With --input also a folder, for a .png"
        " of each photo; a .png of one photo is its translation.",
    )
    force: bool = option(False, group="output", off="", help="Replace the file if it exists.")


@click.command(cls=Command, examples=EXAMPLES)
@options(SampleOptions)
def main(asked: SampleOptions) -> None:
    """Generate images of CHECKPOINT, a student or a teacher of any known format, as .png or .npy.

    With --input it translates photos.
    """
    import json

    mode = _mode(asked)
    said, line = _translated(asked) if mode == "input" else _made(asked, mode)
    echo(json.dumps(said) if asked.as_json else line)


def _mode(asked: SampleOptions) -> str:
    """Which of `MODES` is asked for.

    Raises:
        ConfigError: an option does not go with it.
    """
    from nas.errors import ConfigError

    given = asked.model_fields_set
    mode = next((name for name in MODES if name in given), "")
    known = {*MODES, *(name for names in MODES.values() for name in names)}
    for name in sorted((given & known) - MODES[mode] - {mode}):
        flag = flag_of(SampleOptions, name)
        if mode:
            takes = ", ".join(flag_of(SampleOptions, each) for each in sorted(MODES[mode]))
            raise ConfigError(f"{flag} does not go with --{mode}, which takes {takes}: leave one of both out")
        wanted = " or ".join(f"--{each}" for each, names in MODES.items() if name in names)
        raise ConfigError(f"{flag} goes with {wanted}: give that, too, or leave {flag} out")
    return mode


def _translated(asked: SampleOptions) -> tuple[dict[str, Any], str]:
    """What came of photos: for programs, and in a line for each fact."""
    from nas.checkpoints import translate
    from search_spaces import count_of

    assert asked.input is not None
    done = translate(
        asked.checkpoint,
        asked.input,
        asked.output,
        attributes=asked.attributes,
        labels=Path(asked.labels) if asked.labels else None,
        resolution=asked.resolution,
        teacher=asked.teacher,
        force=asked.force,
    )
    domains = f" ({', '.join(done.domains)})" if done.domains else ""
    size = f"{done.side}×{done.side} px"
    if done.is_grid:
        line = f"{done.output}: a grid of {count_of(done.photos, 'photo')}, images of {size}{domains}"
    else:
        pictures = f"{count_of(done.pictures, 'picture')} of {size}"
        line = f"{done.output}: {count_of(done.photos, 'photo')}, {pictures}{domains}"
    said = {"output": str(done.output), "photos": done.photos, "pictures": done.pictures}
    said |= {"side": done.side, "domains": list(done.domains), "skipped": done.skipped}
    return said, "\n".join([line, *(f"Skipped {each}" for each in done.skipped)])


def _made(asked: SampleOptions, mode: str) -> tuple[dict[str, Any], str]:
    """What was drawn, or made of raw inputs."""
    from nas.checkpoints import ANIMATIONS, Show, check_output, draw, raw_images, show, write
    from nas.errors import ConfigError
    from search_spaces import count_of

    _check_psi(asked)
    beside = tuple(map(Path, asked.beside))
    asked_for = Show(asked.psi, asked.teacher, beside, asked.interpolate, asked.mix)
    noise = asked.noise if "noise" in asked.model_fields_set else ""
    if asked_for.is_more_than_a_grid and not mode:
        count = asked.count if "count" in asked.model_fields_set else SHOWN
        line = show(
            asked.checkpoint,
            asked.output,
            asked_for,
            count=count,
            columns=asked.columns,
            latents=asked.latents,
            classes=asked.classes,
            seed=asked.seed,
            noise=noise,
            force=asked.force,
        )
        return {"output": str(asked.output), "seed": asked.seed, "psi": list(asked.psi)}, line
    if len(asked.psi) > 1:
        raise ConfigError(f"--psi {','.join(f'{each:g}' for each in asked.psi)}: give one with --inputs")
    (psi,) = asked.psi
    if not mode and asked.output.suffix.lower() in ANIMATIONS:
        raise ConfigError(f"-o {asked.output}: a moving picture is a walk: give --interpolate FRAMES, too")
    check_output(asked.output, asked.force)
    images: Tensor
    if mode == "inputs":
        assert asked.inputs is not None
        noise = noise or "const"
        images = raw_images(asked.checkpoint, asked.inputs, asked.labels, psi=psi, noise=noise)
        said: dict[str, Any] = {"psi": psi, "noise": noise}
    else:
        images = draw(
            asked.checkpoint,
            count=asked.count,
            latents=asked.latents,
            classes=asked.classes,
            seed=asked.seed,
            psi=psi,
            noise=asked.noise,
        )
        said = {"seed": asked.seed, "psi": psi, "noise": asked.noise}
    write(images, asked.output, asked.columns, asked.force)
    line = f"{asked.output}: {count_of(len(images), 'image')} of {images.shape[2]}×{images.shape[3]} px"
    return {"output": str(asked.output), "shape": list(images.shape)} | said, line


def _check_psi(asked: SampleOptions) -> None:
    """Refuse truncations that are none, and several things at once."""
    from nas.errors import ConfigError

    for psi in asked.psi:
        if not 0 <= psi <= MOST_PSI:
            raise ConfigError(f"--psi {psi:g}: give 0 to {MOST_PSI}")
    shows = {
        "--psi with several values": len(asked.psi) > 1,
        "--teacher": asked.teacher is not None or bool(asked.beside),
        "--interpolate": asked.interpolate is not None,
        "--mix": asked.mix,
    }
    given = [flag for flag, value in shows.items() if value]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} exclude each other: give one of them")


if __name__ == "__main__":
    main()
