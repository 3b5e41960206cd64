"""What general pruning tools do with this project's generators: refused, nothing pruned, or pruned.

    pip install -c constraints.txt '.[search,hub]'
    pip install -c constraints.txt nvidia-modelopt==0.47.0 torchprofile==0.0.4 torch-pruning==1.6.1
    python -m benchmarks.alternatives
    python -m benchmarks.alternatives --tools torch-pruning --generators dcgan --json

Each tool is asked for half of the MACs by its documented interface, on a copy of each generator:

* FastNAS of NVIDIA ModelOpt (`modelopt.torch.prune.prune`): constraint `flops` 50 %, score the negative L1
  distance to the original's images for 16 latents, and a forward loop over the same latents. It counts FLOPs
  by torchprofile, whose release 0.1 it can't use;
* Torch-Pruning (`BasePruner`, `GroupMagnitudeImportance`): it has ratios of channels and no budget; its
  README names 0.3 for about half; the last layer keeps its channels.

Generators: the built-in teacher of digits (StyleGAN2), and the 32 px teachers of DCGAN and BigGAN with random
weights. MACs are fvcore's at batch 1. "Runs": four images have the original's shape and are finite. The last
two columns say whether a pruned generator makes the same images after it was saved and loaded: the tool's
documented way, and a state dict that this project's reader gets without a word about the architecture. Tools
that are not installed are named with how to install them.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

DIGITS = Path(__file__).parents[1] / "distill" / "digits" / "teacher.safetensors"
LATENTS = 16  # that FastNAS compares images of
RATIO = 0.3  # of channels; Torch-Pruning's README: about half of the parameters
SEED = 0


@dataclass(frozen=True)
class Tool:
    """A pruning tool: what it is, and its documented way to half of the MACs."""

    name: str
    distribution: str  # on PyPI
    install: str
    prune: Callable[[Any], Any]  # of a generator that it may change: the pruned one
    reload: Callable[[Any, Any, Path], Any]  # pruned, a fresh original, a file: the pruned one from the file


@dataclass(frozen=True)
class Result:
    """What a tool did with a generator."""

    generator: str
    tool: str
    version: str = ""
    outcome: str = ""  # refused, nothing pruned, pruned, not installed
    reason: str = ""  # of a refusal: the error's first line; where it is not installed: how to install it
    macs: int = 0
    macs_after: int = 0
    params: int = 0
    params_after: int = 0
    runs: bool = False
    reloads: bool = False  # as the tool documents
    reads: bool = False  # this project's reader, its state dict


def fastnas(generator: Any) -> Any:
    """The generator with at most half of the FLOPs by FastNAS."""
    import torch
    from modelopt.torch.prune import prune

    inputs = generator.example_inputs(LATENTS, SEED)
    with torch.no_grad():
        wanted = generator.deterministic(*inputs)

    @torch.no_grad()
    def score(candidate: Any) -> float:
        return -float((candidate.deterministic(*inputs) - wanted).abs().mean())

    @torch.no_grad()
    def forward_loop(candidate: Any) -> None:
        candidate(*inputs)

    config = {"score_func": score, "forward_loop": forward_loop, "verbose": False}
    pruned, _ = prune(generator, "fastnas", {"flops": "50%"}, generator.example_inputs(1), config)
    return pruned


def torch_pruning(generator: Any) -> Any:
    """The generator with 30 % fewer channels by Torch-Pruning."""
    import torch_pruning as tp
    from torch import nn

    layers = [each for each in generator.modules() if isinstance(each, nn.modules.conv._ConvNd | nn.Linear)]
    pruner = tp.pruner.BasePruner(
        generator,
        generator.example_inputs(1),
        importance=tp.importance.GroupMagnitudeImportance(),
        pruning_ratio=RATIO,
        ignored_layers=layers[-1:],
    )
    pruner.step()
    return generator


def restore(pruned: Any, fresh: Any, file: Path) -> Any:
    """ModelOpt's way: its changes are made again to a generator that this project has built."""
    from modelopt.torch import opt

    opt.save(pruned, file)
    return opt.restore(fresh, file)


def unpickle(pruned: Any, fresh: Any, file: Path) -> Any:
    """Torch-Pruning's way: the whole module as a pickle, which names this project's classes."""
    import torch

    pruned.zero_grad()
    torch.save(pruned, file)
    return torch.load(file, weights_only=False)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "fastnas",
            "nvidia-modelopt",
            "pip install nvidia-modelopt==0.47.0 torchprofile==0.0.4",
            fastnas,
            restore,
        ),
        Tool(
            "torch-pruning",
            "torch-pruning",
            "pip install torch-pruning==1.6.1",
            torch_pruning,
            unpickle,
        ),
    )
}


def stylegan2() -> Any:
    """The built-in teacher of digits: 16 px, trained."""
    from search_spaces import load_checkpoint

    return load_checkpoint(DIGITS).generator


def random_teacher(family: str, classes: int = 0) -> Any:
    """The family's teacher for 32 px with random weights."""
    import torch

    from search_spaces import get_family

    torch.manual_seed(SEED)
    found = get_family(family)
    return found.build(found.teacher(found.options(), 32, 3, classes))


GENERATORS: dict[str, Callable[[], Any]] = {
    "stylegan2": stylegan2,
    "dcgan": lambda: random_teacher("dcgan"),
    "biggan": lambda: random_teacher("biggan", classes=10),
}


def try_tool(tool: Tool, name: str, generator: Any) -> Result:
    """What `tool` does with a copy of `generator`; whatever it prints goes to stderr."""
    from nas.budget import measure

    try:
        installed = version(tool.distribution)
    except PackageNotFoundError:
        return Result(name, tool.name, outcome="not installed", reason=tool.install)
    generator.eval()
    cost = measure(generator)
    known = Result(name, tool.name, installed, macs=cost.macs, params=cost.params)
    try:
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pruned = tool.prune(copy.deepcopy(generator)).eval()
    except Exception as error:  # what it refuses by is the tool's own
        reason = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0].rstrip()
        return Result(**(asdict(known) | {"outcome": "refused", "reason": reason}))
    after = measure(pruned)
    changed = (after.macs, after.params) != (cost.macs, cost.params)
    found: dict[str, Any] = {"outcome": "pruned" if changed else "nothing pruned"}
    found |= {"macs_after": after.macs, "params_after": after.params, "runs": runs(pruned, generator)}
    if not changed:
        return Result(**(asdict(known) | found))
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        file = Path(folder) / "pruned.pt"
        found["reloads"] = same(pruned, lambda: tool.reload(pruned, copy.deepcopy(generator), file))
        found["reads"] = same(pruned, lambda: read(pruned, file))
    return Result(**(asdict(known) | found))


def runs(pruned: Any, original: Any) -> bool:
    """Whether four images of `pruned` are finite and of the original's shape."""
    import torch

    with torch.no_grad():
        try:
            images = images_of(pruned)
        except (RuntimeError, ValueError, TypeError, IndexError):
            return False
        return bool(images.shape == images_of(original).shape and torch.isfinite(images).all())


def images_of(generator: Any) -> Any:
    """Four images of fixed latents, without noise."""
    return generator.eval().deterministic(*generator.example_inputs(4, SEED))


def same(pruned: Any, load: Callable[[], Any]) -> bool:
    """Whether the generator that `load` returns makes the images of `pruned`."""
    import torch

    with torch.no_grad():
        try:
            return torch.allclose(images_of(load()), images_of(pruned), atol=1e-5)
        except Exception as error:  # tools' errors are of many classes
            print(f"can't be loaded: {error}", file=sys.stderr)
            return False


def read(pruned: Any, file: Path) -> Any:
    """What this project's reader makes of a state dict of `pruned`."""
    import torch

    from search_spaces import load_checkpoint

    torch.save(pruned.state_dict(), file)
    return load_checkpoint(file).generator


def table(results: list[Result]) -> str:
    """The results in the form of docs/why-not.md."""
    lines = [
        "| generator | tool | outcome | MACs | parameters | runs | loads, tool's way | loads, this project |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        row = [r.generator, f"{r.tool} {r.version}".rstrip(), r.outcome]
        if r.reason:
            row = [*row[:2], f"{r.outcome}: {r.reason}", "", "", "", "", ""]
        else:
            row.append(f"{r.macs / 1e6:,.1f} M → {r.macs_after / 1e6:,.1f} M")
            row.append(f"{r.params / 1e3:,.0f} k → {r.params_after / 1e3:,.0f} k")
            says = ["yes" if each else "no" for each in (r.runs, r.reloads, r.reads)]
            row += says if r.outcome == "pruned" else [says[0], "", ""]
        lines.append("|" + "|".join(f" {cell} " if cell else " " for cell in row) + "|")
    return "\n".join(lines)


def main() -> None:
    """Try every tool on every generator, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--generators", default=",".join(GENERATORS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = {"--tools": options.tools.split(","), "--generators": options.generators.split(",")}
    for flag, known in (("--tools", TOOLS), ("--generators", GENERATORS)):
        for name in chosen[flag]:
            if name not in known:
                parser.error(f"{flag} {name}: choose from {', '.join(known)}")
    results = [
        try_tool(TOOLS[tool], name, GENERATORS[name]())
        for name in chosen["--generators"]
        for tool in chosen["--tools"]
    ]
    if options.json:
        print(json.dumps([asdict(result) for result in results]))
        return
    print(table(results))


if __name__ == "__main__":
    main()
