"""Whether translated images have the attribute that was asked for, as a classifier sees it."""

from __future__ import annotations

import torch

from distill.errors import FidelityError
from distill.evaluation.translations.base import Measure, Resources, Shown, Values
from distill.evaluation.translations.classifier import attribute_classifier, balanced_accuracy, has
from distill.tasks import EvalSet


def accuracy(one: EvalSet, resources: Resources) -> Measure:
    """Fraction of images in which a small classifier sees the attribute that the set asks for.

    `accuracy_input` is the same of the input images, before they are translated; `accuracy_real` is the
    classifier's own balanced accuracy on the real images of the split, which it has not seen.

    Raises:
        FidelityError: the set asks for no attribute.
    """
    asked = one.asked
    if asked is None:
        raise FidelityError(
            f"--metrics accuracy: the images of {one.name} have no attributes: leave it out, or give such"
        )
    training, unseen = asked.training, asked.unseen
    network = resources.once(
        f"classifier {training.images.digest}", lambda: attribute_classifier(training, resources)
    )
    own = resources.once(
        f"balanced accuracy {unseen.images.digest}", lambda: balanced_accuracy(network, unseen)
    )
    k, exclusive = asked.attribute, training.exclusive

    @torch.no_grad()
    def measure(shown: Shown) -> Values:
        images = {"accuracy": shown.images, "accuracy_input": shown.input_image}
        seen = {name: has(network(x), exclusive)[:, k].float() for name, x in images.items()}
        return seen | {"accuracy_real": torch.full((len(shown.images),), own)}

    return measure
