"""Train the built-in digits teacher: a small StyleGAN2 on scikit-learn's 1,797 handwritten digits at 16 px.

    python -m distill.digits.train_teacher --images 420000

writes `teacher.safetensors` (generator and discriminator) and `teacher_log.csv` beside this file.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import torch

from distill.data import ImageSet, load_images
from distill.fidelity import Fidelity
from distill.recipes import WeightDecay
from distill.trainer import Trainer, TrainingConfig
from search_spaces import Checkpoint, save_checkpoint
from search_spaces.stylegan2 import (
    STYLEGAN2,
    Block,
    DiscriminatorArchitecture,
    GeneratorArchitecture,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
)

HERE = Path(__file__).parent
GENERATOR = GeneratorArchitecture(
    blocks=(Block(128, convs=1), Block(96), Block(64)),
    image_channels=1,
    latent_dim=64,
    style_dim=64,
    mapping_layers=4,
)
DISCRIMINATOR = DiscriminatorArchitecture(channels=(64, 32, 16), image_channels=1)
FID_SAMPLES = 5_000
LOG_EVERY = 20_000  # images


def main() -> None:
    """Train for `--images` images, keeping the EMA with the lowest FID seen at a log line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=420_000, help="real images to show in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=HERE, help="folder for the checkpoint and the log")
    options = parser.parse_args()

    data = load_images("digits", GENERATOR.resolution, GENERATOR.image_channels)
    fidelity = Fidelity(data, "digits", cache=None)
    torch.manual_seed(options.seed)
    config = TrainingConfig(images=options.images, ema_half_life=10_000, seed=options.seed)
    trainer = Trainer(
        StyleGAN2Generator(GENERATOR),
        StyleGAN2Discriminator(DISCRIMINATOR),
        WeightDecay(r1_gamma=0.3),
        data,
        config,
    )
    began, best = time.monotonic(), float("inf")
    with (options.output / "teacher_log.csv").open("w", newline="") as file:
        log = csv.writer(file)
        log.writerow(["images", "seconds", "fid", "fid_samples", *("g_adversarial", "d_adversarial", "d_r1")])
        for until in range(LOG_EVERY, options.images + 1, LOG_EVERY):
            trainer.train(until)
            fid = fidelity.fid(trainer.ema, FID_SAMPLES, seed=options.seed).value
            losses = (f"{trainer.losses[name]:.4f}" for name in ("g_adversarial", "d_adversarial", "d_r1"))
            log.writerow(
                [trainer.images, round(time.monotonic() - began), f"{fid:.3f}", FID_SAMPLES, *losses]
            )
            file.flush()
            print(f"{trainer.images} images  FID {fid:.3f}", flush=True)
            if fid < best:
                best = fid
                _save(trainer, data, options.output / "teacher.safetensors", fid)


def _save(trainer: Trainer, data: ImageSet, path: Path, fid: float) -> None:
    metadata = {
        "name": "digits",
        "data": data.name,
        "data_digest": data.digest,
        "images": str(trainer.images),
        "fid": f"{fid:.4f}",
        "fid_samples": str(FID_SAMPLES),
        "fid_extractor": "digits",
        "fid_seed": str(trainer.config.seed),
    }
    save_checkpoint(Checkpoint(STYLEGAN2.name, trainer.ema, trainer.discriminator, metadata), path)


if __name__ == "__main__":
    main()
