"""A request before its study exists: resolved, and everything that it names opened and checked."""

from __future__ import annotations

from distill.evaluation import ExtractorChoice, choose_extractor
from distill.progress import OnProgress
from distill.teachers import load_teacher
from nas.config import CACHE_SIZE, SearchConfig
from nas.driver.judge import check_domain_of_judge, check_judge
from nas.exchange import check_exchange
from nas.samplers import check_sampler
from nas.study import check_folder, check_no_driver, recorded_part
from nas.workbench import Workbench, check_rungs, check_shareable


def prepare(
    config: SearchConfig,
    *,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
    proposes: bool = True,
) -> Workbench:
    """Resolve `config` and check what it names, so that a wrong request is refused before a study is made.

    Quick checks come first, before any image is decoded.

    Args:
        config: the request.
        dry_run: look at a sample of the images, and write nothing; else decoded images are kept in
            `<workdir>/cache`.
        on_progress: receives how many images are decoded.
        proposes: architectures are going to be proposed; rungs must differ in whole steps, a latency budget
            is checked by measuring the smallest student, and what is tried first is read.

    Returns:
        The workbench of the resolved configuration, `bench.config`.

    Raises:
        UserError: of whatever kind fits.
    """
    check_sampler(config.sampler)
    teacher = load_teacher(config.teacher)
    config = config.named(teacher.name)
    check_folder(config)
    if not dry_run:
        check_no_driver(config)
    check_exchange(config, dry_run=dry_run)
    judge = _extractor(config, download=not dry_run)
    config = config.model_copy(update={"extractor": judge.name, "teacher_cache_size": _cache_size(config)})
    bench = Workbench(
        config, teacher=teacher, dry_run=dry_run, on_progress=on_progress, extractor_reason=judge.reason
    )
    check_judge(bench)
    config.budget.check_smallest(bench.space)
    if config.share_weights:
        check_shareable(bench)
    if proposes:
        check_rungs(bench.config, bench.recipe)
        bench.check_latency()
        bench.load_warm_start()
    bench.load_data()
    check_domain_of_judge(bench)
    bench.check_teacher()
    bench.check_teacher_cache()
    return bench


def _cache_size(config: SearchConfig) -> int | None:
    """The size of the teacher cache asked for, else of the study that is resumed; None is the default.

    Studies from before the default depended on the rungs have another one.

    Raises:
        StorageError: the database can't be used.
    """
    if config.teacher_cache_size is not None:
        return config.teacher_cache_size
    recorded = recorded_part(config, CACHE_SIZE)
    return int(recorded) if recorded not in ("", str(config.cached_images)) else None


def _extractor(config: SearchConfig, *, download: bool) -> ExtractorChoice:
    """The extractor asked for, else the one of the study that is resumed, else the default for the images.

    Raises:
        UserError: it can't be had.
    """
    return choose_extractor(
        config.data,
        config.extractor_weights,
        asked=config.extractor,
        recorded=None if config.extractor else recorded_part(config, "extractor"),
        why=f"study {config.study} is measured with it",
        download=download,
    )
