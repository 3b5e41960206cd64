"""A small classifier of attributes, trained on the training images; kept in the cache of real images."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distill.data import ImageStream, to_float
from distill.evaluation.translations.base import Resources
from distill.seeds import derive_seed
from distill.tasks import Labelled
from search_spaces.reading import written_whole

RULE = 1  # part of the names of files: raise it whenever a classifier would be another
WIDTHS = (32, 64, 96, 128)
MOST_SIDE = 64  # px; larger images are scaled down
EPOCHS = 30
MOST_IMAGES = 48_000  # of a training, repeats included: minutes on a CPU
BATCH = 64
SHIFT = 12  # images are shifted by up to a 12th of their side: no flips, an attribute may be a side
RATE = 2e-3
LEAST_FRACTION = 0.02  # of images that have an attribute: rarer ones do not count more
AT_A_TIME = 256
TRAINING = "Training a classifier of attributes, once"


class AttributeClassifier(nn.Module):
    """Images (N, C, H, W), float32 in [-1, 1] ─► logits (N, K)."""

    def __init__(self, channels: int, attributes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in pairwise((channels, *WIDTHS)):
            conv = nn.Conv2d(before, width, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3))
        self.head = nn.Linear(4 * WIDTHS[-1], attributes)

    def forward(self, images: Tensor) -> Tensor:
        side = max(images.shape[-2:])
        if side > MOST_SIDE:
            images = F.interpolate(images, scale_factor=MOST_SIDE / side, mode="area")
        logits: Tensor = self.head(self.layers(images))
        return logits


def attribute_classifier(labelled: Labelled, resources: Resources) -> AttributeClassifier:
    """A classifier of the attributes of `labelled`, in evaluation mode: from the cache, or trained now.

    Equal images and attributes give the same classifier on the same kind of device.
    """
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
        network = AttributeClassifier(labelled.images.images.shape[1], labelled.values.shape[1]).to(
            resources.device
        )
    path = None if resources.cache is None else resources.cache / f"classifier-{_digest(labelled)}.pt"
    if path is None or not _read(network, path, resources.device):
        _train(network, labelled, resources)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as file:
                torch.save(network.state_dict(), file)
    return network.eval().requires_grad_(False)


@torch.no_grad()
def balanced_accuracy(network: AttributeClassifier, labelled: Labelled) -> float:
    """Balanced accuracy of `network` on images that it has not seen, in [0, 1].

    The mean over attributes of: the fraction of images that have it and are recognised, where attributes
    exclude each other; else the mean of this fraction and of that of images that have it not.
    """
    device = next(network.parameters()).device
    found = torch.cat(
        [
            has(network(to_float(some.to(device))), labelled.exclusive).cpu()
            for some in labelled.images.batches(AT_A_TIME)
        ]
    )
    rates = []
    for k in range(found.shape[1]):
        having = labelled.values[:, k] == 1
        parts = (
            [(found[:, k], having)]
            if labelled.exclusive
            else [(found[:, k], having), (~found[:, k], ~having)]
        )
        rates += [float(right[which].float().mean()) for right, which in parts if bool(which.any())]
    return sum(rates) / len(rates)


def has(logits: Tensor, exclusive: bool) -> Tensor:
    """Which attributes (N, K) an image of `logits` has: the likeliest, or each that is likelier than not."""
    if not exclusive:
        return logits > 0
    return F.one_hot(logits.argmax(dim=1), logits.shape[1]).bool()


def _digest(labelled: Labelled) -> str:
    digest = hashlib.sha256(f"{RULE} {labelled.images.digest} {labelled.exclusive}".encode())
    digest.update(labelled.values.numpy().tobytes())
    return digest.hexdigest()[:16]


def _read(network: AttributeClassifier, path: Path, device: torch.device) -> bool:
    """Whether `path` holds the weights of `network`, which are then loaded."""
    try:
        network.load_state_dict(torch.load(path, map_location=device, weights_only=True))
    except Exception:  # there is none, or whatever a damaged file makes the reader raise
        return False
    return True


def _train(network: AttributeClassifier, labelled: Labelled, resources: Resources) -> None:
    """Adam with a rate that falls to 0; the caller's random numbers stay as they are."""
    total = min(MOST_IMAGES, EPOCHS * len(labelled.images))
    steps = max(1, total // BATCH)
    seed = derive_seed(0, "classifier of attributes")
    with torch.random.fork_rng(devices=[resources.device] if resources.device.type == "cuda" else []):
        torch.manual_seed(seed)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
                module.reset_parameters()
        optimizer = torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=1e-4)
        falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
        stream = ImageStream(
            labelled.images.images,
            BATCH,
            seed,
            labels=torch.arange(len(labelled.images)),
            rows=labelled.images.rows,
            device=resources.device,
        )
        having = labelled.values.mean(dim=0).to(resources.device)
        network.train()
        for step in range(steps):
            images, positions = stream.next_batch()
            assert positions is not None
            wanted = labelled.values[positions.cpu()].to(resources.device)
            loss = _loss(network(_shifted(images)), wanted, having, labelled.exclusive)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
            optimizer.step()
            falling.step()
            if resources.on_progress is not None:
                resources.on_progress(TRAINING, step + 1, steps)


def _loss(logits: Tensor, wanted: Tensor, having: Tensor, exclusive: bool) -> Tensor:
    """Cross-entropy in which rare attributes count as much as common ones.

    Args:
        logits: (N, K).
        wanted: attributes (N, K).
        having: fraction (K,) of the training images that have an attribute.
        exclusive: whether each image has exactly one.
    """
    having = having.clamp(LEAST_FRACTION, 1 - LEAST_FRACTION)
    if exclusive:
        return F.cross_entropy(logits, wanted.argmax(dim=1), weight=1 / having)
    weight = torch.where(wanted == 1, 0.5 / having, 0.5 / (1 - having))
    return F.binary_cross_entropy_with_logits(logits, wanted, weight=weight)


def _shifted(images: Tensor) -> Tensor:
    """The images of a batch, all shifted alike."""
    side = images.shape[-1]
    margin = max(1, side // SHIFT)
    top, left = (int(x) for x in torch.randint(2 * margin + 1, (2,)))
    return F.pad(images, (margin,) * 4, mode="replicate")[..., top : top + side, left : left + side]
