"""The features of the small digit classifier that comes with the package."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from distill._torch_fidelity import FeatureExtractorBase, create_extractor, register_feature_extractor
from distill.data import to_float
from distill.digits import load_classifier
from distill.evaluation.extractors.network import Network

REGISTERED_NAME = "handwritten-digits"  # in torch-fidelity's registry


class DigitFeatures(FeatureExtractorBase):  # type: ignore[misc]  # torch-fidelity has no types
    """The digit classifier's features and logits in torch-fidelity's terms."""

    LAYER = "64"
    LOGITS = "logits"

    def __init__(
        self,
        name: str,
        features_list: list[str],
        feature_extractor_weights_path: str | None = None,
        **_: object,
    ) -> None:
        super().__init__(name, features_list)
        path = feature_extractor_weights_path
        self.classifier = load_classifier(None if path is None else Path(path))

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return (DigitFeatures.LAYER, DigitFeatures.LOGITS)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return DigitFeatures.LOGITS if metric == "isc" else DigitFeatures.LAYER

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    @staticmethod
    def get_dummy_input_for_compile() -> Tensor:
        return torch.zeros(1, 1, 16, 16, dtype=torch.uint8)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """`(N, 1 or 3, H, W)`, uint8; colours are averaged to grey."""
        features = self.classifier.features(to_float(images).mean(dim=1, keepdim=True))
        layers = {self.LAYER: features, self.LOGITS: self.classifier.head(features)}
        return tuple(layers[name] for name in self.features_list)


def build(weights: Path) -> Network:
    """64 features, and the logits of the ten digits."""
    layers = [DigitFeatures.LAYER, DigitFeatures.LOGITS]
    return Network(create_extractor(REGISTERED_NAME, layers, weights), (1, 3), has_logits=True)


register_feature_extractor(REGISTERED_NAME, DigitFeatures)
