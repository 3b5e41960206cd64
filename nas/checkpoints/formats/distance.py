"""The distance of a network before and after its precision is lowered, as its study measured it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from nas.checkpoints.formats.agreement import Run
from nas.checkpoints.formats.settings import Distances
from search_spaces import Checkpoint, Generator, Graph, Inputs, UserError, one_line

if TYPE_CHECKING:
    from distill.evaluation import Fidelity
    from distill.tasks import Task


@dataclass(frozen=True)
class Judge:
    """What measures a network as its study did."""

    fidelity: Fidelity
    task: Task
    name: str  # of the distance
    compared_with: str
    samples: int
    seed: int

    def compare(self, graph: Graph, run: Run, batch: int | None) -> Distances:
        """The distances of `graph`, in PyTorch, and of `run`, which makes `batch` images at a time."""
        before, after = (
            self._distance(_Runtime(made, graph, size)) for made, size in ((graph, None), (run, batch))
        )
        return Distances(self.name, before, after, self.samples, self.compared_with)

    def _distance(self, network: nn.Module) -> float:
        found = self.fidelity.measure(cast(Generator, network), ["fid"], self.samples, self.seed)
        return found["fid"].values["fid"]

    def inputs(self, count: int, batch: int) -> Iterator[Inputs]:
        """`count` inputs, `batch` at a time, of the first evaluation set, others than are measured with."""
        first, *_ = self.task.eval_sets()
        return iter(first.inputs(count, self.seed + 1, batch))


def judge_of(checkpoint: Checkpoint, samples: int | None) -> tuple[Judge | None, str]:
    """The judge, or why there is none, in words; `samples` are the noted number of images by default."""
    if samples == 0:
        return None, ""
    try:
        from nas.checkpoints.evaluation import noted_judge

        judge = noted_judge(checkpoint)
    except ModuleNotFoundError as error:
        return None, f"{error.name} is missing"
    except UserError as error:
        return None, one_line(error, 300)
    fidelity, task, name, compared_with, noted, seed = judge
    return Judge(fidelity, task, name, compared_with, samples or noted, seed), ""


class _Runtime(nn.Module):
    """Another runtime in the place of a generator, for its inputs."""

    def __init__(self, run: Run, graph: Graph, batch: int | None) -> None:
        super().__init__()
        self._run, self._graph, self._batch = [run], [graph], batch  # lists: no parts of this module

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Tensor:
        (run,), (graph,), count = self._run, self._graph, len(inputs[0])
        if self._batch is None:
            return run(*graph.inputs_of(*inputs))
        short = -count % self._batch  # images that fill up the last batch
        padded = [torch.cat([x, x[:1].expand(short, *x.shape[1:])]) for x in inputs]
        parts = zip(*(torch.split(x, self._batch) for x in padded), strict=True)
        return torch.cat([run(*graph.inputs_of(*part)) for part in parts])[:count]
