"""What a distillation step of a student takes, by precision and memory format.

    python -m benchmarks.student_step
    python -m benchmarks.student_step --resolution 256 --budget-macs 5G --batch-size 32
    python -m benchmarks.student_step --quick --json

Discriminator and generator step, R1 and the L1 to a teacher's images included, of a uniform-width StyleGAN2
student of about the budget. Rows: float32 as it comes, channels_last, bf16, both, activations
made twice; with --compiled, compiled ones. All are measured in one run, in turns, so that a busy
machine is busy for all of them; the ratio is to the first row. On a GPU, the most memory that a step
took.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch

from distill.adversarial import DiscriminatorStep, Logistic, Terms
from distill.data import ImageSet
from distill.recipes import GeneratorStep
from distill.tasks import NoiseTask
from distill.training import Trainer, TrainingConfig
from nas.budget import Budget, format_quantity, parse_quantity
from search_spaces import Architecture, FixedSuggest, Generator
from search_spaces.stylegan2 import STYLEGAN2, TeacherOptions

R1_EVERY = 16  # steps: what is timed is a round of as many
ROWS: dict[str, dict[str, Any]] = {
    "fp32": {},
    "fp32, channels_last": {"channels_last": True},
    "bf16": {"precision": "bf16"},
    "bf16, channels_last": {"precision": "bf16", "channels_last": True},
    "bf16, channels_last, activations twice": {
        "precision": "bf16",
        "channels_last": True,
        "checkpoint_activations": True,
    },
}
COMPILED: dict[str, dict[str, Any]] = {
    "fp32, compiled": {"compile": True},
    "bf16, channels_last, compiled": {"precision": "bf16", "channels_last": True, "compile": True},
}


@dataclass(frozen=True)
class Timing:
    """One row."""

    name: str
    milliseconds: float  # a step, median of the rounds
    images_per_second: float
    ratio: float  # speed, to float32 as it comes
    megabytes: float | None  # highest memory on the GPU
    error: str = ""


@dataclass(frozen=True)
class Taught:
    """Weight decay's terms with random images in the teacher's place: what is taught costs the same."""

    images: torch.Tensor
    name = "benchmark"
    needs_teacher_images = False
    needs_teacher_discriminator = False
    needs_maps = False
    needs_styles = False
    needs_real_logits = False
    needs_gap = False

    def discriminator_steps(self, progress: float) -> int:
        return 1

    def adversarial_weight(self, progress: float) -> float:
        return 1.0

    def modules(self, student: Generator, teacher: Generator | None) -> torch.nn.ModuleDict:
        return torch.nn.ModuleDict()

    def stage(self, progress: float) -> int:
        return 0

    def kd_weight(self, progress: float, gap: float) -> float:
        return 1.0

    def discriminator_terms(self, step: DiscriminatorStep) -> Terms:
        return Logistic(0.3, R1_EVERY).discriminator_terms(step)

    def generator_terms(self, step: GeneratorStep) -> Terms:
        similarity = (step.fake - self.images[: len(step.fake)]).abs().mean()
        return {"g_adversarial": torch.nn.functional.softplus(-step.logits).mean(), "g_pixel": similarity}


def student_architecture(resolution: int, budget_macs: int, channels_base: int) -> Architecture:
    """The uniform-width teacher within the budget: the one of this channel base, with all widths scaled."""
    space = STYLEGAN2.space(STYLEGAN2.teacher(TeacherOptions(channels_base=channels_base), resolution, 3, 0))
    utilisation = Budget(macs=budget_macs).utilisation(space)
    return space.sample(FixedSuggest({"budget_fraction": 1.0, **space.uniform()}), utilisation)


class Row:
    """One way to run the step, on networks of its own."""

    def __init__(
        self, name: str, settings: dict[str, Any], architecture: Architecture, batch: int, device: str
    ) -> None:
        side = architecture.resolution  # type: ignore[attr-defined]  # not every family's
        torch.manual_seed(0)
        images = torch.randint(0, 256, (2 * batch, 3, side, side), dtype=torch.uint8)
        config = TrainingConfig(images=10**9, batch_size=batch, **settings)
        student = STYLEGAN2.build(architecture)
        judge = STYLEGAN2.build_discriminator(STYLEGAN2.default_discriminator(architecture))
        recipe = Taught(torch.rand(batch, 3, side, side).to(device) * 2 - 1)
        task = NoiseTask(ImageSet("random", images, "0" * 16), student.input_specs)
        self.name, self.device = name, device
        self.trainer = Trainer(student, judge, recipe, task, config, device=device)
        self.seconds: list[float] = []
        self.megabytes: float | None = None
        self.error = ""

    def round(self, steps: int) -> float:
        """Seconds a step; the first step of a round of 16 has R1."""
        if self.device == "cuda":
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        self.trainer.train(self.trainer.images + steps * self.trainer.config.batch_size)
        if self.device == "cuda":
            torch.cuda.synchronize()
            self.megabytes = torch.cuda.max_memory_allocated() / 2**20
        return (time.perf_counter() - began) / steps


def measure(
    resolution: int, budget_macs: int, batch: int, channels_base: int, rounds: int, steps: int, compiled: bool
) -> tuple[Architecture, list[Timing]]:
    """Time every row, round by round in turns."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    architecture = student_architecture(resolution, budget_macs, channels_base)
    wanted = ROWS | (COMPILED if compiled else {})
    rows = [Row(name, settings, architecture, batch, device) for name, settings in wanted.items()]
    for turn in range(rounds + 1):
        for row in rows:
            if row.error:
                continue
            try:
                seconds = row.round(steps)
            except (RuntimeError, MemoryError) as error:  # one row's compiler or memory is not the others'
                row.error = f"{type(error).__name__}: {error}".splitlines()[0][:100]
                continue
            if turn:  # the first round warms up, and compiles
                row.seconds.append(seconds)
    first = statistics.median(rows[0].seconds)
    return architecture, [_timing(row, first, batch) for row in rows]


def _timing(row: Row, first: float, batch: int) -> Timing:
    if row.error:
        return Timing(row.name, float("nan"), float("nan"), float("nan"), None, row.error)
    step = statistics.median(row.seconds)
    return Timing(row.name, 1000 * step, batch / step, first / step, row.megabytes)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--resolution", type=int, default=64, help="px")
    parser.add_argument("--budget-macs", default="200M", help="of the student")
    parser.add_argument("--channels-base", type=int, default=16_384, help="channel base of the teacher")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--compiled", action="store_true", help="rows with torch.compile, too")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rounds, steps = (1, 2) if options.quick else (3, R1_EVERY)
    resolution, budget, batch = options.resolution, parse_quantity(options.budget_macs), options.batch_size
    if options.quick:
        resolution, budget, batch = 16, 2_000_000, 4
    architecture, timings = measure(
        resolution, budget, batch, options.channels_base, rounds, steps, options.compiled
    )
    macs = STYLEGAN2.space(architecture).macs(architecture)
    if options.json:
        print(json.dumps({"macs": macs, "rows": [vars(timing) for timing in timings]}))
        return
    device = (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"CPU, {torch.get_num_threads()} threads"
    )
    print(f"{resolution} px, {format_quantity(macs)} MACs (fvcore, batch 1), batches of {batch}, {device}")
    print(f"{'':40} {'ms/step':>9} {'images/s':>9} {'ratio':>6} {'MB':>8}")
    for t in timings:
        memory = "" if t.megabytes is None else f"{t.megabytes:.0f}"
        figures = f"{t.milliseconds:9.1f} {t.images_per_second:9.1f} {t.ratio:6.2f} {memory:>8}"
        print(f"{t.name:40} {t.error or figures}")


if __name__ == "__main__":
    main()
