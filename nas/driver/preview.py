"""`nas-search --dry-run`: settings, the budget beside the costs of space and teacher, a few proposals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from distill.data import image_remarks
from distill.evaluation import domain_warnings, extractor_line
from distill.recipes import get_recipe
from distill.schedules import Ramp
from distill.tasks import get_task
from distill.teachers import TEACHER_CACHE, teacher_cache_bytes
from distill.training import images_in_whole_steps, step_images
from nas.budget import COUNTER, format_duration, format_quantity
from nas.config import SearchConfig
from nas.driver.estimate import estimate
from nas.driver.judge import image_warnings
from nas.execution import expected_resources
from nas.options import TranslationOptions
from nas.reporting import legend_lines
from nas.trials import Plan
from nas.workbench import Workbench, searched_space, terms_in_effect
from search_spaces import Architecture, PartlyFixedSuggest, RandomSuggest, count_of

PROPOSALS = 6
LEGEND = (
    "smallest, largest: of the space, which the budget limits; baseline, design, warm start: trained first, "
    "in this order; example: random choices within the budget, such as the sampler may propose."
)
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
    training_seconds: dict[str, float] | None  # "least" and "most", without measuring
    smallest: Proposed
    largest: Proposed
    baselines: list[Proposed]  # trained first, in this order …
    designs: list[Proposed]  # … then the family's initial designs …
    warm_start: list[Proposed]  # … then those of --enqueue and --warm-start
    proposals: list[Proposed]  # random ones within the budget, as examples

    def render(self) -> RenderableType:
        """As text and tables."""
        where = f"; latency on {self.smallest.latency_on}" if self.smallest.latency_on else ""
        table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False, show_edge=False)
        table.add_column("")
        for name in ("MACs", "params", *(["latency"] if where else [])):
            table.add_column(name, justify="right", overflow="fold")
        table.add_column("architecture", overflow="fold")
        for name, rows in (
            ("smallest", [self.smallest]),
            ("largest", [self.largest]),
            ("baseline", self.baselines),
            ("design", self.designs),
            ("warm start", self.warm_start),
            ("example", self.proposals),
        ):
            for proposed in rows:
                table.add_row(name, *_cells(proposed))
            if name != "smallest":
                table.add_section()
        settings = "  ".join(
            f"{name}={value}" for name, value in self.settings.items() if value not in (None, "", [])
        )
        title = Text(f"The space, and what is trained ({COUNTER}{where})", style="italic")
        legend = [Text(line, style="dim") for line in (LEGEND, *legend_lines(self.space))]
        return Group(
            *(Text(note) for note in self.notes), Text(f"Settings: {settings}"), title, table, *legend
        )


def introduction(bench: Workbench) -> list[str]:
    """The search that is about to run: teacher, data, recipe, rungs and budget, a line each."""
    config, teacher, snapshots = bench.config, bench.teacher, bench.teachers.snapshots
    architecture = bench.teacher.generator.architecture
    built_in = "built-in " if config.teacher is None else ""
    where = f" on {config.latency_on}" if config.budget_latency else ""
    lines = [
        f"Teacher: {built_in}{teacher.name} ({teacher.family.name}), "
        f"{format_quantity(bench.space.macs(architecture))} MACs, "
        f"{format_quantity(bench.space.params(architecture))} parameters",
        *_snapshots(bench),
        _data(bench),
        _recipe(bench),
        f"Training: {_rungs(bench)}",
        extractor_line(config.extractor, bench.extractor_reason),
        *(f"Warning: {warning}" for warning in image_warnings(bench) + judge_warnings(bench)),
        f"Budget: {config.budget}{where}; study {config.study} in {config.folder}",
    ]
    lines += [f"Exchange: {config.exchange}/{config.study}"] if config.exchange else []
    slack = config.budget.slack(bench.space)
    lines += [f"Budget: {slack}"] if slack else []
    cached = _cached_images(bench)
    row = bench.teacher_inputs(1).arrays()
    megabytes = teacher_cache_bytes(cached, bench.teacher.generator.image_shape, row) / 1e6
    too = f", as much for each of {len(snapshots)} snapshots," if snapshots else ""
    lines.append(
        f"Teacher cache: {cached:,} images, {megabytes:,.0f} MB{too} in {config.cache / TEACHER_CACHE}"
    )
    lines += image_remarks(bench.outline.images, conditional=bool(bench.teacher.generator.classes))
    if teacher.discriminator is None and bench.recipe.discriminator_steps(1.0):
        lines.append("The teacher has no discriminator: students train their own from scratch")
    return lines


def _snapshots(bench: Workbench) -> list[str]:
    snapshots = bench.teachers.snapshots
    return [] if snapshots is None else [f"Teacher snapshots: {snapshots.described}"]


def _data(bench: Workbench) -> str:
    """The images that students are trained on and compared with."""
    images, samples = bench.outline.images, bench.samples
    if samples is not None:
        megabytes = samples.bytes_on_disk / 1e6
        return (
            f"Data: {samples.count:,} samples of the teacher: no real images were given ({images.format}, "
            f"{megabytes:,.0f} MB, made once); distances are to {samples.described}"
        )
    own = OWN if bench.config.teacher is None else ""
    return f"Data: {bench.outline.described}{own}"


def _recipe(bench: Workbench) -> str:
    """How students are taught: the recipe, its weights, and the perceptual distance where it uses one."""
    config, distance = bench.config, bench.distance
    means = get_recipe(config.recipe).weight_means
    parts = [f"Recipe: {config.recipe}, KD weight {config.schedule}" + (f" ({means})" if means else "")]
    if config.ramp != Ramp():
        parts.append(f"adversarial weight {config.ramp}")
    if distance is not None:
        parts.append(f"perceptual distance {distance.name}")
    return "; ".join(parts)


def judge_warnings(bench: Workbench) -> list[str]:
    """What to know about the judge, beside its name."""
    return domain_warnings(bench.config.extractor, (one.reference for one in bench.outline.eval_sets()))


def _cached_images(bench: Workbench) -> int:
    """The size of the teacher cache: a task may have fewer inputs than asked for."""
    size = bench.config.cached_images
    if bench.outline.images.found is not None:  # of a sample the number of inputs is not the task's
        return size
    return len(bench.teacher_inputs(size))


def _rungs(bench: Workbench) -> str:
    """The images seen at each rung, in whole steps; with shared weights, those of their training."""
    config = bench.config
    if config.share_weights:
        return f"weights that all students share, {config.rungs[-1]:,} images"
    last = config.rungs[-1]
    whole = [images_in_whole_steps(bench.recipe, config.batch_size, last, rung) for rung in config.rungs]
    line = f"{config.distance} after {_numbers(whole)} images, {config.batch_size} in a batch"
    if tuple(whole) == config.rungs:
        return line
    steps = {step_images(bench.recipe, config.batch_size, rung / last) for rung in (0, *config.rungs)}
    sizes = " or ".join(f"{size:,}" for size in sorted(steps))
    return f"{line} (asked for {_numbers(config.rungs)}: whole steps of {sizes} images)"


def _numbers(counts: Sequence[int]) -> str:
    return ", ".join(f"{count:,}" for count in counts)


def _workers(config: SearchConfig) -> str:
    """How many candidates train at a time, and on what, where that is known before Ray starts."""
    resources = expected_resources(config)
    if resources is None:
        return f"Execution: as many candidates at a time as {config.ray_address} has room for"
    cores, together = count_of(resources.cpus, "CPU core"), count_of(resources.workers, "candidate")
    gpus = f"{resources.gpus:g} GPU" if resources.gpus else "no GPU"
    shares = config.gpus_per_trial == "auto" and resources.gpus
    measured = "; how many share a GPU is measured first" if shares else ""
    return f"Execution: {together} at a time, {cores} and {gpus} each{measured}"


def _trials(bench: Workbench, baselines: int, designs: int, warm_start: int) -> str:
    """How many trials are fixed in advance, and how many the sampler proposes."""
    config = bench.config
    parts = [
        *([count_of(baselines, "uniform-width baseline")] if baselines else []),
        *([count_of(designs, "initial design")] if designs else []),
        *([count_of(warm_start, "warm-start trial")] if warm_start else []),
    ]
    sampled = max(0, config.trials - baselines - designs - warm_start)
    parts += [f"{sampled} left to the sampler"] if sampled else ["none left to the sampler"]
    further = config.replicate_runs
    replicates = f"; up to {count_of(further, 'replicate')} in addition" if further else ""
    return f"Trials: {config.trials}, of them {', '.join(parts)}{replicates}"


def _planned(bench: Workbench) -> tuple[list[Architecture], list[Architecture]]:
    """The uniform-width baselines and the initial designs that are trained: distinct, and they fit."""
    config, space = bench.config, searched_space(bench)
    utilisation, plan = config.budget.utilisation(space), Plan.of(space, config.trials)
    teacher = space.largest()
    below = not config.budget.binds(space.macs(teacher), space.params(teacher))
    known = {str(teacher)} if below else set()  # its distance is known
    found: tuple[list[Architecture], list[Architecture]] = ([], [])
    baselines = [{"budget_fraction": fraction, **space.uniform()} for fraction in plan.baselines]
    for kept, choices in zip(found, (baselines, plan.designs), strict=True):
        for each in choices:
            suggest = PartlyFixedSuggest(RandomSuggest(config.seed), each)
            architecture = bench.latency.fit(space, suggest, utilisation)
            if str(architecture) not in known and bench.latency.fits(architecture):
                known.add(str(architecture))
                kept.append(architecture)
    return found


def preview_search(bench: Workbench, warm_start: Sequence[Architecture] = ()) -> Preview:
    """Show what a search would do, without training or writing; `warm_start` is tried first."""
    config, space = bench.config, searched_space(bench)
    utilisation = config.budget.utilisation(space)
    architecture = bench.teacher.generator.architecture
    proposals = [
        bench.latency.fit(space, RandomSuggest(config.seed + i), utilisation) for i in range(PROPOSALS)
    ]
    fitting = [proposal for proposal in proposals if bench.latency.fits(proposal)]
    too_slow = f"Budget: {PROPOSALS - len(fitting)} of {PROPOSALS} proposals were too slow and are left out"
    baselines, designs = _planned(bench)
    time = estimate(bench, expected_resources(config))
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
            _trials(bench, len(baselines), len(designs), len(warm_start)),
            _workers(config),
            f"Time: {time}",
            *([too_slow] if len(fitting) < PROPOSALS else []),
        ],
        settings=_settings(bench),
        training_seconds=None if isinstance(time, str) else {"least": time.least, "most": time.most},
        smallest=_proposed(bench, bench.space.smallest()),
        largest=_proposed(bench, bench.space.largest()),
        baselines=[_proposed(bench, architecture) for architecture in baselines],
        designs=[_proposed(bench, architecture) for architecture in designs],
        warm_start=[_proposed(bench, architecture) for architecture in warm_start],
        proposals=[_proposed(bench, proposal) for proposal in fitting],
    )


def _settings(bench: Workbench) -> dict[str, Any]:
    """The settings that are in effect: those of image translation, and terms that compare, where they are."""
    config, without = bench.config, set()
    if not get_task(bench.teacher.family, config.task).needs_images:
        without = set(TranslationOptions.model_fields)
    shown = {name: value for name, value in config.public().items() if name not in without}
    return shown | {"similarity": terms_in_effect(config, bench.teacher, bench.distance)}


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
