"""`nas-search --dry-run`: settings, the budget beside the costs of space and teacher, a few proposals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from distill.evaluation import domain_warning, extractor_line
from distill.teachers import teacher_cache_bytes
from distill.training import images_in_whole_steps
from nas.budget import COUNTER, format_duration, format_quantity
from nas.config import SearchConfig
from nas.execution.cluster import expected_resources
from nas.execution.weight_sharing import searched_space
from nas.execution.workbench import TEACHER_CACHE, TEACHER_CACHE_SEED, Workbench
from nas.trials import Plan
from search_spaces import Architecture, RandomSuggest

PROPOSALS = 6
OWN = " of real handwritten digits, built in; give --teacher and --data for your own"


class Proposed(BaseModel):
    """One architecture that a search might try, with closed-form costs and its measured latency."""

    macs: int
    params: int
    latency: float | None  # seconds for one image, where a budget limits it
    latency_on: str | None
    architecture: dict[str, Any]
    summary: str


class Preview(BaseModel):
    """The answer of `nas-search --dry-run`."""

    study: str
    budget: dict[str, int | float | None]  # macs, params, and latency in seconds
    teacher: dict[str, Any]
    space: str
    notes: list[str]
    settings: dict[str, Any]
    smallest: Proposed
    largest: Proposed
    given: list[Proposed]  # by --enqueue and --warm-start: tried first
    proposals: list[Proposed]

    def render(self) -> RenderableType:
        """As text and tables."""
        where = f"; latency on {self.smallest.latency_on}" if self.smallest.latency_on else ""
        table = Table(title=f"Proposals ({COUNTER}{where})", title_justify="left")
        table.add_column("")
        for name in ("MACs", "parameters", *(["latency"] if where else [])):
            table.add_column(name, justify="right", overflow="fold")
        table.add_column("architecture", overflow="fold")
        table.add_row("smallest", *_cells(self.smallest))
        table.add_row("largest", *_cells(self.largest))
        table.add_section()
        for given in self.given:
            table.add_row("warm start", *_cells(given))
        for proposal in self.proposals:
            table.add_row("", *_cells(proposal))
        settings = "  ".join(
            f"{name}={value}" for name, value in self.settings.items() if value not in (None, "")
        )
        return Group(*(Text(note) for note in self.notes), Text(f"Settings: {settings}"), table)


def introduction(bench: Workbench) -> list[str]:
    """The search that is about to run: teacher, data, recipe, rungs and budget, a line each."""
    config, teacher = bench.config, bench.teacher
    cost = bench.teacher.generator.architecture
    built_in = "built-in " if config.teacher is None else ""
    where = f" on {config.latency_on}" if config.budget_latency else ""
    lines = [
        f"Teacher: {built_in}{teacher.name} ({teacher.family.name}), "
        f"{format_quantity(bench.space.macs(cost))} MACs, "
        f"{format_quantity(bench.space.params(cost))} parameters",
        f"Data: {bench.task.images.name}, {bench.task.images.found or len(bench.task.images)} images "
        f"({bench.task.images.format}){OWN if built_in else ''}",
        f"Recipe: {config.recipe}, KD weight {config.schedule}",
        f"Training: {_rungs(bench)}",
        extractor_line(config.extractor, bench.extractor_reason),
        *(f"Warning: {warning}" for warning in judge_warnings(bench)),
        f"Budget: {config.budget}{where}; study {config.study} in {config.folder}",
    ]
    slack = config.budget.slack(bench.space)
    lines += [f"Budget: {slack}"] if slack else []
    cached = _cached_images(bench)
    megabytes = teacher_cache_bytes(cached, bench.teacher.generator.image_shape) / 1e6
    lines.append(f"Teacher cache: {cached:,} images, {megabytes:,.0f} MB in {config.cache / TEACHER_CACHE}")
    lines += [f"Skipped {skipped}" for skipped in bench.task.images.skipped]
    if teacher.discriminator is None and bench.recipe.discriminator_steps(1.0):
        lines.append("The teacher has no discriminator: students train their own from scratch")
    return lines


def judge_warnings(bench: Workbench) -> list[str]:
    """What to know about the judge, beside its name."""
    found = (domain_warning(bench.config.extractor, one.reference) for one in bench.task.eval_sets())
    return list(dict.fromkeys(filter(None, found)))


def _cached_images(bench: Workbench) -> int:
    """The size of the teacher cache: a task may have fewer inputs than asked for."""
    size = bench.config.teacher_cache_size
    if bench.task.images.found is not None:  # of a sample the number of inputs is not the task's
        return size
    return len(bench.task.teacher_inputs(size, TEACHER_CACHE_SEED))


def _rungs(bench: Workbench) -> str:
    """The images seen at each rung, in whole steps; with shared weights, those of their training."""
    config = bench.config
    if config.share_weights:
        return f"weights that all students share, {config.rungs[-1]:,} images"
    last = config.rungs[-1]
    whole = (images_in_whole_steps(bench.recipe, config.batch_size, last, rung) for rung in config.rungs)
    images = ", ".join(f"{count:,}" for count in whole)
    return f"{config.distance} after {images} images, {config.batch_size} in a batch"


def _workers(config: SearchConfig) -> str:
    """How many candidates train at a time, and on what, where that is known before Ray starts."""
    share = expected_resources(config)
    if share is None:
        return f"Execution: as many candidates at a time as {config.ray_address} has room for"
    cores = f"{share.cpus} CPU core{'s' if share.cpus > 1 else ''}"
    gpus = f"{share.gpus:g} GPU" if share.gpus else "no GPU"
    measured = "; how many share a GPU is measured first" if config.gpus_per_trial == "auto" else ""
    return f"Execution: {share.workers} candidates at a time, {cores} and {gpus} each{measured}"


def _trials(bench: Workbench, warm_start: int) -> str:
    """How many trials are fixed in advance, and how many the sampler proposes."""
    config, plan = bench.config, Plan.of(searched_space(bench), bench.config.trials)
    parts = [
        _count(len(plan.baselines), "uniform-width baseline"),
        _count(len(plan.designs), "initial design"),
        *([_count(warm_start, "warm-start trial")] if warm_start else []),
        f"{max(0, config.trials - plan.trials - warm_start)} left to the sampler",
    ]
    further = config.replicate_runs
    replicates = f"; up to {_count(further, 'replicate')} in addition" if further else ""
    return f"Trials: {config.trials}, of them {', '.join(parts)}{replicates}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def preview_search(bench: Workbench, given: Sequence[Architecture] = ()) -> Preview:
    """Show what a search would do, without training or writing; the architectures `given` are tried first."""
    config, space = bench.config, searched_space(bench)
    utilisation = config.budget.utilisation(bench.space)
    architecture = bench.teacher.generator.architecture
    proposals = [
        bench.latency.fit(space, RandomSuggest(config.seed + i), utilisation) for i in range(PROPOSALS)
    ]
    fitting = [proposal for proposal in proposals if bench.latency.fits(proposal)]
    too_slow = f"Budget: {PROPOSALS - len(fitting)} of {PROPOSALS} proposals were too slow and are left out"
    return Preview(
        study=config.study,
        budget=vars(config.budget),
        teacher={
            "name": bench.teacher.name,
            "digest": bench.teacher.digest,
            "macs": bench.space.macs(architecture),
            "params": bench.space.params(architecture),
        },
        space=bench.teacher.family.name,
        notes=[
            *introduction(bench),
            _trials(bench, len(given)),
            _workers(config),
            *([too_slow] if len(fitting) < PROPOSALS else []),
        ],
        settings=config.public(),
        smallest=_proposed(bench, bench.space.smallest()),
        largest=_proposed(bench, bench.space.largest()),
        given=[_proposed(bench, architecture) for architecture in given],
        proposals=[_proposed(bench, proposal) for proposal in fitting],
    )


def _proposed(bench: Workbench, architecture: Architecture) -> Proposed:
    latency = bench.latency.measurement(architecture)
    return Proposed(
        macs=bench.space.macs(architecture),
        params=bench.space.params(architecture),
        latency=latency.seconds,
        latency_on=latency.device,
        architecture=architecture.to_json(),
        summary=str(architecture),
    )


def _cells(proposed: Proposed) -> list[str]:
    latency = [format_duration(proposed.latency)] if proposed.latency is not None else []
    return [format_quantity(proposed.macs), format_quantity(proposed.params), *latency, proposed.summary]
