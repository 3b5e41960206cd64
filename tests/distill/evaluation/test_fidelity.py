"""FID tells good generators from bad ones, repeats to the bit, and leaves no trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from distill._torch_fidelity import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
from distill.data import ImageSet, digits_labels, to_float, to_uint8
from distill.errors import FidelityError, NonFiniteImagesError
from distill.evaluation import fidelity
from distill.evaluation.fidelity import GENERATED, Fidelity, FidScore, Score
from distill.evaluation.generation import generate
from distill.evaluation.reference import REAL
from tests.distill.evaluation.digit_sets import DIGITS, HALVES, SETS, Replay, against, chosen


class Constant(Replay):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, chosen: Tensor) -> Tensor:
        return torch.full((len(chosen), 1, 16, 16), self.value)


def test_progress_is_reported_of_real_images_and_of_generated_ones() -> None:
    reports: list[tuple[str, int, int]] = []
    fidelity = Fidelity(SETS, "digits", batch_size=1000, on_progress=lambda *t: reports.append(t))
    assert reports == [(REAL, 1000, 1797), (REAL, 1797, 1797)]
    fidelity.fid(Replay(), samples=1500, seed=0)
    assert reports[2:] == [(GENERATED, 1000, 1500), (GENERATED, 1500, 1500)]


@pytest.fixture(scope="module")
def half() -> Fidelity:
    """Measures against one half of the digits; the other half is fresh data."""
    return Fidelity(against(ImageSet("half", DIGITS.images[HALVES[0]], "0" * 16)), "digits")


def blurred(images: Tensor, sigma: float) -> Tensor:
    kernel = torch.exp(-(torch.arange(-4, 5) ** 2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    padded = F.pad(to_float(images), (4, 4, 4, 4), value=-1)
    return to_uint8(F.conv2d(F.conv2d(padded, kernel), kernel.mT))


def noisy(images: Tensor, strength: float) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return to_uint8(to_float(images) + strength * noise)


# --- what it measures


def test_images_against_themselves_are_at_distance_zero(whole: Fidelity) -> None:
    assert whole.fid_of_images(DIGITS.images).value == pytest.approx(0, abs=1e-6)


def test_images_alone_are_not_measured_against_several_sets_or_none() -> None:
    for sets, says in (((*SETS, *SETS), r"not with 2 \(digits, digits\): measure the generator"), ((), "0")):
        several = Fidelity(sets, "digits")
        with pytest.raises(FidelityError, match=says):
            several.fid_of_images(DIGITS.images[:50])
        with pytest.raises(FidelityError, match=says):
            several.measure_images(DIGITS.images[:50], ["kid"])


def test_one_half_of_the_data_is_close_to_the_other(half: Fidelity) -> None:
    assert half.fid_of_images(DIGITS.images[HALVES[1]]).value < 2


def test_fid_grows_with_blur(half: Fidelity) -> None:
    fresh = DIGITS.images[HALVES[1]]
    scores = [half.fid_of_images(fresh).value]
    scores += [half.fid_of_images(blurred(fresh, sigma)).value for sigma in (0.5, 0.7, 1.0, 1.5)]
    assert scores == sorted(scores)
    assert scores[-1] > 20 * scores[0]


def test_fid_grows_with_noise(half: Fidelity) -> None:
    fresh = DIGITS.images[HALVES[1]]
    scores = [half.fid_of_images(noisy(fresh, strength)).value for strength in (0, 0.1, 0.2, 0.4, 0.8)]
    assert scores == sorted(scores)
    assert scores[-1] > 10 * scores[0]


def test_fid_grows_with_every_digit_that_is_missing(half: Fidelity) -> None:
    fresh, labels = DIGITS.images[HALVES[1]], digits_labels()[HALVES[1]]
    scores = [half.fid_of_images(fresh[labels < classes]).value for classes in range(10, 0, -1)]
    assert scores == sorted(scores)
    assert scores[1] > 2 * scores[0]


def test_fid_grows_when_a_generator_repeats_itself(half: Fidelity) -> None:
    fresh = DIGITS.images[HALVES[1]]
    scores = [
        half.fid_of_images(fresh[:few].repeat(900 // few, 1, 1, 1)).value for few in (900, 300, 100, 30)
    ]
    assert scores == sorted(scores)


def test_colour_and_grey_copies_of_an_image_score_alike(whole: Fidelity) -> None:
    grey = noisy(DIGITS.images, 0.3)
    colour = whole.fid_of_images(grey.expand(-1, 3, -1, -1)).value
    assert colour == pytest.approx(whole.fid_of_images(grey).value, rel=1e-3)


def test_the_score_is_the_frechet_distance_of_the_features(half: Fidelity) -> None:
    from scipy.linalg import sqrtm

    fake = noisy(DIGITS.images[HALVES[1]], 0.4)
    first, second = (half.extractor.features(i).numpy() for i in (DIGITS.images[HALVES[0]], fake))
    one, other = np.cov(first.T), np.cov(second.T)
    difference = first.mean(0) - second.mean(0)
    expected = difference @ difference + np.trace(one + other - 2 * sqrtm(one @ other).real)
    assert half.fid_of_images(fake).value == pytest.approx(expected, rel=1e-5)


def test_the_score_is_what_torch_fidelity_makes_of_all_features_at_once(half: Fidelity) -> None:
    fake = noisy(DIGITS.images[HALVES[1]], 0.4)
    one, other = (
        fid_features_to_statistics(half.extractor.features(images))
        for images in (DIGITS.images[HALVES[0]], fake)
    )
    expected = fid_statistics_to_metric(one, other, verbose=False)[KEY_METRIC_FID]
    assert half.fid_of_images(fake).value == pytest.approx(expected, abs=1e-6)


# --- how it runs a generator


def test_a_score_says_what_it_depends_on(whole: Fidelity) -> None:
    score = whole.fid(Replay(), samples=120, seed=5)
    digest = whole.extractor.digest
    assert score == FidScore(score.value, samples=120, real=1797, extractor="digits", digest=digest, seed=5)


def test_the_same_seed_gives_the_same_bits_whatever_ran_before(whole: Fidelity) -> None:
    generator = Replay()
    first = whole.fid(generator, 130, seed=1)
    torch.manual_seed(99)
    whole.fid(generator, 70, seed=2)
    assert whole.fid(generator, 130, seed=1) == first
    assert Fidelity(SETS, "digits").fid(Replay(), 130, seed=1) == first
    assert whole.fid(generator, 130, seed=2).value != first.value


def test_more_samples_begin_with_the_same_images(whole: Fidelity) -> None:
    few, many = (
        torch.cat(list(generate(Replay(), chosen(count, 0, 50), count, 0, device=whole.device)))
        for count in (70, 130)
    )
    assert (len(few), len(many)) == (70, 130)
    assert torch.equal(few, many[:70])


def test_a_generator_is_only_asked_for_whole_batches(whole: Fidelity) -> None:
    asked: list[int] = []

    class Listening(Replay):
        def forward(self, chosen: Tensor) -> Tensor:
            asked.append(len(chosen))
            return super().forward(chosen)

    assert whole.fid(Listening(), 70, seed=0).samples == 70
    assert asked == [50, 50]


def test_global_random_state_and_modes_are_as_before(whole: Fidelity) -> None:
    generator = Replay().train()
    generator.frozen.eval()
    modes = [module.training for module in generator.modules()]
    assert True in modes
    assert False in modes
    mean, state = generator.norm.running_mean.clone(), torch.get_rng_state()
    whole.fid(generator, 60, seed=1)
    assert [module.training for module in generator.modules()] == modes
    assert torch.equal(generator.norm.running_mean, mean)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_images_are_reported_and_leave_no_trace(whole: Fidelity, value: float) -> None:
    generator, state = Constant(value).train(), torch.get_rng_state()
    with pytest.raises(NonFiniteImagesError):
        whole.fid(generator, 60, seed=0)
    assert generator.training
    assert torch.equal(torch.get_rng_state(), state)


def test_a_collapsed_generator_has_a_finite_and_bad_score(whole: Fidelity) -> None:
    score = whole.fid(Constant(-1.0), 200, seed=0).value
    assert np.isfinite(score)
    assert score > 50


@pytest.mark.parametrize("samples", [-1, 0, 1])
def test_fewer_than_two_samples_are_an_error(whole: Fidelity, samples: int) -> None:
    with pytest.raises(FidelityError, match=f"Fréchet distance of {samples} images"):
        whole.fid(Replay(), samples, seed=0)


def test_measuring_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Fidelity(SETS, "digits", cache=tmp_path).fid(Replay(), 60, seed=0)
    assert capfd.readouterr() == ("", "")


# --- several metrics at once


def test_all_metrics_come_of_one_pass_over_the_same_images(half: Fidelity) -> None:
    asked: list[int] = []

    class Listening(Replay):
        def forward(self, chosen: Tensor) -> Tensor:
            asked.append(len(chosen))
            return super().forward(chosen)

    scores = half.measure(Listening(), ["vol", "fid", "kid", "is", "prc"], 120, seed=3)
    assert asked == [50, 50, 50]
    assert list(scores) == ["vol", "fid", "kid", "is", "prc"]
    assert scores["fid"].values["fid"] == half.fid(Replay(), 120, seed=3).value
    assert half.measure(Replay(), ["kid"], 120, seed=3)["kid"] == scores["kid"]


def test_a_score_says_how_many_images_of_either_kind_and_whose_features(half: Fidelity) -> None:
    scores = half.measure(Replay(), ["fid", "kid", "is", "vol"], 120, seed=3)
    digest = half.extractor.digest
    assert scores["fid"] == Score(scores["fid"].values, 120, 898, "digits", digest, 3, {})
    assert scores["kid"] == Score(
        scores["kid"].values, 120, 898, "digits", digest, 3, {"kid_subsets": 100, "kid_subset_size": 120}
    )
    assert scores["is"] == Score(scores["is"].values, 120, None, "digits", digest, 3, {"is_splits": 10})
    assert scores["vol"] == Score(scores["vol"].values, 120, 898, None, None, 3, {})


def test_metrics_tell_good_images_from_bad_ones(half: Fidelity) -> None:
    fresh = DIGITS.images[HALVES[1]]
    names = ["kid", "is", "prc", "vol"]
    good, bad = (half.measure_images(images, names) for images in (fresh, noisy(fresh, 0.8)))
    assert bad["kid"].values["kid"] > 10 * abs(good["kid"].values["kid"])
    assert bad["is"].values["is"] < good["is"].values["is"]
    assert bad["prc"].values["precision"] < good["prc"].values["precision"]
    assert bad["vol"].values["vol_ratio"] > 1.5
    assert good["vol"].values["vol_ratio"] == pytest.approx(1, abs=0.05)
    assert half.measure_images(blurred(fresh, 0.7), ["vol"])["vol"].values["vol_ratio"] < 0.7


def test_what_looks_at_pixels_needs_no_extractor(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr(fidelity, "load_extractor", none)
    pixels = Fidelity(SETS, "inception", metrics=["vol"])
    assert pixels.measure(Replay(), ["vol"], 60, seed=0)["vol"].values["vol"] > 0


def test_what_can_not_be_measured_is_said_before_anything_is_generated(
    half: Fidelity, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Idle(Replay):
        def forward(self, chosen: Tensor) -> Tensor:
            raise AssertionError("asked for images")

    with pytest.raises(FidelityError, match="--metrics lpips: choose one of fid, kid, is, prc, vol"):
        half.measure(Idle(), ["fid", "lpips"], 60, seed=0)
    with pytest.raises(FidelityError, match="no precision and recall of 3 images: take at least 4"):
        half.measure(Idle(), ["prc"], 3, seed=0)
    few = Fidelity(against(ImageSet("few", DIGITS.images[:3], "f" * 16)), "digits", metrics=[])
    with pytest.raises(FidelityError, match="no precision and recall of 3 real images"):
        few.measure(Idle(), ["prc"], 60, seed=0)
    monkeypatch.setattr(few.extractor, "has_logits", False)
    with pytest.raises(FidelityError, match="IS needs class logits, which digits does not have: take --ex"):
        few.measure(Idle(), ["is"], 60, seed=0)
