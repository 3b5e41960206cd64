"""Which extractor ranks the students of a search, and whether it may: a network that teaches is no judge."""

from __future__ import annotations

from distill.evaluation import check_domain, extractor_file
from distill.perceptual import PERCEPTUAL
from nas.errors import ConfigError
from nas.workbench import Workbench
from search_spaces import file_digest


def check_judge(bench: Workbench) -> None:
    """Check that no network both teaches and judges, without looking at images.

    Raises:
        ConfigError: the perceptual distance is of the extractor's network.
    """
    if bench.distance is None:
        return
    extractor, teaches = bench.config.extractor, bench.distance.name
    file = extractor_file(extractor, bench.config.extractor_weights)
    if file is not None and file_digest(file)[:16] == bench.distance.digest:
        others = ", ".join(name for name in PERCEPTUAL if name not in (teaches, extractor))
        raise ConfigError(
            f"--perceptual {teaches} with --extractor {extractor}: the network that teaches students would "
            f"judge them, and they would look better than they are: give --perceptual {others} or none, or "
            "another --extractor"
        )


def check_domain_of_judge(bench: Workbench) -> None:
    """Check that the extractor is for the images that generated ones are compared with.

    Raises:
        FidelityError: it is not.
    """
    for one in bench.outline.eval_sets():
        check_domain(bench.config.extractor, one.reference)
