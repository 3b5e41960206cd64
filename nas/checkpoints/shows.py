"""What a generator does between latents, styles and truncations, and beside its teacher: as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from distill.evaluation import compare, image_grid, save_png
from distill.noise import seeded_noise
from distill.tasks import Panel
from nas.checkpoints.sampling import check_output, drawn_inputs, known_options, write
from nas.errors import ConfigError
from search_spaces import Checkpoint, Generator, Inputs, StyleBased, count_of, load_checkpoint, os_reason
from search_spaces.reading import written_whole

FRAME_MS = 60  # that an image of an animation is shown
ANIMATIONS = (".gif", ".webp", ".mp4")
MOST = 10_000  # images of one file: they are in memory at once
LEAST_KEYS = 2  # images that an animation goes through


@dataclass(frozen=True)
class Show:
    """What is shown of a checkpoint's images, one of: truncations, other networks, a walk, a mix."""

    psis: tuple[float, ...] = (1.0,)
    teacher: Path | None = None  # what differences are to, where there is one
    beside: tuple[Path, ...] = ()  # further students
    frames: int | None = None  # of a walk, from one image to the next
    mix: bool = False

    def pictures(self, count: int) -> int:
        """How many images are made of `count` latents."""
        if self.frames is not None:
            return count * self.frames
        if self.mix:
            return (count + 1) ** 2
        networks = 1 + len(self.beside) + (self.teacher is not None)
        return count * max(2 * networks - 1, len(self.psis))  # each but the first with its difference

    @property
    def compares(self) -> bool:
        """Whether other networks are shown, too."""
        return self.teacher is not None or bool(self.beside)

    @property
    def is_more_than_a_grid(self) -> bool:
        return len(self.psis) > 1 or self.compares or self.frames is not None or self.mix


def show(
    checkpoint: Path,
    output: Path,
    asked: Show,
    *,
    count: int,
    columns: int,
    latents: Path | None = None,
    classes: str = "",
    seed: int = 0,
    noise: str = "",
    force: bool = False,
) -> str:
    """Write what is `asked` to `output`, and say what it is.

    Args:
        checkpoint: of a student or a teacher that makes images of latents.
        output: .gif, .webp or .mp4 of a walk, else .png.
        asked: see `Show`.
        count: images, of which latents are drawn where none are given.
        columns: images in a row, where rows are not given by what is asked.
        latents: .npy of `z`, (N, latent_dim).
        classes: of a conditional generator, see `draw`.
        seed: of latents, labels and noise.
        noise: of networks with noise inputs; constant where it is "".
        force: replace `output` if it exists.

    Raises:
        CheckpointError, ConfigError: a file can't be read, does not fit or can't be written, or the network
            can't do it.
        ModuleNotFoundError: an .mp4 needs the package av.
    """
    check_output(output, force, ANIMATIONS if asked.frames is not None else (".png",))
    if output.suffix.lower() == ".mp4":
        import_module("av")  # not found out when all images are made
    loaded = load_checkpoint(checkpoint)
    generator = loaded.generator
    psi = asked.psis[0]
    for each in asked.psis:
        known_options(loaded, checkpoint, {"psi": each} | ({"noise": noise} if noise else {}))
    if len(asked.psis) > 1 and "psi" not in generator.sampling_options:
        raise ConfigError(
            f"--psi of several values: {checkpoint} is of the family {loaded.family}, which has no styles to "
            "truncate: leave --psi out"
        )
    if noise and (asked.mix or asked.frames is not None):
        raise ConfigError(f"--noise {noise}: noise of a walk or a mix is constant: leave --noise out")
    if asked.pictures(count) > MOST:
        raise ConfigError(
            f"--count {count}: that is {asked.pictures(count):,} images, and at most {MOST:,} are made: give "
            "fewer"
        )
    inputs = drawn_inputs(generator, checkpoint, count=count, latents=latents, classes=classes, seed=seed)
    made = len(inputs[0])
    images_of = count_of(made, "image")
    size = f"{generator.image_shape[1]}×{generator.image_shape[2]} px"
    if asked.frames is not None:
        if made < LEAST_KEYS:
            raise ConfigError(f"--count {made}: a walk goes through at least {LEAST_KEYS} images: give more")
        images = walk(generator, inputs, asked.frames, psi=psi)
        save_animation(images, output)
        return f"{output}: a walk through {made} images, {len(images)} frames of {size}"
    if asked.mix:
        if made < LEAST_KEYS:
            raise ConfigError(f"--count {made}: --mix mixes at least {LEAST_KEYS} images: give more")
        write(mixed(generator, inputs, psi), output, made + 1, force)
        mix = "each mixed with each: coarse styles by row, fine ones by column"
        return f"{output}: {images_of} of {size}, {mix}"
    if asked.compares:
        alike = len({path.stem for path in (checkpoint, *asked.beside)}) <= len(asked.beside)
        networks = [(_label(checkpoint, alike), generator)]
        networks += [
            (_label(path, alike), _alike(path, "--beside", loaded, checkpoint)) for path in asked.beside
        ]
        if asked.teacher is not None:
            teacher = _alike(asked.teacher, "--teacher", loaded, checkpoint)
            name = "" if asked.teacher.stem == "teacher" else f", {asked.teacher.stem}"
            networks.insert(0, (f"teacher{name}", teacher))
        options = {"psi": psi, "noise": noise or "const"}
        _save(beside(networks, inputs, min(columns, made), seed, **options), output)
        students = count_of(len(asked.beside) + 1, "student")
        by = f"teacher and {students}" if asked.teacher is not None else students
        return f"{output}: {images_of} of {size} by {by}, and their differences"
    rows = truncated(generator, inputs, asked.psis, seed, noise=noise or "const")
    _save(compare([Panel({"": images}, f"psi {psi:g}", made) for psi, images in rows.items()]), output)
    return f"{output}: {images_of} of {size} in rows, psi {', '.join(f'{each:g}' for each in asked.psis)}"


def _label(path: Path, alike: bool) -> str:
    """The name of a network in a picture; with its folder where names of files are `alike`."""
    return f"{path.absolute().parent.name}/{path.stem}" if alike else path.stem


def _alike(path: Path, flag: str, loaded: Checkpoint, checkpoint: Path) -> Generator:
    """Another network of the same inputs and images; digits names the built-in teacher.

    Raises:
        ConfigError: it has others.
    """
    if str(path) == "digits" and not path.exists():
        from distill.teachers import load_teacher  # needs the extra search, as nothing else here

        other = load_teacher().generator
    else:
        other = load_checkpoint(path).generator
    generator = loaded.generator
    if (other.input_specs, other.image_shape) != (generator.input_specs, generator.image_shape):
        raise ConfigError(
            f"{flag} {path}: it takes other inputs or makes other images than {checkpoint}: give its "
            "teacher, or another student of it"
        )
    return other


def _save(picture: Image.Image, output: Path) -> None:
    try:
        save_png(picture, output)
    except OSError as error:
        raise ConfigError(f"-o {output} can't be written ({os_reason(error)}): choose another") from error


@torch.no_grad()
def truncated(
    generator: Generator, inputs: Inputs, psis: Sequence[float], seed: int, **options: Any
) -> dict[float, Tensor]:
    """Images (N, C, H, W) for each truncation, of the same latents and noise."""
    rows = {}
    for psi in psis:
        with seeded_noise(seed):
            rows[psi] = generator(*inputs, psi=psi, **options).clamp(-1, 1)
    return rows


@torch.no_grad()
def beside(
    networks: Sequence[tuple[str, Generator]], inputs: Inputs, columns: int, seed: int, **options: Any
) -> Image.Image:
    """The images of several networks for the same inputs, and how far each is from the first's.

    The difference is that of a pixel's values: black where there is none.
    """
    panels = []
    for name, network in networks:
        with seeded_noise(seed):
            known = {name: value for name, value in options.items() if name in network.sampling_options}
            panels.append((name, network(*inputs, **known).clamp(-1, 1)))
    first, *others = panels
    panels += [(f"difference of {name}", (images - first[1]).abs() - 1) for name, images in others]
    return compare([Panel({"": images}, name, columns) for name, images in panels])


@torch.no_grad()
def walk(generator: Generator, inputs: Inputs, frames: int, **options: Any) -> Tensor:
    """Images (N·frames, C, H, W) from each of N latents to the next and from the last to the first.

    StyleGAN2 goes along straight lines between styles, others along great circles between latents; labels
    change halfway. Noise is constant.
    """
    fractions = torch.linspace(0, 1, frames + 1)[:-1]
    if isinstance(generator, StyleBased) and "w" in generator.graph_starts:
        _, keys = generator.with_styles(*inputs)
        graph, psi = generator.graph("w"), torch.tensor(float(options.get("psi", 1.0)))
        path = torch.cat([a.lerp(b, t)[None] for a, b in _pairs(keys) for t in fractions])
        return torch.cat([graph(each, psi) for each in torch.split(path, 1)])
    z, *labels = inputs
    path = torch.cat([_slerp(a, b, float(t))[None] for a, b in _pairs(z) for t in fractions])
    along = [
        torch.cat([(a if t < 0.5 else b)[None] for a, b in _pairs(given) for t in fractions])
        for given in labels
    ]
    steps = zip(*(torch.split(each, 1) for each in (path, *along)), strict=True)
    return torch.cat([generator.deterministic(*step) for step in steps])


@torch.no_grad()
def mixed(generator: Generator, inputs: Inputs, psi: float) -> Tensor:
    """Images ((N+1)², C, H, W), row by row: coarse styles are those of the row, fine ones of the column.

    The first row and the first column are the N sources; between them the corner is white.

    Raises:
        ConfigError: the generator has no styles by layer.
    """
    if not isinstance(generator, StyleBased) or "w+" not in generator.graph_starts:
        raise ConfigError("--mix: this network has no styles by layer: give a StyleGAN2's file")
    images, w = generator.with_styles(*inputs)
    graph, truncation = generator.graph("w+"), torch.tensor(psi)
    layers = graph.example_inputs(1)[0].shape[1]
    coarse = torch.arange(layers)[:, None] < layers // 2
    blank = torch.ones_like(images[:1])

    def of(row: Tensor, column: Tensor) -> Tensor:
        made: Tensor = graph(torch.where(coarse, row, column)[None], truncation)
        return made

    rows = [blank, *(of(each, each) for each in w)]
    for row in w:
        rows += [of(row, row), *(of(row, column) for column in w)]
    return torch.cat(rows)


def save_animation(images: Tensor, output: Path) -> None:
    """Write `images` as a .gif or .webp that begins anew, or as an .mp4; it appears only when complete.

    Raises:
        ConfigError: it can't be written.
        ModuleNotFoundError: an .mp4 needs the package av.
    """
    frames = [image_grid(image[None], 1, max_side=None).convert("RGB") for image in images]
    write_frames = _write_video if output.suffix.lower() == ".mp4" else _write_pictures
    try:
        with written_whole(output) as file:
            write_frames(frames, file, output.suffix.lower())
    except OSError as error:
        raise ConfigError(f"-o {output} can't be written ({os_reason(error)}): choose another") from error


def _write_pictures(frames: Sequence[Image.Image], file: IO[bytes], suffix: str) -> None:
    frames[0].save(
        file,
        format=suffix.removeprefix(".").upper(),
        save_all=True,
        append_images=frames[1:],
        duration=FRAME_MS,
        loop=0,
    )


def _write_video(frames: Sequence[Image.Image], file: IO[bytes], suffix: str) -> None:
    """H.264, as browsers and phones play it: even sides, colours at half of the resolution."""
    import av  # of the extra video

    width, height = (side + side % 2 for side in frames[0].size)
    with av.open(file, "w", format=suffix.removeprefix(".")) as video:
        stream = video.add_stream("libx264", rate=Fraction(1000, FRAME_MS), options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            right, below = width - frame.width, height - frame.height
            even = ImageOps.expand(frame, (0, 0, right, below))
            video.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(even), format="rgb24")))
        video.mux(stream.encode())


def _pairs(keys: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Each of `keys` with the next, the last with the first."""
    return list(zip(keys, keys.roll(-1, 0), strict=True))


def _slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at fraction `t` of the great circle from `a` to `b` (Shoemake 1985); lengths on a line."""
    angle = torch.arccos((a / a.norm() * b / b.norm()).sum().clamp(-1, 1))
    if float(angle.sin()) < 1e-4:
        return a.lerp(b, t)
    direction = (((1 - t) * angle).sin() * a / a.norm() + (t * angle).sin() * b / b.norm()) / angle.sin()
    point: Tensor = direction * a.norm().lerp(b.norm(), t)
    return point
