"""How many images a second a student is distilled at, against a straightforward way of doing the same.

    python -m benchmarks.step_throughput
    python -m benchmarks.step_throughput --case 64px --batch-size 8 --threads 2
    python -m benchmarks.step_throughput --quick --json

A step is what a search does (`distill.training` with the weight-decay recipe): discriminator step, R1 in
every 16th, generator step with the L1 to the teacher's images (from the teacher cache) and to its
discriminator's features. The baseline is `benchmarks.straightforward`: grouped convolutions with weights per
sample, filters by inserted zeros, a live teacher, separate passes, plain Adam. Both have the same
architectures, weights, losses, batch and machine. They are timed in one run, in turns, in rounds of 16 steps;
the figures are medians, `ratio` is ours over the straightforward one (in JSON at the top: the lowest).

`digits` is the built-in teacher (16 px) with a student of 2 MMACs, `64px` a teacher of random weights with a
student of 40 MMACs; students are uniform-width ones, discriminators the teacher's. On a GPU there are rows in
bf16, too. On a CPU the default is one thread: a worker of a search has one where there are as many workers as
cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.straightforward import discriminator_like, generator_like
from benchmarks.straightforward_step import Step
from distill.adversarial import Logistic
from distill.data import ImageSet, ImageStream, load_images
from distill.recipes import WeightDecay
from distill.schedules import Schedule
from distill.tasks import NoiseTask
from distill.teachers import TeacherCache, load_teacher, make_teacher_cache
from distill.training import Teaching, Trainer, TrainingConfig, channels_last_pays
from nas.budget import Budget, format_quantity
from search_spaces import Architecture, FixedSuggest
from search_spaces.stylegan2 import STYLEGAN2, TeacherOptions

R1_EVERY = 16  # steps: a round has as many
SEED = 0
CACHE_SIZE = 256  # images; drawn at random, so a small one costs what a large one does in memory
RECIPE = WeightDecay(Schedule("constant", start=3.0), Logistic(r1_every=R1_EVERY))  # KD in every step


@dataclass(frozen=True)
class Case:
    """What is distilled: networks by their state, so that both ways start from the same weights."""

    name: str
    teacher: Any  # our generator, on the CPU
    discriminator: Any  # the teacher's
    student: Architecture
    data: ImageSet
    batch_size: int


@dataclass(frozen=True)
class Result:
    """One case in one precision."""

    case: str
    precision: str
    macs: int  # of the student, fvcore, batch 1
    batch_size: int
    images_per_second: float  # ours
    straightforward_images_per_second: float
    ratio: float  # ours over the straightforward one


def digits(batch_size: int) -> Case:
    """The built-in teacher and its student within 2 MMACs."""
    teacher = load_teacher()
    student = _uniform_width(teacher.generator.architecture, 2_000_000)
    data = load_images("digits", 16, 1)
    return Case("digits", teacher.generator, teacher.discriminator, student, data, batch_size or 64)


def px64(batch_size: int) -> Case:
    """A teacher for 64 px with random weights, narrow enough for a CPU, and its student within 40 MMACs."""
    torch.manual_seed(SEED)
    architecture = STYLEGAN2.teacher(
        TeacherOptions(channels_base=2_048, channels_max=128, latent_dim=128), 64, 3, 0
    )
    teacher = STYLEGAN2.build(architecture)
    discriminator = STYLEGAN2.build_discriminator(STYLEGAN2.default_discriminator(architecture))
    images = torch.randint(0, 256, (512, 3, 64, 64), dtype=torch.uint8)
    data = ImageSet("random", images, "0" * 16)
    return Case(
        "64px", teacher, discriminator, _uniform_width(architecture, 40_000_000), data, batch_size or 16
    )


CASES: dict[str, Callable[[int], Case]] = {"digits": digits, "64px": px64}


def _uniform_width(teacher: Any, budget_macs: int) -> Architecture:
    space = STYLEGAN2.space(teacher)
    utilisation = Budget(macs=budget_macs).utilisation(space)
    return space.sample(FixedSuggest({"budget_fraction": 1.0, **space.uniform()}), utilisation)


def _started(case: Case) -> tuple[Any, Any]:
    """The student and its discriminator at their start: inherited, as in a search."""
    torch.manual_seed(SEED)
    student = STYLEGAN2.build(case.student)
    STYLEGAN2.space(case.teacher.architecture).inherit(case.teacher, student)
    discriminator = STYLEGAN2.build_discriminator(case.discriminator.architecture)
    discriminator.load_state_dict(case.discriminator.state_dict())
    return student, discriminator


def our_trainer(case: Case, cache: TeacherCache, precision: str, device: str) -> Trainer:
    """The trainer of a search, over more images than it will see."""
    student, discriminator = _started(case)
    return Trainer(
        student,
        discriminator,
        RECIPE,
        NoiseTask(case.data, student.input_specs),
        TrainingConfig(
            images=10**9,
            batch_size=case.batch_size,
            precision=precision,  # type: ignore[arg-type]  # a string of the command line
            channels_last=channels_last_pays(case.student.resolution),  # type: ignore[attr-defined]  # not every family's
            seed=SEED,
        ),
        teachings=[Teaching(cache, _copy(case.discriminator))],
        device=device,
    )


def _copy(discriminator: Any) -> Any:
    copied = STYLEGAN2.build_discriminator(discriminator.architecture)
    copied.load_state_dict(discriminator.state_dict())
    return copied


def straightforward_step(case: Case, precision: str, device: str) -> Step:
    """The other way, from the same weights."""
    student, discriminator = _started(case)
    return Step(
        generator_like(student),
        discriminator_like(discriminator),
        generator_like(case.teacher),
        discriminator_like(case.discriminator),
        kd_weight=RECIPE.kd_weight(0.0, 0.0),
        r1_gamma=RECIPE.adversarial.r1_gamma,
        r1_every=R1_EVERY,
        bf16=precision == "bf16",
        device=device,
    )


def measure(case: Case, precision: str, *, rounds: int, steps: int, device: str) -> Result:
    """Time both, round by round in turns; the first round warms up."""
    batch, latent_dim = case.batch_size, case.teacher.architecture.latent_dim
    with tempfile.TemporaryDirectory() as folder:
        inputs = NoiseTask(case.data, case.teacher.input_specs).teacher_inputs(CACHE_SIZE, SEED)
        digest = f"{case.name}, seed {SEED}"
        cache = make_teacher_cache(case.teacher, digest, inputs, Path(folder), device=device)
        case.teacher.cpu()
        trainer = our_trainer(case, cache, precision, device)
        step = straightforward_step(case, precision, device)
        stream = ImageStream(case.data.images, batch, SEED, device=device)

        def ours() -> None:
            trainer.train(trainer.images + steps * batch)

        def other() -> None:
            for _ in range(steps):
                step(next(stream), latent_dim)

        seconds: dict[str, list[float]] = {"ours": [], "other": []}
        for turn in range(rounds + 1):
            for name, work in (("ours", ours), ("other", other)):
                began = time.perf_counter()
                work()
                if device == "cuda":
                    torch.cuda.synchronize()
                if turn:
                    seconds[name].append((time.perf_counter() - began) / steps)
        mine, theirs = (statistics.median(seconds[name]) for name in ("ours", "other"))
    macs = STYLEGAN2.space(case.student).macs(case.student)
    return Result(case.name, precision, macs, batch, batch / mine, batch / theirs, theirs / mine)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", choices=sorted(CASES), help="only this one")
    parser.add_argument("--batch-size", type=int, default=0, help="default: 64 for the digits, 16 at 64 px")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rounds, steps = (1, 2) if options.quick else (options.rounds, R1_EVERY)
    small = 8 if options.quick else 0
    results = [
        measure(
            CASES[name](options.batch_size or small), precision, rounds=rounds, steps=steps, device=device
        )
        for name in ([options.case] if options.case else CASES)
        for precision in (("fp32", "bf16") if device == "cuda" else ("fp32",))
    ]
    where = torch.cuda.get_device_name() if device == "cuda" else f"CPU, threads: {options.threads}"
    if options.json:
        ratio = min(result.ratio for result in results)
        shown = {"ratio": ratio, "device": where, "seed": SEED, "rounds": rounds, "steps": steps}
        print(json.dumps(shown | {"cases": [asdict(result) for result in results]}))
        return
    print(f"{where}, torch {torch.__version__}; {rounds} rounds of {steps} steps, medians; seed {SEED}")
    print(f"{'':16} {'student':>10} {'batch':>6} {'ours':>9} {'straightforward':>16}   {'ratio':>6}")
    for r in results:
        student = f"{format_quantity(r.macs)} MACs"
        speeds = f"{r.images_per_second:7.0f}/s {r.straightforward_images_per_second:14.0f}/s"
        name = f"{r.case}, {r.precision}"
        print(f"{name:16} {student:>10} {r.batch_size:6} {speeds}   {r.ratio:6.2f}")


if __name__ == "__main__":
    main()
