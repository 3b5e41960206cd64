"""Similarity of students' images to their teacher's before any training, by what a family inherits.

    python -m benchmarks.similarity generator.pt other.pth          # the table of docs/dcgan.md
    python -m benchmarks.similarity generator.pt --budget-fraction 0.5 --json

Correlation of 64 images' deviations from their mean with the teacher's, for the same latents: the
uniform-width baseline, with the teacher's batch-norm statistics and with calibrated ones; and the most
similar of the space's initial designs. Nothing here is random but the latents, whose seed is fixed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search_spaces import FixedSuggest, Generator, get_family, load_checkpoint

IMAGES, SEED = 64, 3


@torch.no_grad()
def measured(path: Path, budget_fraction: float) -> dict[str, float]:
    """Correlations of students that cost `budget_fraction` of the teacher's MACs."""
    loaded = load_checkpoint(path)
    teacher = loaded.generator
    space = get_family(loaded.family).space(teacher.architecture)
    inputs = teacher.example_inputs(IMAGES, SEED)
    goal, limit = teacher(*inputs), budget_fraction * space.macs(teacher.architecture)

    def student(choices: dict[str, Any], calibrated: bool = True) -> float:
        suggest = FixedSuggest({"budget_fraction": 1.0, **choices})
        made = get_family(loaded.family).build(space.sample(suggest, lambda a: space.macs(a) / limit)).eval()
        if not calibrated:
            made.calibrate = lambda *_, **__: None  # type: ignore[method-assign]  # this student is not calibrated
        space.inherit(teacher, made)
        return _correlation(made, inputs, goal)

    return {
        "statistics of the teacher": student(space.uniform(), calibrated=False),
        "calibrated": student(space.uniform()),
        "best initial design": max(student(design) for design in space.initial_designs()),
    }


def _correlation(student: Generator, inputs: tuple[Tensor, ...], goal: Tensor) -> float:
    images = student(*inputs)
    pair = torch.stack([(x - x.mean(0)).flatten() for x in (images, goal)])
    return float(torch.corrcoef(pair)[0, 1])


def main() -> None:
    """Print a line a teacher."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("teachers", nargs="+", type=Path)
    parser.add_argument("--budget-fraction", type=float, default=0.25, help="of the teacher's MACs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {str(path): measured(path, options.budget_fraction) for path in options.teachers}
    if options.json:
        print(json.dumps(found))
        return
    names = list(next(iter(found.values())))
    print(f"{'':32}" + "".join(f"{name:>28}" for name in names))
    for path, values in found.items():
        print(f"{Path(path).name[:31]:32}" + "".join(f"{values[name]:28.2f}" for name in names))


if __name__ == "__main__":
    main()
