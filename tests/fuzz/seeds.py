"""Small sound files of every format that is parsed, made by code, and two of other projects."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from search_spaces import Checkpoint, save_checkpoint
from search_spaces.stylegan2 import (
    Block,
    DiscriminatorArchitecture,
    GeneratorArchitecture,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
)

REFERENCE = Path(__file__).parents[1] / "data" / "reference"

QUANTITIES = (b"5G", b"800M", b"2e6", b"1.5k", b"30000", b" 7 T")
DURATIONS = (b"30ms", b"250us", b"1.5s", b"2e-3s")
TOMLS = (
    b'budget-macs = "2M"\ntrials = 12\nrungs = "4k,8k,16k"\nsignificance = 1.5\nenqueue = ["a.json"]\n',
    b'budget_latency = "30ms" # of one image\nmirror = true\nstudy = "faces"\nseed = 7\nheld-out = 0.5\n',
)
TABLES = (
    b"file,smiling,young\na.png,1,0\nb.png,-1,1\nc.png,yes,\n",
    b"3\nsmiling young\na.jpg 1 -1\nb.jpg -1 1\nc.jpg 1 1\n",
    b'\xef\xbb\xbffile;hair;glasses\n"a;b.png";black;true\nb.png;blond;false\n',
)
LABELS = (
    b'{"labels": [["0/a.png", 0], ["1/b.png", 1]]}',
    b'{"labels": {"0/a.png": 1, "1/b.png": "0"}}',
)

LISTS = (
    b'{"files": {"rung-1.pt": "%s", "sub/samples.png": "%s"}}' % (b"0a" * 32, b"f" * 64),
    b'{"files": {}}',
)
CLAIMS = (
    b'{"study": "x", "storage": "sqlite:////shared/x/study.db", "host": "here", "token": "0123"}',
    b'{"study": "y", "storage": "postgresql+psycopg://nas@db/nas", "host": "there", "token": "4567"}',
)


@cache
def pictures() -> tuple[bytes, ...]:
    """Images of every format and of several modes, 24 × 20 px."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 24, 4), np.uint8)
    colours = Image.fromarray(pixels)
    wide = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    return (
        _saved(colours, "PNG"),
        _saved(colours.convert("P"), "PNG", transparency=3),
        _saved(wide, "PNG"),
        _saved(colours.convert("RGB"), "PNG", transparency=(1, 2, 3)),
        _saved(colours.convert("RGB"), "JPEG", exif=exif),
        _saved(colours.convert("CMYK"), "JPEG", progressive=True),
        _saved(colours, "WEBP", lossless=True),
        _saved(colours.convert("P"), "GIF", save_all=True, append_images=[colours.convert("P")]),
        _saved(colours.convert("RGB"), "BMP"),
    )


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@cache
def idx_images() -> tuple[bytes, ...]:
    """Four grey images of 16 px, plain and packed."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16), np.uint8)
    plain = b"\0\0\x08\x03" + struct.pack(">3I", *pixels.shape) + pixels.tobytes()
    return plain, gzip.compress(plain, mtime=0)


def zip_of(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of `files`."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return made.getvalue()


@cache
def zips() -> tuple[bytes, ...]:
    """Archives of images: flat, in folders of classes with labels, compressed."""
    named = {f"{i % 2}/{i}.png": picture for i, picture in enumerate(pictures()[:4])}
    return (
        zip_of({f"{i}.png": picture for i, picture in enumerate(pictures()[:4])}),
        zip_of({**named, "dataset.json": LABELS[0]}, zipfile.ZIP_DEFLATED),
        zip_of({"images/a.jpg": pictures()[4], "images/list_attr.txt": TABLES[1]}, zipfile.ZIP_BZIP2),
    )


@cache
def architectures() -> tuple[bytes, ...]:
    """What `--enqueue` takes: one StyleGAN2, and a list."""
    one = replace(tiny(), latent_dim=64, style_dim=64).to_json()  # as the built-in teacher
    return json.dumps(one).encode(), json.dumps([one, one]).encode()


def tiny() -> GeneratorArchitecture:
    """The smallest StyleGAN2 that there is."""
    return GeneratorArchitecture(
        (Block(2, convs=1), Block(2), Block(2)), image_channels=1, latent_dim=2, style_dim=2, mapping_layers=1
    )


@cache
def safetensors() -> tuple[bytes, ...]:
    """A tiny teacher of our format."""
    networks = (
        StyleGAN2Generator(tiny()).eval(),
        StyleGAN2Discriminator(DiscriminatorArchitecture.beside(tiny())).eval(),
    )
    return (_written(lambda path: save_checkpoint(Checkpoint("stylegan2", *networks), path)),)


@cache
def torch_zips() -> tuple[bytes, ...]:
    """Torch archives: a tiny state dict, and one of another project."""
    state = StyleGAN2Generator(tiny()).state_dict()
    nested = {"g_ema": state, "args": {"size": 16, "latent": 2}, "step": 7}
    return (
        _written(lambda path: torch.save(nested, path)),
        _written(lambda path: torch.save(nested, path, _use_new_zipfile_serialization=False)),
        (REFERENCE / "pix2pix_unet_batch_net_G.pth").read_bytes(),
    )


@cache
def nvidia_pickles() -> tuple[bytes, ...]:
    """A network of NVIDIA's code, which pickles modules with their source."""
    return ((REFERENCE / "nvidia_16_clamp.pkl").read_bytes(),)


@cache
def arrays() -> tuple[bytes, ...]:
    """Latents as .npy."""
    made = io.BytesIO()
    np.save(made, np.zeros((3, 2), np.float32))
    return (made.getvalue(),)


def _written(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.safetensors"
        write(path)
        return path.read_bytes()
