"""Which extractor ranks the students of a search, and whether it may: a network that teaches is no judge."""

from __future__ import annotations

from distill.data import DIGITS
from distill.evaluation import check_domain, extractor_file
from distill.perceptual import PERCEPTUAL
from nas.errors import ConfigError
from nas.workbench import Workbench
from search_spaces import file_digest


def check_judge(bench: Workbench) -> None:
    """Check that no network both teaches and judges, without looking at images.

    Raises:
        ConfigError: the perceptual network, or the term mmd, is of the extractor's network.
    """
    teachers = [each for each in (bench.perceptual, bench.features) if each is not None]
    extractor = bench.config.extractor
    file = extractor_file(extractor, bench.config.extractor_weights) if teachers else None
    judge = "" if file is None else file_digest(file)[:16]
    why = "the network that teaches students would judge them, and they would look better than they are"
    if bench.perceptual is not None and bench.perceptual.digest == judge:
        teaches = bench.perceptual.name
        others = ", ".join(name for name in PERCEPTUAL if name not in (teaches, extractor))
        raise ConfigError(
            f"--perceptual {teaches} with --extractor {extractor}: {why}: give --perceptual {others} or "
            "none, or another --extractor"
        )
    if bench.features is not None and bench.features.digest == judge:
        raise ConfigError(
            f"--similarity {bench.config.similarity} with --extractor {extractor}: its term mmd compares in "
            f"the same network, {why}: give another --extractor, or leave mmd out"
        )


def image_warnings(bench: Workbench) -> list[str]:
    """What to know of images that are most likely not those of the teacher."""
    if bench.outline.images.name != DIGITS or bench.teacher.generator.image_shape[0] == 1:
        return []
    return [
        f"--data {DIGITS} are grey handwritten digits, and {bench.teacher.name} makes RGB images: if it does "
        "not draw digits, give its own images, or leave --data out"
    ]


def check_domain_of_judge(bench: Workbench) -> None:
    """Check that the extractor is for the images that generated ones are compared with.

    Raises:
        FidelityError: it is not.
    """
    for one in bench.outline.eval_sets():
        check_domain(bench.config.extractor, one.reference)
