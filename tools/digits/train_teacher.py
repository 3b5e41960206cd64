"""Train the built-in digits teacher: a small StyleGAN2 on scikit-learn's 1,797 handwritten digits at 16 px.

    python -m tools.digits.train_teacher --images 420000 -o teacher.safetensors

`teacher.safetensors` and `teacher_log.csv` beside this file came of it (the log had fewer columns then).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from distill.adversarial import Logistic
from distill.data import DIGITS, load_images
from distill.evaluation import Fidelity
from distill.recipes import AdversarialTraining, PathLengths
from distill.tasks import NoiseTask
from distill.teachers import Snapshot, TeacherTraining, train_teacher
from distill.training import TrainingConfig
from search_spaces import InputSpec
from search_spaces.stylegan2 import (
    STYLEGAN2,
    Block,
    DiscriminatorArchitecture,
    GeneratorArchitecture,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
)

GENERATOR = GeneratorArchitecture(
    blocks=(Block(128, convs=1), Block(96), Block(64)),
    image_channels=1,
    latent_dim=64,
    style_dim=64,
    mapping_layers=4,
)
DISCRIMINATOR = DiscriminatorArchitecture(channels=(64, 32, 16), image_channels=1)


def main() -> None:
    """Train for `--images` images, keeping the EMA with the lowest FD (digits) seen at a snapshot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=420_000, help="real images to show in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path("teacher.safetensors"))
    options = parser.parse_args()

    data = load_images(DIGITS, GENERATOR.resolution, GENERATOR.image_channels)
    training = TeacherTraining(
        output=options.output,
        name=DIGITS,
        family=STYLEGAN2.name,
        config=TrainingConfig(images=options.images, ema_half_life=10_000, seed=options.seed),
        recipe=AdversarialTraining(Logistic(r1_gamma=0.3), PathLengths(0.0)),
        snapshot=20_000,
        fid_samples=5_000,
    )
    task = NoiseTask(data, (InputSpec("latent", (GENERATOR.latent_dim,), "normal"),))
    fidelity = Fidelity(task.eval_sets(), "digits", cache=None)
    torch.manual_seed(options.seed)
    networks = StyleGAN2Generator(GENERATOR), StyleGAN2Discriminator(DISCRIMINATOR)
    train_teacher(training, *networks, task, fidelity, on_snapshot=_print)


def _print(snapshot: Snapshot) -> None:
    print(f"{snapshot.images} images  FD (digits) {snapshot.fid:.3f}", flush=True)


if __name__ == "__main__":
    main()
