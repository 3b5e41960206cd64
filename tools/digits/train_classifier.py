"""Train the digit classifier that ships with the package: `python -m tools.digits.train_classifier`.

Half a minute on one core. Shifts and rotations are the only augmentation: the features are to overlook where
a digit stands, and to see blur, noise and missing digits.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from sklearn.model_selection import train_test_split
from torch import Tensor

from distill.data import digits_labels, load_images, to_float
from distill.digits.classifier import CLASSES, RESOLUTION, WEIGHTS, DigitClassifier

SEED = 0
TEST_SHARE = 0.2  # of each digit's images
EPOCHS = 40
BATCH_SIZE = 64
LEARNING_RATE = 2e-3  # peak of one cycle, AdamW
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.1
MAX_SHIFT = 1.0  # pixels
MAX_ROTATION = 12.0  # degrees


def split(labels: Tensor, seed: int = SEED) -> tuple[Tensor, Tensor]:
    """Indices of the training and of the test images, each digit in the same proportion in both."""
    train, test = train_test_split(
        torch.arange(len(labels)).numpy(), test_size=TEST_SHARE, stratify=labels.numpy(), random_state=seed
    )
    return torch.from_numpy(train), torch.from_numpy(test)


def augment(images: Tensor) -> Tensor:
    """Shift and rotate each image a little; black flows in."""
    count = len(images)
    angle = (torch.rand(count) * 2 - 1) * math.radians(MAX_ROTATION)
    shift = (torch.rand(count, 2) * 2 - 1) * MAX_SHIFT * 2 / RESOLUTION
    cos, sin = angle.cos(), angle.sin()
    affine = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1).view(count, 2, 3)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def train(
    images: Tensor,  # (N, 1, 16, 16), uint8
    labels: Tensor,  # (N,), int64
    *,
    epochs: int = EPOCHS,
    seed: int = SEED,
) -> DigitClassifier:
    torch.manual_seed(seed)
    classifier = DigitClassifier()
    steps = len(images) // BATCH_SIZE
    optimizer = torch.optim.AdamW(classifier.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, epochs * steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images))[: steps * BATCH_SIZE].view(steps, BATCH_SIZE):
            logits = classifier(augment(to_float(images[chosen])))
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
            optimizer.step()
            schedule.step()
    return classifier.eval()


@torch.no_grad()
def accuracy(classifier: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """Accuracy: fraction of the images that are classified correctly."""
    return float((classifier(to_float(images)).argmax(1) == labels).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS, help="where to write the classifier")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()

    images, labels = load_images("digits", RESOLUTION, 1).images, digits_labels()
    train_indices, test_indices = split(labels, options.seed)
    torch.set_num_threads(1)  # the same weights whatever the number of cores
    classifier = train(images[train_indices], labels[train_indices], epochs=options.epochs, seed=options.seed)
    test_accuracy = accuracy(classifier, images[test_indices], labels[test_indices])
    metadata = {
        "test_accuracy": test_accuracy,
        "test_images": len(test_indices),
        "train_images": len(train_indices),
        "classes": list(range(CLASSES)),
        "seed": options.seed,
        "epochs": options.epochs,
        "batch_size": BATCH_SIZE,
        "learning_rate": LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
        "label_smoothing": LABEL_SMOOTHING,
        "augmentation": f"shifts to {MAX_SHIFT:g} pixel, rotations to {MAX_ROTATION:g} degrees",
        "trained_by": "python -m tools.digits.train_classifier",
    }
    texts = {name: json.dumps(value) for name, value in metadata.items()}
    save_file(classifier.state_dict(), options.output, texts)
    print(f"{options.output}: test accuracy {test_accuracy:.2%} on {len(test_indices)} images")


if __name__ == "__main__":
    main()
