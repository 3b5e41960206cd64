"""Metrics by name: each is a few lines over what was gathered of generated and real images.

torch-fidelity computes most of them, and takes seconds to import: functions do so when they are called. A new
metric is a function and an entry in `METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distill.errors import FidelityError
from distill.evaluation.gathering import OF_THE_EXTRACTOR, Gathered, Need
from distill.evaluation.translations import Measure, Resources, accuracy, content, perceptual, target
from distill.imagenet import is_installed
from distill.perceptual import DEFAULT
from distill.seeds import derive_seed
from distill.tasks import EvalSet, Task

KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000  # images, or all there are
IS_SPLITS = 10  # of at least as many images each
NEIGHBOURS = 3  # of precision and recall
DISTANCES = 1000  # rows and columns of a block of the distance matrix

Values = dict[str, float]
Settings = dict[str, int]


@dataclass(frozen=True)
class Metric:
    """A metric: what it needs of generated and real images, and its function."""

    title: str
    needs: frozenset[Need]  # of the generated images
    of_real: frozenset[Need]  # of the real images
    least: int  # images of either kind
    compute: Callable[[Gathered, Gathered, int], tuple[Values, Settings]]  # of generated, real and a seed
    measure: Callable[[EvalSet, Resources], Measure] | None = None  # looks at images beside their inputs
    network: str = ""  # that it sees with, where that is not the extractor


def fid(fake: Gathered, real: Gathered, seed: int) -> tuple[Values, Settings]:
    """Fréchet distance of two Gaussians fitted to the features (Heusel et al. 2017); lower is better."""
    from distill._torch_fidelity import KEY_METRIC_FID, fid_statistics_to_metric

    value = fid_statistics_to_metric(real.statistics, fake.statistics, verbose=False)[KEY_METRIC_FID]
    # rounding takes the distance of a set to itself a little below zero
    return {"fid": max(float(value), 0.0)}, {}


def kid(fake: Gathered, real: Gathered, seed: int) -> tuple[Values, Settings]:
    """Squared MMD of the features under a cubic kernel (Bińkowski et al. 2018), unbiased; lower is better.

    Mean and standard deviation are over random subsets; the mean of equal sets may be a little below zero.
    """
    from distill._torch_fidelity import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    size = min(KID_SUBSET_SIZE, fake.images, real.images)
    settings = {"kid_subsets": KID_SUBSETS, "kid_subset_size": size}
    found = kid_features_to_metric(
        fake.features, real.features, **settings, rng_seed=derive_seed(seed, "kid"), verbose=False
    )
    return {"kid": found[KEY_METRIC_KID_MEAN], "kid_std": found[KEY_METRIC_KID_STD]}, settings


def inception_score(fake: Gathered, real: Gathered, seed: int) -> tuple[Values, Settings]:
    """`exp(E KL(p(class | image) ‖ p(class)))` (Salimans et al. 2016, equation 1); higher is better.

    Mean and standard deviation are over random splits.
    """
    from distill._torch_fidelity import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

    splits = max(1, min(IS_SPLITS, fake.images // IS_SPLITS))
    found = isc_features_to_metric(fake.logits, splits, shuffle=True, rng_seed=derive_seed(seed, "is"))
    return {"is": found[KEY_METRIC_ISC_MEAN], "is_std": found[KEY_METRIC_ISC_STD]}, {"is_splits": splits}


def precision_recall(fake: Gathered, real: Gathered, seed: int) -> tuple[Values, Settings]:
    """Fractions of fakes among the real and of reals among the fakes (Kynkäänniemi et al. 2019), in [0, 1].

    An image is among others when its features lie within the distance of one of them to its own third nearest
    neighbour.
    """
    from distill._torch_fidelity import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    found = prc_features_to_metric(
        fake.features.to(fake.device),  # N² distances of D numbers: the only metric that needs a GPU
        real.features.to(fake.device),
        prc_neighborhood=NEIGHBOURS,
        prc_batch_size=DISTANCES,
        save_cpu_ram=True,
        verbose=False,
    )
    values = {"precision": found[KEY_METRIC_PRECISION], "recall": found[KEY_METRIC_RECALL]}
    return values, {"prc_neighbours": NEIGHBOURS}


def sharpness(fake: Gathered, real: Gathered, seed: int) -> tuple[Values, Settings]:
    """Mean variance of the Laplacian of generated and of real images; a ratio of 1 is as sharp as real."""
    made, wanted = (float(images.sharpness.mean()) for images in (fake, real))
    ratio = {"vol_ratio": made / wanted} if wanted else {}
    return {"vol": made, "vol_real": wanted} | ratio, {}


def means_of(*names: str) -> Callable[[Gathered, Gathered, int], tuple[Values, Settings]]:
    """The means over images of what a measure of these names noted."""

    def means(fake: Gathered, real: Gathered, seed: int) -> tuple[Values, Settings]:
        return {name: float(fake.beside[name].mean()) for name in names}, {}

    return means


_STATISTICS: frozenset[Need] = frozenset({"statistics"})
_FEATURES: frozenset[Need] = frozenset({"features"})
_LOGITS: frozenset[Need] = frozenset({"logits"})
_SHARPNESS: frozenset[Need] = frozenset({"sharpness"})
_NOTHING: frozenset[Need] = frozenset()
_ACCURACIES = ("accuracy", "accuracy_input", "accuracy_real")

METRICS: dict[str, Metric] = {
    "fid": Metric("Fréchet distance", _STATISTICS, _STATISTICS, 2, fid),
    "kid": Metric("KID", _FEATURES, _FEATURES, 2, kid),
    "is": Metric("IS", _LOGITS, frozenset(), 2, inception_score),
    "prc": Metric("precision and recall", _FEATURES, _FEATURES, NEIGHBOURS + 1, precision_recall),
    "vol": Metric("VoL", _SHARPNESS, _SHARPNESS, 1, sharpness),
    "content": Metric("content distance", _NOTHING, _NOTHING, 1, means_of("content"), content),
    "target": Metric("distance to the target", _NOTHING, _NOTHING, 1, means_of("target"), target),
    "perceptual": Metric(
        "perceptual distance", _NOTHING, _NOTHING, 1, means_of("perceptual"), perceptual, DEFAULT
    ),
    "accuracy": Metric(
        "attribute accuracy", _NOTHING, _NOTHING, 1, means_of(*_ACCURACIES), accuracy, "trained classifier"
    ),
}


def metrics_of(task: Task | type[Task]) -> tuple[str, ...]:
    """The metrics that go with a task beside FID, without one whose network is not installed."""
    return tuple(name for name in task.metrics if METRICS[name].network != DEFAULT or is_installed(DEFAULT))


def check_names(names: Sequence[str]) -> None:
    """Check that every name is a metric.

    Raises:
        FidelityError: a name is unknown.
    """
    for name in names:
        if name not in METRICS:
            raise FidelityError(f"--metrics {name or 'nothing'}: choose one of {', '.join(METRICS)}")


def check_task_has(task: type[Task], names: Sequence[str]) -> None:
    """Check that every metric goes with a task.

    Raises:
        FidelityError: one looks at what other tasks have.
    """
    for name in names:
        if METRICS[name].measure is not None and name not in task.metrics:
            others = [each for each in METRICS if METRICS[each].measure is None or each in task.metrics]
            raise FidelityError(
                f"--metrics {name}: --task {task.name} has no {METRICS[name].title}: choose some of "
                f"{', '.join(others)}"
            )


def needs_extractor(names: Sequence[str]) -> bool:
    """Whether any of the metrics looks at features or class logits."""
    return any(METRICS[name].needs & OF_THE_EXTRACTOR for name in names)


def check_samples(name: str, images: int, kind: str = "") -> None:
    """Check that there are enough images for a metric.

    Raises:
        FidelityError: there are fewer than the metric needs.
    """
    metric = METRICS[name]
    if images < metric.least:
        raise FidelityError(
            f"there is no {metric.title} of {images} {kind}images: "
            f"take at least {metric.least}, better thousands"
        )
