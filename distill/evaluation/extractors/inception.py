"""The Inception v3 network in which FID, KID and IS are published, as torch-fidelity builds it."""

from __future__ import annotations

from pathlib import Path

from distill._torch_fidelity import URL_INCEPTION_V3, create_extractor
from distill.evaluation.extractors.network import Network
from distill.evaluation.extractors.weights import read_tensors


def build(weights: Path) -> Network:
    """2,048 features from before the classifier, and its logits without their bias (as IS was published)."""
    read_tensors(weights, URL_INCEPTION_V3.rpartition("/")[2])  # torch-fidelity would run code in it
    return Network(
        create_extractor("inception-v3-compat", ["2048", "logits_unbiased"], weights), has_logits=True
    )
