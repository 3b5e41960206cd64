"""The small digit classifier whose features measure FID on the built-in digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from distill.errors import FidelityError

RESOLUTION = 16
FEATURES = 64
CLASSES = 10
WEIGHTS = Path(__file__).with_name("classifier.safetensors")


class DigitClassifier(nn.Module):
    """Grey digits `(N, 1, 16, 16)`, float32 in [-1, 1] ⇒ ten logits.

    The features are taken before an activation and standardised over the training images, so none is dead and
    all weigh alike in a Fréchet distance.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.SiLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.SiLU(),
            nn.Conv2d(64, 64, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(64 * (RESOLUTION // 4) ** 2, FEATURES),
            nn.BatchNorm1d(FEATURES, affine=False),
        )
        self.head = nn.Sequential(nn.SiLU(), nn.Linear(FEATURES, CLASSES))

    def features(self, images: Tensor) -> Tensor:
        """Activations before the last one, `(N, 64)`; images of another resolution are resized to 16×16."""
        if images.shape[-2:] != (RESOLUTION, RESOLUTION):
            images = F.interpolate(images, (RESOLUTION, RESOLUTION), mode="bilinear", antialias=True)
        out: Tensor = self.layers(images)
        return out

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits


def load_classifier(path: Path | None = None) -> DigitClassifier:
    """The trained classifier, in eval mode, without gradients; `path` defaults to the one in this package.

    Raises:
        FidelityError: `path` is not such a file.
    """
    path = path or WEIGHTS
    classifier = DigitClassifier()
    try:
        with safe_open(path, framework="pt") as file:
            classifier.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise FidelityError(
            f"{path} is not a digit classifier: give one that tools.digits.train_classifier wrote"
        ) from error
    return classifier.requires_grad_(False).eval()


def classifier_metadata(path: Path | None = None) -> dict[str, Any]:
    """How the classifier was trained and how well it does: the metadata of its file."""
    with safe_open(path or WEIGHTS, framework="pt") as file:
        return {name: json.loads(value) for name, value in (file.metadata() or {}).items()}
