"""One candidate: an architecture distilled rung by rung."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from distill.data import to_float, to_uint8
from distill.evaluation import compare, metrics_of, sample, save_png
from distill.tasks import Panel
from distill.training import LossLog, Progress, Trainer, images_in_whole_steps
from nas.budget import Cost, measure
from nas.config import same_search
from nas.exchange import Node
from nas.progress import (
    IMAGES_PER_SECOND,
    KD_WEIGHT,
    LOSS,
    MEASURING,
    TRAINING,
    Decision,
    Rung,
    Speed,
    TrialFinished,
)
from nas.study import FolderOwner, RungRecord, interim_file, report_file, trial_folder
from nas.trials import Proposal
from nas.workbench import Workbench
from search_spaces import Generator, file_digest
from search_spaces.reading import written_whole

COLUMNS = 8  # of images beside their nearest training images
HELD_OUT = ("fid", "kid", "prc")  # metrics of a finalist, beside those of its task
STUDENT = "g_"  # how the names of its losses begin; the discriminator's with d_
SPREAD = "kid_std"  # of subsets, no figure of a finalist
NEAREST = ("nearest", "second nearest", "third nearest")
REPORT_SECONDS = 1.0  # between two reports: all workers of a cluster write into one folder
OF_A_CUT_FILE = errno.EINVAL  # PyTorch's reader seeks from an end that is not there
FID_SEED_OFFSET = 7_919  # so that FIDs use other latents than the training


@dataclass(frozen=True)
class _Begun:
    """What is known of a rung before its end, beside the state of its training."""

    fid_before: float | None = None
    seconds: float = 0.0  # that it has taken


@dataclass(frozen=True)
class Outcome:
    """What a candidate reports at a rung."""

    record: RungRecord
    cost: Cost
    samples: str  # PNG, path relative to the study's folder
    fid_before: float | None = None  # before its training, over as many samples as at the last rung
    held_out: dict[str, float] = field(default_factory=dict)  # see `TrialAttributes.held_out`
    nearest: str | None = None  # PNG of the nearest training images, path relative to the study's folder
    warning: str = ""  # for the user
    files: dict[str, str] = field(default_factory=dict)  # of the trial, to be received: see `Node.put`

    def event(self, decision: Decision) -> Rung:
        """The rung, and what follows from it, for programs."""
        record = self.record
        said = record.model_dump(include={"trial", "images", "fid", "kd_weight", "losses", "seconds"})
        return Rung(rung=record.rung + 1, decision=decision, **said, **asdict(self.cost))


def end_of(trial: int, state: str, outcome: Outcome | None, reason: str = "", **counts: int) -> TrialFinished:
    """The end of a trial, for programs: with an `outcome`, or failed for a `reason`."""
    known: dict[str, Any] = {"trial": trial, "state": state, "reason": reason} | counts
    if outcome is not None:
        known |= {"images": outcome.record.images, "fid": outcome.record.fid} | asdict(outcome.cost)
    return TrialFinished.model_validate(known)


class Candidate:
    """Trains one architecture on a workbench; rungs that have a checkpoint are not trained again."""

    def __init__(
        self,
        bench: Workbench,
        proposal: Proposal,
        owner: FolderOwner | None = None,
        node: Node | None = None,
    ) -> None:
        self.bench, self.trial = bench, proposal.trial
        self.architecture, self.seed = proposal.architecture, proposal.seed
        self.finalist = proposal.finalist
        self._owner = owner  # whose the study's folder must be; None where nobody competes for it
        self.folder = trial_folder(bench.config.folder, proposal.trial)
        self._results: list[dict[str, Any]] = []  # of finished rungs
        self._trainer: Trainer | None = None
        self._begun = _Begun()  # the rung that an earlier process was interrupted in
        self._saved = self._reported = time.monotonic()
        self._warning = ""  # for the next outcome
        self._node = node or Node(bench.config)
        self._report = self._node.reporter(report_file(bench.config.folder, proposal.trial), REPORT_SECONDS)

    def run(self, rung: int) -> Outcome:
        """Train to `rung` and measure; a rung that any process has finished is read from its checkpoint.

        Raises:
            TrainingDivergedError, NonFiniteImagesError: the candidate failed.
            StudyError: another driver has claimed the study's folder; nothing is written there.
            ExchangeError: files can't be exchanged with other nodes.
        """
        if self._trainer is None and rung >= len(self._results):
            self._resume()
        while rung >= len(self._results):
            self._advance()
        fields = dict(self._results[rung])
        cost, samples = Cost(fields.pop("macs"), fields.pop("params")), fields.pop("samples")
        fid_before = fields.pop("fid_before", None)
        held_out, nearest = fields.pop("held_out", {}), fields.pop("nearest", None)
        warning, self._warning = self._warning, ""
        record = RungRecord(trial=self.trial, rung=rung, **fields)
        files = self._node.put(self.trial, self._waiting)
        self._report.clear()
        return Outcome(record, cost, samples, fid_before, held_out, nearest, warning, files)

    @cached_property
    def _identity(self) -> dict[str, str]:
        """Identity that a checkpoint must have to be resumed: its FIDs count as results of this search."""
        weights = {"extractor_digest": self.bench.fidelity.extractor.digest}
        run = {"architecture": str(self.architecture), "training_seed": str(self.seed)}
        return self.bench.identity | weights | run

    def _resume(self) -> None:
        """Start a training, or resume from the newest readable checkpoint."""
        self._report.clear()  # of a run that was killed
        self._node.fetch(self.trial, self._waiting)
        self._trainer = self.bench.trainer(self.bench.student(self.architecture, self.seed), self.seed)
        for rung in reversed(range(len(self.bench.config.rungs))):
            state = self._read(self._checkpoint(rung))
            if state is not None:
                newest = state["results"][-1] | {"sha256": file_digest(self._checkpoint(rung))}
                self._results = [*state["results"][:-1], newest]
                self._trainer.load_state_dict(state["trainer"])
                break
        state = self._read(self._interim)
        if state is not None and state["rung"] == len(self._results):
            self._trainer.load_state_dict(state["trainer"])
            self._begun = _Begun(state["fid_before"], state["seconds"])

    def _advance(self) -> None:
        """Train to the next rung, measure, and save a checkpoint."""
        assert self._trainer is not None
        rung, begun = len(self._results), self._begun
        began = time.monotonic() - begun.seconds
        self._check_owner()
        self.folder.mkdir(parents=True, exist_ok=True)
        fid_before = self._fid_before(self._trainer) if self._trainer.images == 0 else begun.fid_before
        kd_weight = self._train(self._trainer, rung, lambda: _Begun(fid_before, time.monotonic() - began))
        self._report(MEASURING, self._trainer.images, self._images)
        result = self._measure(self._trainer.ema, self._trainer.images, self._trainer.losses)
        result |= {"kd_weight": kd_weight, "seconds": time.monotonic() - began, "fid_before": fid_before}
        self._keep(result, self._trainer.state_dict())
        self._begun = _Begun()
        self._interim.unlink(missing_ok=True)
        if rung >= 2:  # the previous one is the spare if this one is damaged
            self._checkpoint(rung - 2).unlink(missing_ok=True)

    @property
    def _images(self) -> int:
        """Images of the whole training, in whole steps."""
        last = self.bench.config.rungs[-1]
        return images_in_whole_steps(self.bench.recipe, self.bench.config.batch_size, last, last)

    def _keep(self, result: dict[str, Any], trainer: dict[str, Any]) -> None:
        """Save a checkpoint of the rung with `result`, and the results before it."""
        self._check_owner()
        path = self._checkpoint(len(self._results))
        result |= {"checkpoint": str(path.relative_to(self.bench.config.folder))}
        results = [*self._results, result]
        with written_whole(path) as file:
            torch.save({"identity": self._identity, "results": results, "trainer": trainer}, file)
            self._check_owner()  # again: that takes long
        self._results = [*self._results, result | {"sha256": file_digest(path)}]

    def _check_owner(self) -> None:
        if self._owner is not None:
            self._owner.check()

    def _checkpoint(self, rung: int) -> Path:
        """The checkpoint of `rung`; a folder of an earlier version has names that count from 0."""
        earlier = self.folder / f"rung-{rung}.pt"
        return earlier if earlier.exists() else self.folder / f"checkpoint-rung-{rung + 1}.pt"

    @property
    def _interim(self) -> Path:
        return interim_file(self.bench.config.folder, self.trial)

    def _read(self, path: Path) -> dict[str, Any] | None:
        """The checkpoint at `path`; None when there is none, it is damaged, or of another search.

        Raises:
            OSError: it can't be read.
        """
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever a damaged file makes the reader raise
            if isinstance(error, OSError) and error.errno != OF_A_CUT_FILE:
                raise  # it may be whole: what it holds must not be lost because the disk is gone just now
            self._warning = f"{path} is damaged: its rung is trained again"
            return None
        ours = isinstance(state, dict) and same_search(state.get("identity"), self._identity)
        return state if ours else None

    def _train(self, trainer: Trainer, rung: int, begun: Callable[[], _Begun]) -> float:
        """Train to the end of `rung`, logging its losses; returns the last step's KD weight.

        Now and then the state of the training is saved, and what `begun` says of the rung.
        """
        last, whole = Progress(trainer.images, trainer.kd_weight, {}), self._images
        until, every = self.bench.config.rungs[rung], self.bench.config.checkpoint_every
        speed = Speed(time.monotonic(), trainer.images)
        self._saved = time.monotonic()
        with LossLog(self.folder / f"losses-rung-{rung + 1}.csv", trainer.images) as log:

            def note(progress: Progress) -> None:
                nonlocal last
                last = progress
                per_second = speed.per_second(time.monotonic(), progress.images)
                self._report(TRAINING, progress.images, whole, **_readings(progress, per_second))
                log.note(progress)
                if every and progress.images < until and time.monotonic() - self._saved >= every:
                    log.save()
                    self._save_interim(trainer, rung, begun())

            trainer.train(until, note)
        return last.kd_weight

    def _save_interim(self, trainer: Trainer, rung: int, begun: _Begun) -> None:
        """Save the state of the training between two rungs, from which any process resumes exactly."""
        self._check_owner()
        state = {"identity": self._identity, "rung": rung, "trainer": trainer.state_dict(), **asdict(begun)}
        with written_whole(self._interim) as file:
            torch.save(state, file)
            self._check_owner()
        self._node.put_interim(self.trial, self._waiting)
        self._saved = time.monotonic()

    def _waiting(self, seconds: float) -> None:
        """An `OnWait` of the exchange: a report now and then, so that nobody takes the worker for hung."""
        images = self._trainer.images if self._trainer is not None else 0
        self._report(MEASURING, images, self._images, waited=round(seconds))

    def flush(self) -> None:
        """Return when the driver has all reports: those of a trial that has ended are removed."""
        self._report.flush()

    def evaluating(self, what: str, done: int, total: int) -> None:
        """An `OnProgress` of evaluation: a report now and then, so that nobody takes the worker for hung."""
        if time.monotonic() - self._reported >= REPORT_SECONDS and self._trainer is not None:
            self._reported = time.monotonic()
            self._report(MEASURING, self._trainer.images, self._images, measured=done)

    def _fid_before(self, trainer: Trainer) -> float:
        """FID of what the student starts from, over as many samples as at the last rung."""
        trainer.train(0)  # calibrates the averaged weights
        samples, seed = self.bench.config.fid_samples, self.bench.config.seed + FID_SEED_OFFSET
        return self.bench.fidelity.fid(trainer.ema, samples, seed).value

    def _measure(self, student: Generator, images: int, losses: Mapping[str, float]) -> dict[str, Any]:
        config = self.bench.config
        last = len(self._results) == len(config.rungs) - 1
        samples = config.fid_samples if last else config.rung_samples or config.fid_samples
        metrics = ("fid",) if last else self.bench.metrics
        scores = self.bench.fidelity.measure(student, metrics, samples, config.seed + FID_SEED_OFFSET)
        score = scores["fid"]
        fid = score.values["fid"]
        title = f"trial {self.trial}, {config.distance} {fid:.2f} after {images} images"
        made = sample(student, self.bench.preview.inputs)
        picture = self._save_picture(self._panels(made, title), "samples.png")
        cost = measure(student)
        of_finalist = self._as_finalist(student, made, title) if last and self.finalist else {}
        return {
            "images": images,
            "fid": fid,
            "kid": scores["kid"].values["kid"] if "kid" in scores else None,
            "fid_samples": score.samples,
            "fid_extractor": score.extractor,
            "fid_extractor_digest": score.digest,
            "fid_seed": score.seed,
            "losses": dict(losses),
            "worker": f"{socket.gethostname()}:{os.getpid()}",
            "samples": picture,
            "macs": cost.macs,
            "params": cost.params,
            **of_finalist,
        }

    def _as_finalist(self, student: Generator, made: Tensor, title: str) -> dict[str, Any]:
        """Its scores on held-out images; a picture of the training images nearest to those `made`."""
        bench, config = self.bench, self.bench.config
        found: dict[str, Any] = {}
        if bench.task.held_out_sets():
            metrics = (*HELD_OUT, *metrics_of(bench.task))
            scores = bench.held_out_fidelity.measure(
                student, metrics, config.fid_samples, config.seed + FID_SEED_OFFSET
            )
            values = {name: value for score in scores.values() for name, value in score.values.items()}
            found["held_out"] = {name: value for name, value in values.items() if name != SPREAD}
        if bench.samples is None:  # a teacher's samples are nobody's photographs
            found["nearest"] = self._save_picture(self._nearest(made, title), "nearest.png")
        return found

    def _save_picture(self, panels: Sequence[Panel], name: str) -> str:
        """Save a picture of the trial; returns its path in the study's folder."""
        drawn, path = compare(panels), self.folder / name
        self._check_owner()
        save_png(drawn, path)
        return str(path.relative_to(self.bench.config.folder))

    def _nearest(self, made: Tensor, title: str) -> list[Panel]:
        """Some of the images `made`, and below each the training images nearest to it."""
        columns = torch.linspace(0, len(made) - 1, min(COLUMNS, len(made)))  # of many classes
        shown = made[columns.long()]
        real = self.bench.task.images
        indices = self.bench.fidelity.nearest(to_uint8(shown), real, len(NEAREST))
        features = f"in the features of {Path(self.bench.config.extractor).name}"
        captions = (f"{which} training images, {features}" for which in NEAREST)
        below = (to_float(real.pixels(column)) for column in indices.T)
        rows = [(title, shown), *zip(captions, below, strict=True)]
        return [Panel({"": images}, caption, COLUMNS) for caption, images in rows]

    def _panels(self, made: Tensor, title: str) -> Sequence[Panel]:
        """The images `made` beside the teacher's, as the task arranges them."""
        preview = self.bench.preview
        assert preview.teacher is not None
        return preview.panels({f"teacher, {self.bench.teacher.name}": preview.teacher, title: made})


def _readings(progress: Progress, per_second: float) -> dict[str, float]:
    """What is shown of a training beside its images; the loss is the student's, all its weighted terms."""
    terms = [value for name, value in progress.losses.items() if name.startswith(STUDENT)]
    loss = {LOSS: sum(terms)} if terms else {}
    return {IMAGES_PER_SECOND: per_second, KD_WEIGHT: progress.kd_weight, **loss}
