"""Images of translation tasks: domains, pairs and attributes, and how they are split."""

from distill.data.translation.attributes import AttributeImages, load_attributes
from distill.data.translation.domains import load_domains
from distill.data.translation.pairs import load_pairs
from distill.data.translation.photos import Photos, open_photos
from distill.data.translation.places import check_noise_data
from distill.data.translation.reading import Format, Reading
from distill.data.translation.splits import TEST, Split, split_images

__all__ = [
    "TEST",
    "AttributeImages",
    "Format",
    "Photos",
    "Reading",
    "Split",
    "check_noise_data",
    "load_attributes",
    "load_domains",
    "load_pairs",
    "open_photos",
    "split_images",
]
