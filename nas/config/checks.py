"""Rules that tie options of a search together."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from distill.data import LEAST_HELD_OUT, TEACHER
from distill.errors import TrainingError
from distill.training import check_micro_batch, check_precision
from nas.budget import format_quantity
from nas.config.names import check_study_name
from nas.options import MOST_IMAGES, MOST_IN_A_BATCH, MOST_SAMPLES, MOST_SIDE
from nas.passwords import without_password
from search_spaces import one_line

if TYPE_CHECKING:
    from nas.config.search import SearchConfig

MOST = {
    "budget_macs": 10**15,
    "budget_params": 10**15,
    "trials": 10**6,
    "replicates": 10**6,
    "seeds": 10**4,
    "rungs": MOST_IMAGES,
    "reduction_factor": 10**6,
    "significance": 10**6,
    "resolution": MOST_SIDE,
    "teacher_cache_size": 10**15,
    "rung_samples": MOST_SAMPLES,
    "batch_size": MOST_IN_A_BATCH,
    "teacher_samples": 10**9,
}
SANDWICH_PARTS = 4  # per batch of shared weights; each trains another student


def check_search(config: SearchConfig) -> None:
    """Raise ValueError, in one line, for options that exclude each other."""
    if not (config.budget_macs or config.budget_params or config.budget_latency):
        raise ValueError("give --budget-macs, --budget-params or --budget-latency, such as --budget-macs 5G")
    _check_sizes(config)
    if config.latency_on != "cpu" and config.budget_latency is None:
        raise ValueError(
            f"--latency-on {config.latency_on}: give --budget-latency, too, such as --budget-latency 30ms"
        )
    if config.rungs and config.rungs[0] < 1:
        raise ValueError(f"--rungs {config.rungs[0]}: give numbers of at least 1, such as 4k,8k,16k")
    if any(b <= a for a, b in zip(config.rungs, config.rungs[1:], strict=False)):
        raise ValueError(f"--rungs {','.join(map(str, config.rungs))} must increase, such as 4k,8k,16k")
    if config.rung_samples is not None and len(config.rungs) == 1:
        raise ValueError(
            f"--rung-samples {config.rung_samples}: leave it out, there is no rung before the last one"
        )
    if config.teacher_samples is not None and config.data != TEACHER:
        raise ValueError(
            f"--teacher-samples {config.teacher_samples}: leave it out with --data {config.data}, or give "
            f"--data {TEACHER}"
        )
    if config.held_out and config.data == TEACHER:
        raise ValueError(
            f"--held-out {config.held_out:g}: leave it out with --data {TEACHER}, which holds a fifth of the "
            "samples out"
        )
    if config.share_weights:
        _check_shared(config)
    if config.importance != "magnitude" and not (config.inherit or config.share_weights):
        raise ValueError(
            f"--importance {config.importance}: leave it out with --no-inherit, which takes no channels over"
        )
    if not 2 <= config.reduction_factor < float("inf"):
        raise ValueError(f"--reduction-factor {config.reduction_factor:g}: give a number of at least 2")
    gpus = config.gpus_per_trial
    if gpus is not None and gpus != "auto" and not (0 <= gpus <= 1 or (gpus > 0 and gpus % 1 == 0)):
        raise ValueError(f"--gpus-per-trial {gpus:g}: give a fraction up to 1, a whole number, or auto")
    try:
        check_precision(config.precision)
        check_micro_batch(config.micro_batch or 0, config.batch_size)
    except TrainingError as error:
        raise ValueError(str(error)) from error
    if config.fid_samples < 0 or config.fid_samples == 1:
        raise ValueError(f"--fid-samples {config.fid_samples}: give at least 2, better thousands")
    holds_out = config.held_out is None or config.held_out > 0 or config.data == TEACHER
    if holds_out and 0 < config.fid_samples < LEAST_HELD_OUT:
        raise ValueError(
            f"--fid-samples {config.fid_samples}: precision and recall of finalists need at least "
            f"{LEAST_HELD_OUT}, better thousands"
        )
    samples = config.rung_samples
    if samples is not None and not 2 <= samples <= config.fid_samples:
        raise ValueError(
            f"--rung-samples {config.rung_samples}: give at least 2 and at most --fid-samples, "
            f"{config.fid_samples}"
        )
    _check_exchange(config)
    check_study_name(config.study)


def _check_exchange(config: SearchConfig) -> None:
    """Raise ValueError for an exchange that is no plain URL, or that shared weights can't travel through."""
    url = config.exchange
    if url is None:
        return
    shown = without_password(url)
    protocol, separator, place = url.partition("://")
    if not separator or not protocol.isalnum() or not place.strip("/"):
        raise ValueError(f"--exchange {one_line(shown)}: give a URL such as s3://bucket/prefix")
    if "@" in place:
        raise ValueError(
            f"--exchange {one_line(shown)}: give no user or password in a URL, which is saved with the "
            "study: credentials come from the environment or a profile, for s3:// AWS_PROFILE"
        )
    if protocol in ("file", "local") and not place.startswith("/"):
        raise ValueError(
            f"--exchange {one_line(shown)}: give a URL such as {protocol}:///path, from the root"
        )
    if wrong := re.search(r"[?#*\[\]\s]|::|//|(?:^|/)\.\.?(?=/|$)", place):
        raise ValueError(
            f"--exchange {one_line(shown)} has {wrong[0]!r}: give a plain URL such as s3://bucket/prefix"
        )
    if config.share_weights:
        raise ValueError(
            "--exchange: leave it out with --share-weights, whose weights all nodes read from one --workdir"
        )


def _check_sizes(config: SearchConfig) -> None:
    """Raise ValueError for sizes that nothing can be made of: most likely mistyped, and slow to fail."""
    for name, most in MOST.items():
        given = getattr(config, name)
        largest = max(given, default=0) if isinstance(given, tuple) else given or 0
        if largest > most:
            flag = name.replace("_", "-")
            raise ValueError(f"--{flag} {_short(largest)}: give a number of at most {format_quantity(most)}")


def _short(value: float) -> str:
    """`value` as text: whole up to a trillion, then its magnitude, beyond that of floats, too."""
    if value < 10**12:
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f"{value:.3g}" if value < 10**300 else f"1e+{math.floor(math.log10(value))}"


def _check_shared(config: SearchConfig) -> None:
    """Raise ValueError for what weights that all candidates share can't be trained with."""
    if len(config.rungs) > 1:
        raise ValueError(
            f"--rungs {','.join(map(str, config.rungs))}: with --share-weights give one, the images that the "
            "shared weights are trained for"
        )
    if config.batch_size % SANDWICH_PARTS:
        multiple = math.ceil(config.batch_size / SANDWICH_PARTS) * SANDWICH_PARTS
        raise ValueError(
            f"--batch-size {config.batch_size}: with --share-weights give a multiple of {SANDWICH_PARTS}, "
            f"such as {multiple}; each part trains one student"
        )
    if config.micro_batch is not None:
        raise ValueError(
            f"--micro-batch {config.micro_batch}: leave it out with --share-weights, which splits batches "
            f"into {SANDWICH_PARTS} parts; for less memory give a smaller --batch-size"
        )
    for name in ("compile", "checkpoint_activations"):
        if getattr(config, name):
            flag = name.replace("_", "-")
            raise ValueError(
                f"--{flag}: leave it out with --share-weights, where networks change within a batch"
            )
