"""The Inception v3 network in which FID, KID and IS are published, as torch-fidelity builds it."""

from __future__ import annotations

import os
from pathlib import Path

from distill._torch_fidelity import URL_INCEPTION_V3, create_extractor
from distill.evaluation.extractors.network import Network
from distill.evaluation.extractors.weights import WEIGHTS_VARIABLE, downloaded, read_tensors


def find_weights(chosen: Path | None) -> Path:
    """The file chosen by argument, else by environment variable, else the one torch-fidelity downloads."""
    if chosen is None and os.environ.get(WEIGHTS_VARIABLE):
        chosen = Path(os.environ[WEIGHTS_VARIABLE])
    if chosen is None:
        sha256 = URL_INCEPTION_V3.rpartition("-")[2].removesuffix(".pth")
        chosen = downloaded(URL_INCEPTION_V3, f"--extractor-weights or {WEIGHTS_VARIABLE}", sha256)
    read_tensors(chosen, URL_INCEPTION_V3.rpartition("/")[2])  # torch-fidelity would run code in it
    return chosen


def build(weights: Path) -> Network:
    """2,048 features from before the classifier, and its logits without their bias (as IS was published)."""
    return Network(
        create_extractor("inception-v3-compat", ["2048", "logits_unbiased"], weights), has_logits=True
    )
