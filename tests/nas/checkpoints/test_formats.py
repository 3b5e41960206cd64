"""A student in formats that other runtimes read makes the images that it makes here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor

import nas
from nas.checkpoints import Export, Settings, export_student, write_checkpoint
from nas.checkpoints.formats import FORMATS, agreement
from nas.errors import ConfigError, ExportError
from nas.reporting import SearchReport
from search_spaces import (
    FAMILIES,
    ArchitectureError,
    Checkpoint,
    CheckpointError,
    Generator,
    Graph,
    load_checkpoint,
    stylegan2,
)
from tests.search_spaces.networks import lived_in
from tests.search_spaces.teachers import TEACHERS

HOSTILE = "<img src=x onerror=1> | [name](http://x) `code`"

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


@pytest.mark.parametrize("name", ["biggan", "resnet-translator", "stylegan2"])
@torch.no_grad()
def test_the_hubs_layout_is_read_back_to_the_bit(name: str, tmp_path: Path) -> None:
    noted = {"name": f"a {HOSTILE}", "fid": "3.5", "fid_extractor": "digits", "fid_samples": HOSTILE}
    student = Checkpoint(name, checkpoint(name).generator, metadata=noted | {"images": "many"})
    folder = tmp_path / "student"
    folder.mkdir()
    (folder / "mine.txt").touch()
    (folder / "samples.png").touch()
    with pytest.raises(ExportError, match="exists: choose another -o"):
        write_checkpoint(student, Export.of(folder, "hub", ""))
    write_checkpoint(student, Export.of(folder, "hub", "", force=True))
    drawn = name != "resnet-translator"
    assert {each.name for each in folder.iterdir()} == {
        *("mine.txt", "config.json", "model.safetensors", "README.md"),
        *(["samples.png"] if drawn else []),
    }
    loaded = nas.HubStudent.from_pretrained(folder)
    assert loaded.metadata == student.metadata
    assert not loaded.training
    inputs = student.generator.example_inputs(2, seed=1)
    assert torch.equal(loaded.generator.deterministic(*inputs), student.generator.deterministic(*inputs))
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    known = yaml.safe_load(front)
    assert known["pipeline_tag"] == ("unconditional-image-generation" if drawn else "image-to-image")
    assert (known["library_name"], known["license"]) == ("nas-students", "other")
    assert "| FD (digits) | 3.50 |" in text
    assert "<" not in text.replace(r"\<", "")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(example, "card", "exec")
    loaded.save_pretrained(tmp_path / "again")  # what is pushed to the hub
    assert (
        (tmp_path / "again" / "README.md")
        .read_text()
        .split("## Cost")[0]
        .strip()
        .endswith(text.split("## Cost")[0].strip()[-80:])
    )


def test_a_damaged_hub_folder_is_refused(tmp_path: Path) -> None:
    write_checkpoint(checkpoint("dcgan"), Export.of(tmp_path, "hub", "", force=True))
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop(next(iter(weights)))
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"does not hold the network of its config\.json"):
        nas.HubStudent.from_pretrained(tmp_path)
    for config in ("{}", '{"family": "stylegan2", "architecture": {"blocks": 3}}'):
        (tmp_path / "config.json").write_text(config)
        with pytest.raises(CheckpointError, match=r"config\.json describes no network"):
            nas.HubStudent.from_pretrained(tmp_path)


def test_what_would_be_ignored_or_can_not_be_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    student, wide = checkpoint("dcgan"), Export.of(tmp_path / "out", ["safetensors", "onnx"], "a")
    with pytest.raises(ArchitectureError, match="starts from its inputs"):
        write_checkpoint(student, wide, Settings("w"))
    with pytest.raises(ExportError, match="--batch is for onnx, pt2, litert, coreml, and none is written"):
        write_checkpoint(student, Export.of(tmp_path / "a.safetensors", [], ""), Settings(batch=2))
    with pytest.raises(ExportError, match="--batch 0: give a number of at least 1"):
        Settings(batch=0)
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_missing_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for format_, package in (
        ("onnx", "onnxruntime"),
        ("litert", "litert_torch"),
        ("coreml", "coremltools"),
        ("hub", "huggingface_hub"),
        ("hub", "fvcore"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        export = Export.of(tmp_path / "out", ["safetensors", format_], "a")
        with pytest.raises(ConfigError, match=f"--format {format_}: {package} is missing: pip install "):
            write_checkpoint(checkpoint("dcgan"), export)
        monkeypatch.delitem(sys.modules, package)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "says"),
    [(float("nan"), "not finite numbers"), (-3.0, "are black: choose another"), (0.5, "of one colour")],
)
def test_a_network_that_makes_no_pictures_is_refused(
    value: float, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = checkpoint("dcgan")
    monkeypatch.setattr(student.generator, "deterministic", lambda z: torch.full((len(z), 1, 16, 16), value))
    with pytest.raises(ExportError, match=says):
        write_checkpoint(student, Export.of(tmp_path / "student.onnx", [], ""))
    colours = torch.tensor([-1.0, 1.0, value]).reshape(1, 3, 1, 1)
    monkeypatch.setattr(student.generator, "deterministic", lambda z: colours.expand(len(z), 3, 16, 16))
    with pytest.raises(ExportError, match="not finite" if value != value else "of one colour"):
        write_checkpoint(student, Export.of(tmp_path / "student.onnx", [], ""))
    assert list(tmp_path.iterdir()) == []


def test_images_that_differ_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = checkpoint("dcgan").generator.graph()
    off = agreement.compare(graph, graph, None, "here")
    assert (off.largest, off.mean) == (0, 0)
    for wrong, says in (
        (
            lambda z: graph(z) + 2e-4,
            r"there makes other images than PyTorch: pixels differ by 0\.0002 at most",
        ),
        (lambda z: graph(z) * float("nan"), "there makes other images"),
        (lambda z: graph(z)[:1], r"there makes \(1, 1, 32, 32\) of 2 inputs, PyTorch \(2, "),
    ):
        with pytest.raises(ExportError, match=says):
            agreement.compare(wrong, graph, None, "there")


def test_a_checkpoint_keeps_its_discriminator_as_safetensors(teacher_file: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(teacher_file)
    write_checkpoint(loaded, Export.of(tmp_path / "copy.safetensors", [], ""))
    assert load_checkpoint(tmp_path / "copy.safetensors").discriminator is not None
    assert FORMATS.keys() == {
        *("safetensors", "onnx", "pt2", "litert", "coreml", "hub", "rosinality", "nvidia"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TEACHERS))
@torch.no_grad()
def test_lower_precisions_are_checked_and_take_less_room(name: str, tmp_path: Path) -> None:
    student, most = checkpoint(name), {"fp16": (5e-2, 5e-3), "int8": (2.0, 1e-1)}
    sizes = {}
    for precision in ("fp32", "fp16", "int8"):
        export = Export.of(tmp_path / f"{precision}.onnx", [], "")
        (written,) = write_checkpoint(student, export, Settings(precision=precision))
        sizes[precision] = written.bytes
        if precision != "fp32":
            assert written.difference is not None
            assert written.mean_difference is not None
            assert 0 < written.mean_difference < written.difference <= most[precision][0]
            assert written.mean_difference <= most[precision][1]
            assert written.distances is None  # this checkpoint notes no images
            assert "does not note what images it belongs to" in written.note
    assert sizes["fp16"] < sizes["fp32"]
    graph = student.generator.graph()
    inputs = graph.example_inputs(3, seed=7)
    made = elsewhere(NUMPY_ONLY, tmp_path / "fp16.onnx", graph, inputs)
    torch.testing.assert_close(made, graph(*inputs), rtol=0, atol=5e-2)


def test_the_distance_before_and_after_is_measured_as_the_study_did(
    finished: SearchReport, tmp_path: Path
) -> None:
    onnx = pytest.importorskip("onnx")
    assert finished.best is not None
    exported = export_student(
        finished,
        finished.best,
        Path(finished.folder),
        tmp_path / "student.onnx",
        settings=Settings(precision="fp16", batch=4),
    )
    (written,) = exported.files
    assert written.distances is not None
    assert (written.distances.name, written.distances.samples) == ("FD (digits)", 50)
    assert written.distances.after == pytest.approx(written.distances.before, rel=0.05)
    noted = {each.key: each.value for each in onnx.load(written.path).metadata_props}
    assert json.loads(noted["precision_distances"])["after"] == written.distances.after
    assert noted["precision"] == "fp16"


def test_of_several_formats_none_is_left_where_one_fails(tmp_path: Path) -> None:
    student = checkpoint("dcgan")
    with pytest.raises(ExportError, match="--format nvidia is for stylegan2, this is of the family dcgan"):
        write_checkpoint(student, Export.of(tmp_path / "deep" / "out", ["safetensors", "nvidia"], "a"))
    wrong = {"write": lambda *_: (_ for _ in ()).throw(ExportError("it fails late"))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FORMATS, "onnx", replace(FORMATS["onnx"], **wrong))
        with pytest.raises(ExportError, match="it fails late"):
            write_checkpoint(student, Export.of(tmp_path / "deep" / "out", ["safetensors", "onnx"], "a"))
    assert list(tmp_path.iterdir()) == []


@torch.no_grad()
def test_a_public_layout_is_written_by_name_only(tmp_path: Path) -> None:
    architecture = stylegan2.GeneratorArchitecture(
        (stylegan2.Block(16, convs=1), stylegan2.Block(16), stylegan2.Block(8)), latent_dim=8, style_dim=6
    )
    generator = lived_in(FAMILIES["stylegan2"].build(architecture))
    assert isinstance(generator, Generator)
    student = Checkpoint("stylegan2", generator)
    with pytest.raises(ExportError, match="its end says no format"):
        Export.of(tmp_path / "student.pth", [], "")
    (written,) = write_checkpoint(student, Export.of(tmp_path / "student.pth", "nvidia", ""))
    assert (written.difference, written.runtime) == (0, "read back")
    with pytest.raises(ExportError, match="--format rosinality can't hold this network: styles are 6 wide"):
        write_checkpoint(student, Export.of(tmp_path / "student.pt", "rosinality", ""))
    read = load_checkpoint(tmp_path / "student.pth").generator
    inputs = generator.example_inputs(2)
    torch.testing.assert_close(
        read.deterministic(*inputs), generator.deterministic(*inputs), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("name", sorted(set(TEACHERS) - {"resnet-translator"}))
def test_litert_repeats_the_images(name: str, tmp_path: Path) -> None:
    pytest.importorskip("litert_torch")
    (written,) = write_checkpoint(checkpoint(name), Export.of(tmp_path / "student.tflite", [], ""))
    assert written.difference is not None
    assert written.difference < 1e-4


@pytest.mark.parametrize("name", sorted(TEACHERS))
def test_core_ml_takes_every_family(name: str, tmp_path: Path) -> None:
    pytest.importorskip("coremltools")
    (written,) = write_checkpoint(checkpoint(name), Export.of(tmp_path / "student.mlpackage", [], ""))
    assert (tmp_path / "student.mlpackage" / "Manifest.json").is_file()
    assert written.bytes > 0
