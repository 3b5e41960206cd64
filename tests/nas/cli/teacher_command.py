"""What tests of `nas-teacher` share: calling it, and comparing what it wrote."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from click.testing import CliRunner, Result

from nas.cli.teacher import main
from search_spaces import load_checkpoint

TINY: list[object] = [
    *("train", "--data", "digits", "--batch-size", 16, "--images", 320, "--snapshot", 112, "--seed", 3),
    *("--channels-base", 128, "--channels-max", 8, "--latent-dim", 8, "--mapping-layers", 2),
    *("--fid-samples", 50, "--r1-gamma", 0.3),
]
"""The arguments of a training of seconds."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def done(*arguments: object) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def weights(path: str) -> dict[str, torch.Tensor]:
    """Of both networks in the file."""
    loaded = load_checkpoint(Path(path))
    assert loaded.discriminator is not None
    generator = {f"g.{name}": tensor for name, tensor in loaded.generator.state_dict().items()}
    return generator | {f"d.{name}": tensor for name, tensor in loaded.discriminator.state_dict().items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def log(folder: str) -> list[dict[str, str]]:
    """Of a training, without the time it took."""
    with Path(folder, "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
