"""What benchmarks of distillation share: options for teacher, images and metric, and the student."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

QUICK_SAMPLES = 100  # of a measurement that only shows that a script runs


def add_setting(parser: argparse.ArgumentParser) -> None:
    """Add the options that `setting` reads."""
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--data")
    parser.add_argument("--mirror", action="store_true")
    parser.add_argument("--extractor")
    parser.add_argument("--extractor-weights", type=Path)
    parser.add_argument("--fid-samples", type=int, default=2_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--quick", action="store_true")


def setting(options: argparse.Namespace) -> dict[str, Any]:
    """Settings of a search, as `SearchConfig` names them."""
    names = ("teacher", "data", "mirror", "extractor", "extractor_weights", "fid_samples", "batch_size")
    found = {name: getattr(options, name) for name in names}
    found["held_out"] = 0.0  # tables compare with all images
    if found["data"] and not found["extractor"]:
        from distill.evaluation import choose_extractor

        found["extractor"] = choose_extractor(options.data, options.extractor_weights, download=True).name
    return found | {"fid_samples": QUICK_SAMPLES} if options.quick else found


def alone(bench: Any, *, paths: bool = True) -> Any:
    """Training without a teacher, with the published settings of family and task.

    Without `paths` there is no path-length regularisation: rows of one table have it all, or none has it. For
    unpaired translation it is adversarial alone: a CycleGAN trains both directions.
    """
    from distill.recipes import TEACHER_RECIPES, AdversarialTraining, PathLengths

    ingredients = bench.ingredients()
    recipe = TEACHER_RECIPES.get(bench.outline.name, AdversarialTraining)
    return recipe(ingredients.adversarial, PathLengths(ingredients.path_weight if paths else 0.0))


def without_paths(recipe: Any) -> Any:
    """`recipe` without path-length regularisation, where it has that."""
    from distill.recipes import PathLengths

    return replace(recipe, paths=PathLengths(0.0)) if hasattr(recipe, "paths") else recipe


def uniform_student(bench: Any) -> Any:
    """The uniform-width baseline within the budget."""
    from search_spaces import FixedSuggest

    choices = FixedSuggest({"budget_fraction": 1.0, **bench.space.uniform()})
    return bench.space.sample(choices, bench.config.budget.utilisation(bench.space))
