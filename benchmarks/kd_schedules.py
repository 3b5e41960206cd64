"""When the KD weight should fall: schedules, their controls, and earlier ways of distilling GANs.

    python -m benchmarks.kd_schedules --seeds 8 --results digits.jsonl      # the digits, 16,000 images each
    python -m benchmarks.kd_schedules --rows "^(none|constant|cosine 60-100 %)$" --budgets 2M,1M,500k,250k \\
        --seeds 8 --results capacity.jsonl                                      # capacity
    python -m benchmarks.kd_schedules --teacher benchmarks/teachers/faces32.safetensors \\
        --data lfw_faces_64.zip --mirror --budgets 3M --batch-size 32 --extractor imagenet-lite0 --seeds 8 \\
        --results faces.jsonl
    python -m benchmarks.kd_schedules --rows "^(tuned|adversarial)" --against "adversarial 0.3 at once"
    python -m benchmarks.kd_schedules --quick --json                # shows that it runs, nothing else

Rows train adversarially from the start, as the thesis does, with weight 0.3, the default there, unless they
say otherwise; none regularises path lengths. Each starts from the teacher's weights, its discriminator from
the teacher's. Rows are compared with `constant`, or the row of --against, over paired seeds. Runs of a seed
have the same data order and latents.

Schedules: a shape, and the fractions of the training between which the weight falls to 0, or to 0.3 as by
default. `adaptive` follows the frozen discriminator of the teacher.

Controls: is it the falling, or only that KD is off while the last average is taken? `step` ends KD at 90, 95
and 99 %. `0-90 %` and `60-90 %` have the same number of purely adversarial images at the end as `step 90 %`.
`average restarted` forgets at 90 % what the average saw before. `falling rate` keeps KD, and both learning
rates fall linearly to 0 from 60 % on.

Constants: `default` as a search has it; without a perceptual network, and so adversarial from the start, with
three weights; weights that were tuned on the digits (KD 6, falling to 0; adversarial 1).

Terms and starts: what is compared with the teacher (images, features of its discriminator), a fresh
discriminator. Earlier methods, with constant weights: L1 and a perceptual distance, 3 each (Content-Aware GAN
Compression and StyleKD; here --perceptual is the distance, there LPIPS), features of the teacher's
discriminator alone, StyleKD's relations along latent directions (`benchmarks.style_relations`; weights of
the public code: L1 3, perceptual 3, relations 30), and DGL-GAN's term.

What figures mean: `benchmarks.tables`. `--results` keeps every finished run in a file: the same command
continues, and runs what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks.results import Figures
from benchmarks.setting import uniform_student, without_paths
from benchmarks.tables import measured, options_of, print_tables

CONSTANT = "constant"
AT_ONCE = 0.3  # the default adversarial weight where the term starts at once
FROM_THE_START = {"adversarial_start": 0.0, "adversarial_full": 0.0, "adversarial_weight": AT_ONCE}
RELATIONS = "the same + latent directions (StyleKD)"
RATE_FALLS = 0.6  # of the training
RESTART = 0.9


def falling(shape: str, begin: float, end: float) -> dict[str, Any]:
    """Settings of a schedule that falls to 0."""
    return {"kd_schedule": shape, "kd_decay_start": begin, "kd_decay_end": end, "kd_weight_end": 0.0}


def step(end: float) -> dict[str, Any]:
    """Settings of a KD weight that is 0 from `end` on."""
    return {"kd_schedule": "step", "kd_decay_end": end, "kd_weight_end": 0.0}


STEADY = {"kd_schedule": CONSTANT}
SCHEDULES: dict[str, dict[str, Any]] = {
    "none": {"kd_schedule": CONSTANT, "kd_weight_start": 0.0},
    CONSTANT: STEADY,
    "linear 0-100 %": falling("linear", 0.0, 1.0),
    "cosine 0-60 %": falling("cosine", 0.0, 0.6),
    "cosine 60-100 %": falling("cosine", 0.6, 1.0),
    "cosine 60-100 % to 0.3": {"kd_weight_end": 0.3},
    "adaptive": falling("adaptive", 0.0, 1.0),
}
CONTROLS: dict[str, dict[str, Any]] = {
    **{f"step {end:.0%}".replace("%", " %"): step(end) for end in (0.9, 0.95, 0.99)},
    "linear 0-90 %": falling("linear", 0.0, 0.9),
    "cosine 60-90 %": falling("cosine", 0.6, 0.9),
    "exponential 0-90 %": falling("exponential", 0.0, 0.9),
    "step 90 %, average restarted": step(0.9),
    "constant, average restarted": STEADY,
    "constant, falling rate": STEADY,
    "none, falling rate": {"kd_schedule": CONSTANT, "kd_weight_start": 0.0},
}
TERMS: dict[str, dict[str, Any]] = {
    f"{schedule}, {name}": {**SCHEDULES[schedule], **settings}
    for schedule in (CONSTANT, "cosine 60-100 %")
    for name, settings in {
        "images": {"similarity": "pixel=1"},
        "features": {"similarity": "feature=1"},
        "fresh": {"warm_discriminator": False},
    }.items()
} | {"none, fresh": {**SCHEDULES["none"], "warm_discriminator": False}}
AS_PUBLISHED = {**STEADY, **FROM_THE_START, "kd_weight_start": 1.0, "adversarial_weight": 1.0}
CONSTANTS: dict[str, dict[str, Any]] = {
    "default": {},
    **{
        f"adversarial {weight:g} at once": {
            **FROM_THE_START,
            "adversarial_weight": weight,
            "perceptual": "none",
        }
        for weight in (0.1, 0.3, 1.0)
    },
    "tuned on the digits": {**falling("cosine", 0.6, 1.0), **FROM_THE_START}
    | {"kd_weight_start": 6.0, "adversarial_weight": 1.0},
}
EARLIER: dict[str, dict[str, Any]] = {
    "L1 3 + perceptual 3 (CAGC, StyleKD)": {**AS_PUBLISHED, "similarity": "pixel=3,perceptual=3"},
    RELATIONS: {**AS_PUBLISHED, "similarity": "pixel=3,perceptual=3"},
    "discriminator features": {**AS_PUBLISHED, "similarity": "feature=1"},
    "DGL-GAN, α 0.1": {"recipe": "dgl-gan", **STEADY, "kd_weight_start": 0.1},
    "DGL-GAN, α 0.5": {"recipe": "dgl-gan", **STEADY, "kd_weight_start": 0.5},
}
ROWS = {
    **{name: {**settings, **FROM_THE_START} for name, settings in (SCHEDULES | CONTROLS | TERMS).items()},
    **CONSTANTS,
    **EARLIER,
}
"""Settings of a search, by the row's name."""


def distill(row: str, seed: int, images: int, settings: Mapping[str, Any]) -> Figures:
    """The figures of one run; those after the training are None if it diverges."""
    import torch

    from benchmarks.style_relations import with_relations
    from nas.config import SearchConfig
    from nas.workbench import Workbench

    torch.set_num_threads(1)
    asked = {**settings, **ROWS[row], "rungs": (images,), "seed": seed, "study": "kd"}
    bench = Workbench(SearchConfig.of(**asked))
    bench.recipe = without_paths(bench.recipe)
    bench.load_teacher_cache()
    if row == RELATIONS:
        bench.recipe = with_relations(bench)
    trainer = bench.trainer(bench.student(uniform_student(bench)))
    if row.endswith("falling rate"):
        trainer.config = replace(trainer.config, lr_decay_start=RATE_FALLS)

    def restarted() -> None:
        trainer.train(round(RESTART * images))
        trainer.restart_average()
        trainer.train(images)

    return measured(bench, trainer, images, restarted if row.endswith("average restarted") else None)


def main() -> None:
    """Do what is missing of every row, seed and budget, and print the tables."""
    asked = options_of(__doc__, budgets="2M", seeds=8)
    asked.add_argument("--kd-weight-start", type=float, help="KD weight of rows without one of their own")
    asked.add_argument("--against", default=CONSTANT, help="the row that others are compared with")
    options = asked.parse_args()
    if options.quick:
        options.rows = options.rows or "^(none|constant|cosine 60-100 %|step 90 %, average restarted)$"
        options.budgets, options.images, options.seeds = "2M", 256, 2
    from distill.teachers import load_teacher

    has_styles = hasattr(load_teacher(options.teacher).generator, "mapping")
    rows = {name: settings for name, settings in ROWS.items() if has_styles or name != RELATIONS}
    print_tables(distill, rows, options.against, options, {"kd_weight_start": options.kd_weight_start})


if __name__ == "__main__":
    main()
