"""Translated images are measured beside their inputs, targets and attributes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from distill.data import ImageSet, to_float
from distill.errors import FidelityError
from distill.evaluation import Fidelity, check_task_has, metrics_of
from distill.evaluation.metrics import METRICS
from distill.evaluation.translations import Resources, Shown, accuracy
from distill.evaluation.translations.classifier import attribute_classifier, balanced_accuracy
from distill.imagenet import is_installed
from distill.perceptual import DEFAULT
from distill.tasks import TASKS, Asked, AttributesTask, EvalSet, Labelled, NoiseTask, PairedTask, UnpairedTask
from search_spaces import Generator, Inputs, InputSpec

SIDE, COUNT = 16, 120
RNG = torch.Generator().manual_seed(0)
PIXELS = torch.randint(0, 256, (COUNT, 3, SIDE, SIDE), dtype=torch.uint8, generator=RNG)
HERE = torch.device("cpu")


class Shifting(Generator):
    """Adds a constant to an image, and shows attribute k as colour k where it takes attributes."""

    def __init__(self, shift: float = 0.0, attributes: int = 0) -> None:
        super().__init__()
        self.input_specs = (InputSpec("image", (3, SIDE, SIDE), "data"),)
        if attributes:
            self.input_specs += (InputSpec("attributes", (attributes,), "data"),)
        self.shift = shift

    def forward(self, image: Tensor, attributes: Tensor | None = None) -> Tensor:
        if attributes is None:
            return image + self.shift
        return -1 + 2 * F.pad(attributes, (0, 1))[:, :, None, None].expand(-1, -1, SIDE, SIDE)


def images(name: str, pixels: Tensor) -> ImageSet:
    return ImageSet(name, pixels, f"{abs(hash(name)) % 10**16:016d}")


def translations(targets: Tensor | None = None, asked: Asked | None = None) -> EvalSet:
    def inputs(samples: int, seed: int, batch_size: int) -> Iterator[Inputs]:
        for some in PIXELS[:samples].split(batch_size):
            extra = (
                () if asked is None else (F.one_hot(torch.full((len(some),), asked.attribute), 2).float(),)
            )
            yield (to_float(some), *extra)

    known = None if targets is None else images("targets", targets)
    return EvalSet("set", images("real", PIXELS), inputs, drawn=False, targets=known, asked=asked)


def measured(generator: Generator, one: EvalSet, *metrics: str, samples: int = COUNT) -> dict[str, float]:
    judge = Fidelity([one], "digits", metrics=(), batch_size=32)
    scores = judge.measure(generator, metrics, samples, 0)
    return {name: value for score in scores.values() for name, value in score.values.items()}


def test_content_is_the_distance_to_the_input_at_a_quarter_of_the_size() -> None:
    assert measured(Shifting(), translations(), "content")["content"] == pytest.approx(0, abs=1e-6)
    flat = PIXELS // 2  # so that nothing is clamped
    one = translations()
    shown = Shown((to_float(flat),), to_float(flat) + 0.25, 0)
    noise = torch.randn(COUNT, 3, SIDE, SIDE, generator=RNG)
    fine = noise - F.interpolate(F.avg_pool2d(noise, 4), scale_factor=4)
    content = METRICS["content"].measure
    assert content is not None
    measure = content(one, Resources(HERE))
    assert torch.allclose(measure(shown)["content"], torch.full((COUNT,), 0.25), atol=1e-5)
    detail = Shown(shown.inputs, shown.inputs[0] + fine, 0)
    assert measure(detail)["content"].max() < 1e-5, "details are no content"
    grey = Shown((to_float(flat).mean(dim=1, keepdim=True),), to_float(flat), 0)
    assert measure(grey)["content"].max() < 1e-5, "nor are colours, of what is grey"


def test_the_distance_to_the_target_is_of_the_image_that_the_input_belongs_to() -> None:
    targets = (PIXELS.int() // 2 + 64).to(torch.uint8)
    expected = (PIXELS.float() - targets.float()).abs().mean().item() / 127.5
    found = measured(Shifting(), translations(targets), "target", "content")
    assert found["target"] == pytest.approx(expected, abs=1e-3)
    others = measured(Shifting(), translations(targets.roll(1, dims=0)), "target")
    assert others["target"] > 1.5 * found["target"]
    few = measured(Shifting(), translations(PIXELS), "target", samples=50)
    assert few["target"] == pytest.approx(0, abs=1e-6)


@pytest.mark.skipif(not is_installed(DEFAULT), reason="needs the packages of the network")
def test_the_perceptual_distance_is_nothing_for_the_target_and_grows_with_blur() -> None:
    smooth = F.interpolate(F.avg_pool2d(PIXELS.float(), 4), size=SIDE, mode="bilinear")
    steps = [PIXELS.float() * (1 - a) + smooth * a for a in (0.0, 0.3, 1.0)]
    found = [
        measured(Shifting(), translations(x.round().to(torch.uint8)), "perceptual", samples=40)["perceptual"]
        for x in steps
    ]
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert found == sorted(found)


def coloured(attribute: Tensor, seed: int) -> Tensor:
    """Noise of which colour `attribute` is bright."""
    noise = torch.randint(
        0, 90, (len(attribute), 3, SIDE, SIDE), generator=torch.Generator().manual_seed(seed)
    )
    noise[torch.arange(len(attribute)), attribute] += 120
    return noise.to(torch.uint8)


def asked(attribute: int, *, exclusive: bool = True) -> Asked:
    parts = []
    for name, count in (("training", 96), ("unseen", 40)):
        which = torch.arange(count) % 2
        values = F.one_hot(which, 2).float()
        parts.append(Labelled(images(name, coloured(which, count)), values, exclusive))
    return Asked(attribute, *parts)


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_classifier_sees_whether_the_attribute_that_was_asked_for_is_there(exclusive: bool) -> None:
    found = measured(
        Shifting(attributes=2), translations(asked=asked(1, exclusive=exclusive)), "accuracy", samples=32
    )
    assert list(found) == ["accuracy", "accuracy_input", "accuracy_real"]
    assert found["accuracy"] == 1
    assert found["accuracy_real"] > 0.9
    assert found["accuracy_input"] < 0.95
    dark = measured(Ignoring(), translations(asked=asked(1, exclusive=exclusive)), "accuracy", samples=32)
    assert dark["accuracy"] == 0, "the other attribute is shown"


class Ignoring(Shifting):
    """Shows the other attribute."""

    def __init__(self) -> None:
        super().__init__(attributes=2)

    def forward(self, image: Tensor, attributes: Tensor | None = None) -> Tensor:
        assert attributes is not None
        return super().forward(image, attributes.flip(1))


def test_a_classifier_is_trained_once_and_kept_beside_the_statistics(tmp_path: Path) -> None:
    training, steps = asked(0).training, list[int]()
    state = torch.get_rng_state()
    first = attribute_classifier(
        training, Resources(HERE, tmp_path, lambda what, done, of: steps.append(done))
    )
    assert torch.equal(torch.get_rng_state(), state), "the caller's random numbers stay"
    trained = len(steps)
    assert trained > 0
    again = attribute_classifier(
        training, Resources(HERE, tmp_path, lambda what, done, of: steps.append(done))
    )
    assert len(steps) == trained
    anew = attribute_classifier(training, Resources(HERE))
    for one, other, third in zip(first.parameters(), again.parameters(), anew.parameters(), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, third)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"damaged")
    assert balanced_accuracy(attribute_classifier(training, Resources(HERE, tmp_path)), asked(0).unseen) > 0.9
    other = Labelled(training.images, 1 - training.values, training.exclusive)
    attribute_classifier(other, Resources(HERE, tmp_path))
    assert len(list(tmp_path.iterdir())) == 2, "other attributes, another classifier"


def test_a_classifier_on_the_cpu_leaves_accelerators_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda *_: pytest.fail("a GPU was asked"))
    attribute_classifier(asked(0).training, Resources(HERE))


def test_a_metric_without_an_extractor_loads_none_for_other_sets_either() -> None:
    judge = Fidelity([translations()], "nowhere", metrics=()).against([translations()])
    assert judge.measure(Shifting(), ["content"], 20, 0)["content"].extractor is None


def test_a_judge_of_other_sets_shares_the_extractor() -> None:
    judge = Fidelity([translations()], "digits", metrics=())
    assert judge.against([translations()]).extractor is judge.extractor


def test_several_sets_share_one_classifier_and_each_has_its_values() -> None:
    steps: list[int] = []
    sets = [translations(asked=asked(k)) for k in (0, 1)]
    named = [
        EvalSet(name, one.reference, one.inputs, False, asked=one.asked)
        for name, one in zip("ab", sets, strict=True)
    ]
    judge = Fidelity(named, "digits", metrics=(), batch_size=32, on_progress=lambda what, *n: steps.append(
        1 if "classifier" in what and n[0] == 1 else 0))  # fmt: skip
    score = judge.measure(Shifting(attributes=2), ["accuracy"], 32, 0)["accuracy"]
    assert sum(steps) == 1
    assert {name: values["accuracy"] for name, values in score.sets.items()} == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize(
    ("metric", "says"),
    [("target", "have no targets"), ("perceptual", "have no targets"), ("accuracy", "no attr")],
)
def test_a_set_without_what_a_metric_looks_at_is_refused(metric: str, says: str) -> None:
    with pytest.raises(FidelityError, match=f"--metrics {metric}: the images of set .*{says}.*leave it out"):
        measured(Shifting(), translations(), metric)
    judge = Fidelity([translations()], "digits", metrics=())
    with pytest.raises(FidelityError, match="of images without their inputs"):
        judge.measure_images(PIXELS, [metric])


def test_every_task_names_metrics_that_there_are() -> None:
    for task in TASKS.values():
        assert set(task.metrics) <= METRICS.keys()
        assert set(metrics_of(task)) <= set(task.metrics)
        check_task_has(task, ["fid", "vol", *task.metrics])
    assert [task.metrics for task in (NoiseTask, UnpairedTask)] == [(), ("content",)]
    with pytest.raises(
        FidelityError, match="--metrics target: --task unpaired has no distance to the target"
    ):
        check_task_has(UnpairedTask, ["fid", "target"])
    with pytest.raises(
        FidelityError, match=r"choose some of fid, kid, is, prc, vol, content, target, perceptual$"
    ):
        check_task_has(PairedTask, ["accuracy"])
    assert "accuracy" in AttributesTask.metrics
    assert accuracy is METRICS["accuracy"].measure
