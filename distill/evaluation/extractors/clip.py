"""CLIP's image embedding: a feature space of more than ImageNet's classes (Kynkäänniemi et al. 2023)."""

from __future__ import annotations

from pathlib import Path

from distill._torch_fidelity import CLIP_URLS, create_extractor
from distill.evaluation.extractors.network import Network
from distill.evaluation.extractors.weights import downloaded

NAME = (
    "clip-vit-b-32"  # in torch-fidelity's registry, which builds what the weights are of, whatever the name
)


def find_weights(chosen: Path | None) -> Path:
    """The chosen file, else ViT-B/32, downloaded. Both are TorchScript archives as OpenAI publishes them."""
    url = CLIP_URLS[NAME]
    return chosen or downloaded(url, "--extractor-weights", sha256=url.split("/")[-2])


def build(weights: Path) -> Network:
    """512 features for ViT-B/32; the size of other weights is read from them."""
    return Network(create_extractor(NAME, ["clip"], weights))
