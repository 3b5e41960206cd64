"""Real images from any source as one uint8 tensor, and batches of it.

`load_images` opens a source (`sources/`), decodes every image by one rule (`decoding.py`) on all cores
(`reading.py`), keeps the result on disk for the next process (`cache.py`) and hands out an `ImageSet`;
`ImageStream` draws batches from that.
"""

from distill.data.builtin import DIGITS, digits_labels
from distill.data.image_set import ImageSet
from distill.data.labels import check_labels
from distill.data.loading import (
    LEAST_HELD_OUT,
    MIN_IMAGES,
    check_batch,
    check_held_out,
    load_images,
    sample_images,
)
from distill.data.remarks import image_remarks
from distill.data.scale import to_float, to_uint8
from distill.data.sources import TEACHER, absolute
from distill.data.stream import ImageStream

__all__ = [
    "DIGITS",
    "LEAST_HELD_OUT",
    "MIN_IMAGES",
    "TEACHER",
    "ImageSet",
    "ImageStream",
    "absolute",
    "check_batch",
    "check_held_out",
    "check_labels",
    "digits_labels",
    "image_remarks",
    "load_images",
    "sample_images",
    "to_float",
    "to_uint8",
]
