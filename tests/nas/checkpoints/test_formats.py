"""A student in formats that other runtimes read makes the images that it makes here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import nas
from nas.checkpoints import Export, Settings, write_checkpoint
from nas.checkpoints.formats import FORMATS, agreement
from nas.errors import ConfigError, ExportError
from nas.reporting import SearchReport
from search_spaces import FAMILIES, Checkpoint, Generator, Graph, load_checkpoint
from tests.search_spaces.networks import lived_in
from tests.search_spaces.teachers import TEACHERS

NUMPY_ONLY = """
import sys
for module in ("torch", "nas", "search_spaces"):
    sys.modules[module] = None
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
with numpy.load(sys.argv[2]) as given:
    (images,) = session.run(None, dict(given))
numpy.save(sys.argv[3], images)
"""

TORCH_ONLY = """
import sys
for module in ("nas", "search_spaces"):
    sys.modules[module] = None
import numpy, torch
program = torch.export.load(sys.argv[1]).module()
with numpy.load(sys.argv[2]) as given:
    inputs = [torch.from_numpy(given[name]) for name in given]
numpy.save(sys.argv[3], program(*inputs).numpy())
"""


def checkpoint(name: str) -> Checkpoint:
    generator = lived_in(FAMILIES[name].build(TEACHERS[name]))
    assert isinstance(generator, Generator)
    return Checkpoint(name, generator, metadata={"name": f"a {name}"})


def elsewhere(script: str, file: Path, graph: Graph, inputs: tuple[Tensor, ...]) -> Tensor:
    """The images that `script` makes of `file` in a process of its own."""
    given, images = file.with_suffix(".npz"), file.with_suffix(".npy")
    np.savez(given, **{name: x.numpy() for name, x in zip(graph.input_names, inputs, strict=True)})
    subprocess.run([sys.executable, "-c", script, file, given, images], check=True, timeout=120)
    return torch.from_numpy(np.load(images))


@pytest.mark.parametrize("name", sorted(TEACHERS))
@torch.no_grad()
def test_another_process_repeats_the_images_of_every_family(name: str, tmp_path: Path) -> None:
    student = checkpoint(name)
    export = Export.of(tmp_path / "out", ["onnx", "pt2"], name)
    onnx, program = write_checkpoint(student, export)
    assert [onnx.path, program.path] == [tmp_path / "out" / f"{name}.onnx", tmp_path / "out" / f"{name}.pt2"]
    graph = student.generator.graph()
    inputs = graph.example_inputs(3, seed=7)  # of a batch size that was not tried
    for script, written in ((NUMPY_ONLY, onnx), (TORCH_ONLY, program)):
        assert written.difference is not None
        assert written.difference < 1e-4
        torch.testing.assert_close(
            elsewhere(script, written.path, graph, inputs), graph(*inputs), rtol=0, atol=1e-4
        )


@pytest.mark.parametrize("start", ["w", "w+"])
@torch.no_grad()
def test_a_batch_may_be_fixed_and_styles_be_the_start(start: str, tmp_path: Path) -> None:
    student = checkpoint("stylegan2")
    export = Export.of(tmp_path / "student.onnx", [], "")
    (written,) = write_checkpoint(student, export, Settings(start, batch=2))
    graph = student.generator.graph(start)
    assert graph.input_names == (start.replace("+", "_plus"), "psi")
    inputs = graph.example_inputs(2, seed=3)
    made = elsewhere(NUMPY_ONLY, written.path, graph, inputs)
    torch.testing.assert_close(made, graph(*inputs), rtol=0, atol=1e-4)


def test_a_model_says_where_it_comes_from(finished: SearchReport, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    noted = nas.export(finished, tmp_path / "student.onnx")
    model = onnx.load(tmp_path / "student.onnx")
    assert {each.key: each.value for each in model.metadata_props} == noted
    assert {node.domain for node in model.graph.node} == {""}  # operators of the standard only
    (images,) = model.graph.output
    assert images.name == "images"
    assert images.type.tensor_type.shape.dim[0].dim_param == "batch"


def test_a_package_that_is_missing_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    export = Export.of(tmp_path / "out", ["safetensors", "onnx"], "a")
    with pytest.raises(ConfigError, match="--format onnx: onnxruntime is missing: pip install onnx"):
        write_checkpoint(checkpoint("dcgan"), export)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "says"),
    [(float("nan"), "not finite numbers"), (-3.0, "are black: choose another"), (0.5, "of one colour")],
)
def test_a_network_that_makes_no_pictures_is_refused(value: float, says: str, tmp_path: Path) -> None:
    student = checkpoint("dcgan")
    student.generator.deterministic = lambda z: torch.full((len(z), 1, 16, 16), value)  # type: ignore[method-assign]
    with pytest.raises(ExportError, match=says):
        write_checkpoint(student, Export.of(tmp_path / "student.onnx", [], ""))
    assert list(tmp_path.iterdir()) == []


def test_images_that_differ_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = checkpoint("dcgan").generator.graph()
    off = agreement.largest_difference(graph, graph, None, "here")
    assert off == 0
    for wrong, says in (
        (lambda z: graph(z) + 2e-4, r"there makes other images than PyTorch: pixels differ by up to 0\.0002"),
        (lambda z: graph(z) * float("nan"), "there makes other images"),
        (lambda z: graph(z)[:1], r"there makes \(1, 1, 32, 32\) of 2 inputs, PyTorch \(2, "),
    ):
        with pytest.raises(ExportError, match=says):
            agreement.largest_difference(wrong, graph, None, "there")


def test_a_checkpoint_keeps_its_discriminator_as_safetensors(teacher_file: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(teacher_file)
    write_checkpoint(loaded, Export.of(tmp_path / "copy.safetensors", [], ""))
    assert load_checkpoint(tmp_path / "copy.safetensors").discriminator is not None
    assert FORMATS.keys() >= {"safetensors", "onnx", "pt2"}
