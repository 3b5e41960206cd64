"""Trainings of "Compressing GANs": one student of a depth factor, taught one way for one length."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.results import Figures
from benchmarks.setting import alone

DISTANCE, ALONE = "distance", "alone"
KINDS = (DISTANCE, "joint", ALONE)
LENGTHS = ("steps", "plateau")
METRICS = ("fid", "is", "vol")
COMPARED = 256  # latents whose images are compared with the teacher's, and with training images
COMPARED_SEED = 1_000_211
HALF_LIFE = 32  # generator steps, of the average: in images it would depend on the critic's steps
MOST_WIDTH = 512
LEAST_SIZES = 4  # to speak of a knee
QUICK_TEACHER = 4  # its depth factor


def joint(alpha: float) -> str:
    """What a joint loss with the paper's α is called."""
    return f"joint {alpha:g}"


def train(run: Mapping[str, Any], settings: Mapping[str, Any]) -> Figures:
    """The figures of one training; those after it are None if it diverges."""
    import torch

    from distill.errors import NonFiniteImagesError, TrainingDivergedError
    from distill.stages import Plateau, train_until_flat
    from distill.training import step_images
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    alpha = float(run["way"].split()[1]) if run["way"].startswith(KINDS[1]) else 0.0
    asked = {**settings, "recipe": "compressing-gans", "kd_weight_start": 1 - alpha, "rungs": (10**9,)}
    asked |= {"inherit": False, "warm_discriminator": False, "seed": run["seed"], "study": "compression"}
    bench = Workbench(SearchConfig.of(**asked, teacher_cache_size=min(10_000, run["steps"] * 64)))
    if run["way"] == ALONE:
        bench.recipe = alone(bench)
    student = bench.student(architecture(bench, run["width"]))
    trainer = bench.trainer(student)
    size = step_images(bench.recipe, bench.config.batch_size, 0.0)  # images that a generator step counts for
    trainer.config = replace(trainer.config, images=run["steps"] * size, ema_half_life=HALF_LIFE * size)
    seed, samples = 1_000 + run["seed"], bench.config.fid_samples
    figures: Figures = dict.fromkeys((*METRICS, "cached", "fresh", "nearest"))
    figures["params"] = float(bench.space.params(student.architecture))
    began, flat = time.process_time(), False
    try:
        if run["length"] == "plateau":
            plateau = Plateau(run["every"] * size, run["steps"] * size)

            def distance(ema: Any) -> float:
                try:
                    return float(bench.fidelity.fid(ema, samples, seed).value)
                except NonFiniteImagesError:
                    return math.inf

            best, _, flat = train_until_flat(trainer, distance, plateau)
            trainer.ema.load_state_dict(best.weights["ema"])
            figures["steps"] = best.images / size
        else:
            trainer.train(run["steps"] * size)
            figures["steps"] = float(trainer.step)
        figures |= {"flat": float(flat), "seconds": time.process_time() - began}
        scores = bench.fidelity.measure(trainer.ema, METRICS, samples, seed)
    except (TrainingDivergedError, NonFiniteImagesError):
        return figures
    figures |= {name: scores[name].values[name] for name in METRICS}
    return figures | distances(bench, trainer.ema)


def distances(bench: Any, student: Any) -> Figures:
    """Distance to the teacher for cached and for fresh latents, and to the nearest training images.

    All are of `COMPARED` images; the first two are ‖T(z) - G(z)‖², the third is a root mean square of pixels
    in [-1, 1], to the training image that is nearest in the extractor's features.
    """
    import torch

    cached = bench.load_teacher_cache().draw(COMPARED, torch.Generator().manual_seed(COMPARED_SEED)).inputs
    fresh = next(bench.task.inputs(COMPARED_SEED, COMPARED))
    return {
        "cached": _to_teacher(bench, student, cached),
        "fresh": _to_teacher(bench, student, fresh),
        "nearest": _to_nearest(bench, student, fresh),
    }


def _to_teacher(bench: Any, student: Any, inputs: Any) -> float:
    import torch

    from distill.losses import squared_norm

    with torch.no_grad():
        teacher = bench.teacher.generator.to(bench.device).eval()
        own, known = (
            network(*(x.to(bench.device) for x in inputs)).clamp(-1, 1) for network in (student, teacher)
        )
        return float(squared_norm(own, known))


def _to_nearest(bench: Any, generator: Any, inputs: Any) -> float:
    import torch

    from distill.data import to_float, to_uint8

    with torch.no_grad():
        made = generator(*(x.to(bench.device) for x in inputs)).clamp(-1, 1).cpu()
    indices = bench.fidelity.nearest(to_uint8(made), bench.task.images, 1)[:, 0]
    real = to_float(bench.task.images.pixels(indices))
    return float((made - real).square().mean(dim=(1, 2, 3)).sqrt().mean())


def about_teacher(settings: Mapping[str, Any]) -> dict[str, float]:
    """The teacher's metrics, size, and distance to its nearest training images."""
    bench = _bench(settings)
    teacher = bench.teacher.generator
    scores = bench.fidelity.measure(teacher, METRICS, bench.config.fid_samples, seed=1)
    found = {name: scores[name].values[name] for name in METRICS}
    found["vol_real"] = scores["vol"].values["vol_real"]
    inputs = next(bench.task.inputs(COMPARED_SEED, COMPARED))
    found["nearest"] = _to_nearest(bench, teacher.eval(), inputs)
    return found | {"params": float(bench.space.params(teacher.architecture))}


def best_teacher(teachers: Mapping[str, Mapping[str, float]]) -> str:
    """The teacher of the best FD and Inception Score: the least sum of its ranks, FD deciding ties."""
    by_fid = sorted(teachers, key=lambda name: teachers[name]["fid"])
    by_score = sorted(teachers, key=lambda name: -teachers[name]["is"])
    return min(by_fid, key=lambda name: by_fid.index(name) + by_score.index(name))


def architecture(bench: Any, width: int) -> Any:
    """The W-DCGAN of depth factor `width` that makes the teacher's images."""
    channels, side, _ = bench.teacher.generator.image_shape
    family = bench.teacher.family
    return family.teacher(family.options(width=width), side, channels, 0)


def widths_of_ratios(settings: Mapping[str, Any], ratios: Sequence[int]) -> list[int]:
    """Depth factors whose ratios of parameters are nearest to `ratios`, once each, the largest first."""
    bench = _bench(settings)
    whole = bench.space.params(bench.teacher.generator.architecture)
    sizes = {width: whole / bench.space.params(architecture(bench, width)) for width in range(1, MOST_WIDTH)}
    nearest = [min(sizes, key=lambda width, r=r: abs(math.log(sizes[width] / r))) for r in ratios]  # type: ignore[misc]  # of a default's type
    return sorted(set(nearest), reverse=True)


def knee(points: Sequence[tuple[float, float | None]]) -> float | None:
    """The ratio beyond which FD rises faster; None with fewer than `LEAST_SIZES` points, or without a bend.

    It is the point of (log ratio, log FD) that is farthest below the line between the first and the last.
    """
    known = sorted(
        (math.log(r), math.log(fid)) for r, fid in points if fid is not None and 0 < fid < math.inf
    )
    if len(known) < LEAST_SIZES:
        return None
    depths = list(_below_chord(known))
    deepest = max(range(len(known)), key=lambda i: depths[i])
    return math.exp(known[deepest][0]) if depths[deepest] > 0 else None


def _below_chord(points: Sequence[tuple[float, float]]) -> Iterator[float]:
    (x0, y0), (x1, y1) = points[0], points[-1]
    for x, y in points:
        yield y0 + (y1 - y0) * (x - x0) / (x1 - x0) - y


def _bench(settings: Mapping[str, Any]) -> Any:
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    return Workbench(SearchConfig.of(**{"rungs": (10**9,), **settings, "study": "compression"}))


def random_teacher(path: Path) -> Path:
    """A W-DCGAN of random weights for the built-in digits."""
    import torch

    from search_spaces import Checkpoint, get_family, save_checkpoint

    family = get_family("dcgan")
    torch.manual_seed(0)
    generator = family.build(family.teacher(family.options(width=QUICK_TEACHER), 16, 1, 0))
    save_checkpoint(Checkpoint(family.name, generator, None, {"name": "random"}), path)
    return path
