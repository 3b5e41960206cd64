"""Images out of a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from nas.checkpoints import check_output, draw, sampling, write
from nas.errors import ConfigError
from search_spaces import Checkpoint, CheckpointError, Generator, InputSpec, load_checkpoint


def test_the_same_seed_draws_the_same_images(teacher_file: Path) -> None:
    images = draw(teacher_file, count=70, seed=3)
    assert images.shape == (70, 1, 16, 16)
    assert images.dtype == torch.float32
    assert torch.equal(draw(teacher_file, count=70, seed=3), images)
    assert not torch.equal(draw(teacher_file, count=70, seed=4), images)


def test_given_latents_give_the_generators_images_for_them(teacher_file: Path, tmp_path: Path) -> None:
    generator = load_checkpoint(teacher_file).generator
    (z,) = generator.example_inputs(5, 1)
    np.save(tmp_path / "z.npy", z.numpy().astype(np.float64))
    images = draw(teacher_file, latents=tmp_path / "z.npy", noise="none")
    assert torch.equal(images, generator(z, noise="none"))


def test_truncation_takes_variety_away(teacher_file: Path) -> None:
    flat = draw(teacher_file, count=8, psi=0.0, noise="none")
    assert torch.allclose(flat, flat[:1].expand_as(flat), atol=1e-5)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (np.zeros((4, 9)), r"has shape \(4, 9\): give a \.npy array of shape \(N, 8\)"),
        (np.zeros(8), r"has shape \(8,\)"),
        (np.zeros((0, 8)), r"has shape \(0, 8\)"),
        (np.array(["a"]), "holds values of type <U1, not numbers: give a .npy array"),
        (np.zeros((2, 8), complex), "holds values of type complex128, not numbers: give a .npy array"),
        (np.array([{}]), "can't be read .Object arrays cannot be loaded"),
        (np.full((2, 8), np.nan), "not finite"),
        (np.full((2, 8), 1e300), "not finite"),
        (b"text", r"is a file that begins with b'text', not a .npy: give a .npy array of shape \(N, 8\)"),
        (b"", "is empty, not a .npy: give a .npy array"),
        (b"\x93NUMPY", "can't be read"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8',", "can't be read"),
        (None, "can't be read .No such file"),
    ],
)
def test_latents_that_do_not_fit_are_named(
    teacher_file: Path, tmp_path: Path, content: np.ndarray | bytes | None, says: str
) -> None:
    path = tmp_path / "z.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(ConfigError, match=f"z.npy .*{says}|z.npy {says}"):
        draw(teacher_file, latents=path)


def test_an_archive_of_arrays_is_no_latents(teacher_file: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "z.npz", z=np.zeros((2, 8)))
    with pytest.raises(
        ConfigError, match=r"is a \.npz or another zip archive, not a \.npy: give a \.npy array"
    ):
        draw(teacher_file, latents=tmp_path / "z.npz")


def test_latents_that_claim_to_be_larger_than_any_memory_are_refused(
    teacher_file: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "z.npy", np.zeros((2, 8)))
    whole = (tmp_path / "z.npy").read_bytes()
    claim = b"'shape': (9" + 14 * b"0" + b", 8), }"
    start = whole.index(b"'shape'")
    (tmp_path / "z.npy").write_bytes(whole[:start] + claim + whole[start + len(claim) :])
    with pytest.raises(ConfigError, match=r"can't be read .*give a \.npy array"):
        draw(teacher_file, latents=tmp_path / "z.npy")


def test_latents_of_any_kind_of_numbers_will_do(teacher_file: Path, tmp_path: Path) -> None:
    for kind in (">f4", "<f2", np.int16, np.uint64):
        np.save(tmp_path / "z.npy", np.ones((2, 8), kind))
        images = draw(teacher_file, latents=tmp_path / "z.npy", noise="none")
        np.save(tmp_path / "z.npy", np.ones((2, 8)))
        assert torch.equal(images, draw(teacher_file, latents=tmp_path / "z.npy", noise="none"))


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "photo.safetensors").write_text("no")
    with pytest.raises(CheckpointError, match=r"photo\.safetensors"):
        draw(tmp_path / "photo.safetensors")


def test_a_grid_and_raw_values_are_written(teacher_file: Path, tmp_path: Path) -> None:
    images = draw(teacher_file, count=10)
    write(images, tmp_path / "grid.png", 4)
    write(images, tmp_path / "raw.npy", 4)
    with Image.open(tmp_path / "grid.png") as grid:
        width, height = grid.size
    assert width >= 4 * 16
    assert height >= 3 * 16
    assert np.array_equal(np.load(tmp_path / "raw.npy"), images.numpy())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grid.png", "raw.npy"]


@pytest.mark.parametrize(
    ("name", "says"), [("grid.gif", "ends in .png or .npy"), ("file/grid.png", "can't be written")]
)
def test_another_suffix_or_a_place_that_is_not_there_is_refused(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "file").touch()
    for attempt in (check_output, lambda path: write(torch.zeros(1, 1, 16, 16), path, 4)):
        with pytest.raises(ConfigError, match=f"-o .*{name}.*{says}"):
            attempt(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


CONDITIONAL = Path(__file__).parents[2] / "data" / "reference" / "nvidia_32_conditional.pkl"


def test_classes_are_taken_in_turn_or_read_from_a_file(tmp_path: Path) -> None:
    known = np.load(CONDITIONAL.with_suffix(".npz"))
    np.save(tmp_path / "z.npy", known["z"])
    np.save(tmp_path / "labels.npy", known["c"])
    np.save(tmp_path / "numbers.npy", known["c"].argmax(axis=1))
    in_turn = ",".join(str(number) for number in known["c"].argmax(axis=1))
    for classes in (str(tmp_path / "labels.npy"), str(tmp_path / "numbers.npy"), in_turn):
        images = draw(CONDITIONAL, latents=tmp_path / "z.npy", classes=classes, noise="const", psi=0.5)
        assert np.abs(images.numpy() - known["image_psi05"]).max() < 1e-4 * np.abs(known["image_psi05"]).max()
    assert draw(CONDITIONAL, count=3).shape == (3, 3, 32, 32)


def test_options_that_a_generator_has_not_are_refused_by_name() -> None:
    generator = CONDITIONAL.with_name("biggan_32_G_ema.pth")
    images = draw(generator, count=3, classes="0,1", psi=1.0, noise="random")
    assert images.shape == (3, 3, 32, 32)
    truncated, noisy = (
        "no styles, so there is nothing to truncate; leave --psi",
        "no noise inputs; leave --noise",
    )
    for option, says in (({"psi": 0.5}, truncated), ({"noise": "const"}, noisy)):
        with pytest.raises(ConfigError, match=f"is of the family biggan, which has {says} out"):
            draw(generator, count=2, **option)


@pytest.mark.parametrize("classes", ["10", "-1", "a", "1,,2", "1.5", "none.npy"])
def test_classes_that_do_not_exist_are_refused(classes: str) -> None:
    with pytest.raises(ConfigError, match=f"--classes {classes}"):
        draw(CONDITIONAL, count=2, classes=classes)


@pytest.mark.parametrize("labels", [[1.5, 2.0], [np.nan, 1.0], [-1.0, 2.0], [], [[1, 0], [0, 1]]])
def test_labels_that_are_no_classes_are_refused(labels: list[object], tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.array(labels, dtype=np.float64))
    with pytest.raises(ConfigError, match=r"--classes .*labels\.npy.*: give "):
        draw(CONDITIONAL, count=2, classes=str(tmp_path / "labels.npy"))


def test_an_unconditional_generator_has_no_classes(teacher_file: Path) -> None:
    with pytest.raises(ConfigError, match="is not conditional"):
        draw(teacher_file, count=2, classes="1")


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    write(torch.zeros(2, 1, 16, 16), tmp_path / "GRID.PNG", columns=2)
    assert Image.open(tmp_path / "GRID.PNG").size[0] > 0


def test_a_grid_is_no_wider_than_its_images(tmp_path: Path) -> None:
    images = torch.zeros(2, 1, 16, 16)
    write(images, tmp_path / "wide.png", columns=1_000_000)
    write(images, tmp_path / "fitting.png", columns=2)
    assert (tmp_path / "wide.png").read_bytes() == (tmp_path / "fitting.png").read_bytes()


class LabelFirst(Generator):
    """Shows its inputs: a label, then a latent."""

    input_specs = (InputSpec("label", (3,), "onehot"), InputSpec("latent", (2,), "normal"))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return 1, 1, 5

    def forward(self, label: Tensor, z: Tensor) -> Tensor:
        return torch.cat([label, z], dim=1).view(-1, 1, 1, 5)


def test_latents_and_classes_reach_the_inputs_of_their_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint("any", LabelFirst(), None, {})
    monkeypatch.setattr(sampling, "load_checkpoint", lambda path: checkpoint)
    np.save(tmp_path / "z.npy", np.array([[5.0, 6.0], [7.0, 8.0]]))
    images = draw(tmp_path / "any.safetensors", latents=tmp_path / "z.npy", classes="2,0")
    assert images.view(2, 5).tolist() == [[0, 0, 1, 5, 6], [1, 0, 0, 7, 8]]
