"""How images of translation tasks are read: all of them, or a sample."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distill.data.image_set import ImageSet
from distill.data.loading import read_source, sample_source
from distill.data.sources import Source
from distill.progress import OnProgress


@dataclass(frozen=True)
class Format:
    """Size and colours that images are decoded to."""

    resolution: int  # px
    channels: int  # 1 (grey) or 3 (RGB)


@dataclass(frozen=True)
class Reading:
    """Whether all images are read, decoded once into `cache`, or a `sample` that writes nothing."""

    sample: bool = False
    cache: Path | None = None
    on_progress: OnProgress | None = None

    def images(self, name: str, source: Source, wanted: Format) -> ImageSet:
        """The images of an open source, which messages call `name`.

        Raises:
            DataError: see `distill.data.load_images`.
        """
        if self.sample:
            return sample_source(name, source, wanted.resolution, wanted.channels)
        return read_source(
            name,
            source,
            wanted.resolution,
            wanted.channels,
            cache=self.cache,
            on_progress=self.on_progress,
        )
