"""Every parser of untrusted input, with what it is fed."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from distill.data.decoding import UnusableImageError, decode
from distill.data.label_file import UnlabelledError, read_label_file
from distill.data.sources import open_source
from distill.data.translation.table import find_table, read_table
from nas.budget import parse_duration, parse_quantity
from nas.checkpoints.arrays import read_array
from nas.config import SearchConfig, read_toml
from nas.driver import prepare
from nas.exchange import ExchangeError, ObjectStore
from nas.exchange.bundle import LIST, Bundle
from nas.exchange.receiver import _check_ours
from nas.exchange.study_objects import DRIVER, StudyObjects
from nas.retrying import NO_RETRIES
from nas.workbench import Workbench
from nas.workbench.warm_start import read_warm_start
from search_spaces import UserError, load_checkpoint, one_line
from tests.fuzz import seeds
from tests.fuzz.mutations import mutated

REFUSALS = (UserError, ExchangeError, UnusableImageError, UnlabelledError)
"""How an input may be refused: the last two leave out an image, or its label, with a line on it."""

DECODED = 20  # images of a source


@dataclass(frozen=True)
class Parser:
    """A parser; `vary` makes an input, `parse` receives it and an empty folder to put it into."""

    vary: Callable[[random.Random], bytes]
    parse: Callable[[bytes, Path], object]


def _plain(sound: Callable[[], tuple[bytes, ...]]) -> Callable[[random.Random], bytes]:
    return lambda chance: mutated(sound(), chance)


def _quantity(content: bytes, folder: Path) -> None:
    parse_quantity(content.decode("utf-8", "surrogateescape"))


def _duration(content: bytes, folder: Path) -> None:
    parse_duration(content.decode("utf-8", "surrogateescape"))


def _budget(content: bytes, folder: Path) -> None:
    text = content.decode("utf-8", "surrogateescape")
    SearchConfig.of(budget_macs=text, trials=text if len(text) % 2 else None, rungs=text)


def _toml(content: bytes, folder: Path) -> None:
    path = folder / "search.toml"
    path.write_bytes(content)
    SearchConfig.of(**{"budget_macs": "2M"} | read_toml(path, SearchConfig))


def _table(content: bytes, folder: Path) -> None:
    table = read_table("table.csv", content)
    wanted = table.attributes(())
    for image in table.rows:
        for attribute in wanted:
            table.value(image, attribute)


def _labels(content: bytes, folder: Path) -> None:
    read_label_file(["0/a.png", "1/b.png"], content)


def _source(name: str, content: bytes, folder: Path) -> None:
    """Images as a training reads them; a broken one is left out."""
    path = folder / name
    path.write_bytes(content)
    table = find_table(str(path))
    if table is not None:
        _table(table[1], folder)
    with ExitStack() as stack:
        listing = open_source(str(path), stack, download=False).listing()
        for position in range(min(len(listing), DECODED)):
            try:
                decode(listing.read(position), 16, 1)
            except Exception as error:  # as `decode_all` has it: any reason leaves the image out
                if isinstance(error, MemoryError):
                    raise
                one_line(error)


def _image(content: bytes, folder: Path) -> None:
    decode(content, 16, 3)


def _checkpoint(name: str, content: bytes, folder: Path) -> None:
    path = folder / name
    path.write_bytes(content)
    load_checkpoint(path)


def _array(content: bytes, folder: Path) -> None:
    path = folder / "z.npy"
    path.write_bytes(content)
    read_array("--latents", path, (None, 2), "(N, 2)")


@cache
def _bench() -> Workbench:
    return prepare(SearchConfig.of(budget_macs="2M"), dry_run=True)


def _enqueue(content: bytes, folder: Path) -> None:
    path = folder / "found.json"
    path.write_bytes(content)
    bench = _bench()
    bench.config = bench.config.model_copy(update={"enqueue": (path,)})
    read_warm_start(bench)


def _listed(content: bytes, folder: Path) -> None:
    """The list of a bundle in an object store, and files of it."""
    store = ObjectStore(f"file://{folder}/store", NO_RETRIES)
    store.write(content, f"x/{LIST}")
    bundle = Bundle(store, "x", folder / "trial")
    bundle.fetch(bundle.usable())


def _claimed(content: bytes, folder: Path) -> None:
    """What a driver has said of itself in an object store."""
    exchange = f"file://{folder}/store"
    config = SearchConfig.of(budget_macs="2M", study="x", workdir=folder / "work", exchange=exchange)
    objects = StudyObjects(config, NO_RETRIES)
    objects.store.write(content, f"x/{DRIVER}")
    _check_ours(objects, config)


def _idx(chance: random.Random) -> bytes:
    """Damage of the file, or of what is packed in it."""
    if chance.random() < 0.3:
        return gzip.compress(mutated(seeds.idx_images()[:1], chance), mtime=0)
    return mutated(seeds.idx_images(), chance)


def _zip(chance: random.Random) -> bytes:
    """Damage of the archive, or of names and images in a sound one."""
    if chance.random() < 0.5:
        return mutated(seeds.zips(), chance)
    files = {
        mutated((b"a/b.png", b"c.jpg", b"dataset.json", b"list_attr.csv"), chance)[:2000]: mutated(
            (*seeds.pictures(), *seeds.LABELS, *seeds.TABLES), chance
        )
        for _ in range(3)
    }
    named = {name.decode("utf-8", "replace"): content for name, content in files.items()}
    return seeds.zip_of(named, chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def _torch_zip(chance: random.Random) -> bytes:
    """Damage of the archive, or of the pickle in a sound one."""
    if chance.random() < 0.4:
        return mutated(seeds.torch_zips(), chance)
    sound = chance.choice((seeds.torch_zips()[0], seeds.torch_zips()[2]))
    with zipfile.ZipFile(io.BytesIO(sound)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    chosen = next(name for name in files if name.endswith("data.pkl"))
    return seeds.zip_of(files | {chosen: mutated((files[chosen],), chance)})


def _safetensors(chance: random.Random) -> bytes:
    """Damage of the file, or of its header with a length that fits."""
    sound = seeds.safetensors()[0]
    if chance.random() < 0.3:
        return mutated((sound,), chance)
    size = struct.unpack("<Q", sound[:8])[0]
    header = json.loads(sound[8 : 8 + size])
    header["__metadata__"].pop("content_sha256")  # else any change ends there
    if chance.random() < 0.6:
        name = chance.choice(sorted(header["__metadata__"]))
        changed = mutated((header["__metadata__"][name].encode(),), chance)
        header["__metadata__"][name] = changed.decode("utf-8", "replace")
        text = json.dumps(header).encode()
    else:
        text = mutated((json.dumps(header).encode(),), chance)
    return struct.pack("<Q", len(text)) + text + sound[8 + size :]


PARSERS: dict[str, Parser] = {
    "quantity": Parser(lambda chance: mutated(seeds.QUANTITIES, chance), _quantity),
    "duration": Parser(lambda chance: mutated(seeds.DURATIONS, chance), _duration),
    "budget options": Parser(lambda chance: mutated(seeds.QUANTITIES, chance), _budget),
    "TOML settings": Parser(lambda chance: mutated(seeds.TOMLS, chance), _toml),
    "table of attributes": Parser(lambda chance: mutated(seeds.TABLES, chance), _table),
    "dataset.json": Parser(lambda chance: mutated(seeds.LABELS, chance), _labels),
    "idx": Parser(_idx, partial(_source, "x-images-idx3-ubyte")),
    "zip of images": Parser(_zip, partial(_source, "images.zip")),
    "image": Parser(_plain(seeds.pictures), _image),
    "NVIDIA pickle": Parser(_plain(seeds.nvidia_pickles), partial(_checkpoint, "network.pkl")),
    "torch archive": Parser(_torch_zip, partial(_checkpoint, "network.pt")),
    "safetensors": Parser(_safetensors, partial(_checkpoint, "network.safetensors")),
    "npy array": Parser(_plain(seeds.arrays), _array),
    "list of objects": Parser(lambda chance: mutated(seeds.LISTS, chance), _listed),
    "claim of objects": Parser(lambda chance: mutated(seeds.CLAIMS, chance), _claimed),
    "enqueued architectures": Parser(_plain(seeds.architectures), _enqueue),
}


def refusal_fault(error: BaseException) -> str:
    """What is wrong with the message of a refusal; empty when it is one line of a bearable length."""
    said = str(error)
    if not isinstance(error, UserError):
        return ""
    if len(said) > 2_000:
        return f"a message of {len(said)} characters"
    return "a message of several lines" if "\n" in said else ""


def describe(error: BaseException) -> dict[str, Any]:
    """Type and message of an error, for a report."""
    return {"type": type(error).__name__, "message": one_line(error, 300)}
