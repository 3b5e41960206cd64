"""Real images from any source as one uint8 tensor, and batches of it.

`load_images` opens a source (`sources/`), decodes every image by one rule (`decoding.py`) on all cores
(`reading.py`), keeps the result on disk for the next process (`cache.py`) and hands out an `ImageSet`;
`ImageStream` draws batches from that. Images of two domains, pairs and attributes are in `translation/`.
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
from distill.data.translation import (
    TEST,
    AttributeImages,
    Format,
    Photos,
    Reading,
    Split,
    check_noise_data,
    load_attributes,
    load_domains,
    load_pairs,
    open_photos,
    split_images,
)

__all__ = [
    "DIGITS",
    "LEAST_HELD_OUT",
    "MIN_IMAGES",
    "TEACHER",
    "TEST",
    "AttributeImages",
    "Format",
    "ImageSet",
    "ImageStream",
    "Photos",
    "Reading",
    "Split",
    "absolute",
    "check_batch",
    "check_held_out",
    "check_labels",
    "check_noise_data",
    "digits_labels",
    "image_remarks",
    "load_attributes",
    "load_domains",
    "load_images",
    "load_pairs",
    "open_photos",
    "sample_images",
    "split_images",
    "to_float",
    "to_uint8",
]
