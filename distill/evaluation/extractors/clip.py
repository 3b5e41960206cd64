"""CLIP's image embedding: a feature space of more than ImageNet's classes (Kynkäänniemi et al. 2023)."""

from __future__ import annotations

from pathlib import Path

from distill._torch_fidelity import create_extractor
from distill.evaluation.extractors.network import Network

# in torch-fidelity's registry, which builds what the weights are of, whatever the name
NAME = "clip-vit-b-32"


def build(weights: Path) -> Network:
    """512 features for ViT-B/32; the size of other weights is read from them.

    Weights are TorchScript archives as OpenAI publishes them.
    """
    return Network(create_extractor(NAME, ["clip"], weights))
