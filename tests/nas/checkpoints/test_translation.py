"""Photos become pictures: in a folder, one by one, in grids, as raw values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from distill.data import to_float, to_uint8
from nas.checkpoints import translate
from search_spaces import UserError, load_checkpoint
from tests.translation_family import DOMAINS, FACES, TranslatorArchitecture, registered, teacher_file
from tests.translation_images import image_files, pattern

SIDE = 16
REFERENCE = Path(__file__).parents[2] / "data" / "reference"
CYCLEGAN, STARGAN = REFERENCE / "cyclegan_resnet6_instance_net_G.pth", REFERENCE / "stargan_64-G.ckpt"


@pytest.fixture(autouse=True)
def families() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture
def domains(tmp_path: Path) -> Path:
    """A translator of two domains."""
    return teacher_file(tmp_path / "domains.safetensors", DOMAINS, TranslatorArchitecture(4))


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A translator to two attributes, whose names its file notes."""
    noted = {"attributes": "red,blue"}
    return teacher_file(
        tmp_path / "faces.safetensors", FACES, TranslatorArchitecture(4, attributes=2), noted=noted
    )


@torch.no_grad()
def expected(checkpoint: Path, photo: Path, *attributes: list[float]) -> list[np.ndarray]:
    """The pictures (H, W, C) of an RGB photo of the right size."""
    pixels = torch.from_numpy(np.array(Image.open(photo).convert("RGB"))).permute(2, 0, 1)[None]
    network = load_checkpoint(checkpoint).generator
    calls = [(to_float(pixels), torch.tensor([each])) for each in attributes] or [(to_float(pixels),)]
    return [to_uint8(network(*call))[0].permute(1, 2, 0).numpy() for call in calls]


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened)


def test_a_folder_gives_a_folder_of_the_same_names(domains: Path, tmp_path: Path) -> None:
    photos = image_files(tmp_path / "photos", 3)
    (photos / "more").mkdir()
    pattern(9, (1, 2, 3)).save(photos / "more" / "9.webp", lossless=True)
    (photos / "notes.txt").write_text("no photo")
    done = translate(domains, str(photos), tmp_path / "out")
    assert (done.photos, done.pictures, done.side, done.domains, done.skipped) == (4, 4, SIDE, (), [])
    found = sorted(str(path.relative_to(done.output)) for path in done.output.rglob("*.png"))
    assert found == ["000.png", "001.png", "002.png", "more/9.png"]
    for name in ("001.png", "more/9.png"):
        (wanted,) = expected(domains, photos / name.replace("9.png", "9.webp"))
        assert np.abs(picture(done.output / name).astype(int) - wanted).max() <= 1


def test_a_photo_gives_a_picture_of_the_networks_size_prepared_as_data_is(
    domains: Path, tmp_path: Path
) -> None:
    wide = Image.new("RGB", (60, 32), "white")
    wide.paste(pattern(0, (200, 40, 40)).resize((32, 32), Image.Resampling.NEAREST), (14, 0))
    wide.save(tmp_path / "wide.png")
    square = pattern(0, (200, 40, 40)).resize((32, 32), Image.Resampling.NEAREST)
    square.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(tmp_path / "square.png")
    translate(domains, str(tmp_path / "wide.png"), tmp_path / "out.png")
    (wanted,) = expected(domains, tmp_path / "square.png")
    assert np.abs(picture(tmp_path / "out.png").astype(int) - wanted).max() <= 1, "centred, Lanczos"


@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_of_two_images_side_by_side_a_network_of_pairs_takes_its_own(direction: str, tmp_path: Path) -> None:
    halves = [pattern(i, (200, 40 + 100 * i, 40)) for i in range(2)]
    pair = Image.new("RGB", (2 * SIDE, SIDE))
    for i, each in enumerate(halves):
        pair.paste(each, (i * SIDE, 0))
        each.save(tmp_path / f"{i}.png")
    pair.save(tmp_path / "pair.png")
    noted = {"task": "paired", "direction": direction}
    network = tmp_path / "pairs.safetensors"
    teacher_file(network, DOMAINS, TranslatorArchitecture(4), "paired", noted)
    translate(network, str(tmp_path / "pair.png"), tmp_path / "out.png")
    (wanted,) = expected(network, tmp_path / f"{int(direction == 'B2A')}.png")
    assert np.abs(picture(tmp_path / "out.png").astype(int) - wanted).max() <= 1
    translate(network, str(tmp_path / "0.png"), tmp_path / "one.png")
    (wanted,) = expected(network, tmp_path / "0.png")
    assert np.abs(picture(tmp_path / "one.png").astype(int) - wanted).max() <= 1, "a photo by itself"


def test_a_grey_photo_is_converted_for_a_network_of_colours(domains: Path, tmp_path: Path) -> None:
    pattern(0, (90, 90, 90)).convert("L").save(tmp_path / "grey.jpeg", quality=95)
    translate(domains, str(tmp_path / "grey.jpeg"), tmp_path / "out.png")
    (wanted,) = expected(domains, tmp_path / "grey.jpeg")
    assert np.abs(picture(tmp_path / "out.png").astype(int) - wanted).max() <= 1


def test_each_domain_has_a_folder_of_its_own(faces: Path, tmp_path: Path) -> None:
    photos = image_files(tmp_path / "photos", 2)
    done = translate(faces, str(photos), tmp_path / "all")
    assert (done.photos, done.pictures, done.domains) == (2, 4, ("red", "blue"))
    wanted = expected(faces, photos / "001.png", [1, 0], [0, 1], [1, 1])
    for domain, image in zip(("red", "blue"), wanted, strict=False):
        assert np.abs(picture(tmp_path / "all" / domain / "001.png").astype(int) - image).max() <= 1
    one = translate(faces, str(photos), tmp_path / "one", attributes=["red+blue"])
    assert one.domains == ("red+blue",)
    assert np.abs(picture(tmp_path / "one" / "001.png").astype(int) - wanted[2]).max() <= 1
    translate(faces, str(photos), tmp_path / "without", attributes=["none"])
    (without,) = expected(faces, photos / "001.png", [0, 0])
    assert np.abs(picture(tmp_path / "without" / "001.png").astype(int) - without).max() <= 1


@pytest.mark.parametrize("names", ["..,blue", "a/b,a-b"])
def test_attributes_that_are_no_names_of_folders_are_refused(names: str, tmp_path: Path) -> None:
    shape = TranslatorArchitecture(4, attributes=2)
    faces = teacher_file(tmp_path / "faces.safetensors", FACES, shape, noted={"attributes": names})
    photos = image_files(tmp_path / "photos", 1)
    with pytest.raises(UserError, match=r"can't be names of folders .*: give one of them by --attributes"):
        translate(faces, str(photos), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert translate(faces, str(photos), tmp_path / "grid.png").pictures == 1
    translate(faces, str(photos), tmp_path / "out", attributes=[names.split(",")[0]])
    assert (tmp_path / "out" / "000.png").is_file()


def test_target_attributes_may_come_as_an_array(faces: Path, tmp_path: Path) -> None:
    (photo,) = image_files(tmp_path / "photos", 1).iterdir()
    np.save(tmp_path / "labels.npy", np.array([[0.5, 1], [1, 1]]))
    done = translate(faces, str(photo), tmp_path / "y.npy", labels=tmp_path / "labels.npy")
    assert done.pictures == 2
    made = np.load(tmp_path / "y.npy")
    assert (made.shape, made.dtype) == ((2, 3, SIDE, SIDE), np.float32)
    wanted = expected(faces, photo, [0.5, 1], [1, 1])
    for image, known in zip(made, wanted, strict=True):
        assert (
            np.abs(to_uint8(torch.from_numpy(image)).permute(1, 2, 0).numpy().astype(int) - known).max() <= 1
        )


def test_several_photos_or_a_teacher_make_a_grid(domains: Path, faces: Path, tmp_path: Path) -> None:
    photos = image_files(tmp_path / "photos", 3)
    column, row = 64 + 2 * 4, 64 + 4
    translate(domains, str(photos), tmp_path / "grid.png")
    translate(domains, str(photos), tmp_path / "both.png", teacher=domains)
    translate(domains, str(photos / "000.png"), tmp_path / "one.png", teacher=domains)
    translate(faces, str(photos), tmp_path / "faces.png", teacher=faces)
    shapes = {name: picture(tmp_path / f"{name}.png").shape for name in ("grid", "both", "one", "faces")}
    assert [shape[1] for shape in shapes.values()] == [2 * column, 3 * column, 3 * column, 3 * column]
    for name, rows in (("grid", 3), ("both", 3), ("one", 1), ("faces", 6)):
        assert rows * row < shapes[name][0] < (rows + 3) * row, name
    both = picture(tmp_path / "both.png")
    assert np.array_equal(both[-row:, column : 2 * column], both[-row:, 2 * column :]), "teacher and student"


def test_public_files_translate_at_any_size(tmp_path: Path) -> None:
    photos = image_files(tmp_path / "photos", 2, side=40)
    done = translate(CYCLEGAN, str(photos), tmp_path / "cycle", resolution=36)
    assert (done.pictures, picture(tmp_path / "cycle" / "000.png").shape) == (2, (36, 36, 3))
    done = translate(STARGAN, str(photos), tmp_path / "star", resolution=24, attributes=["0", "2+4"])
    assert done.domains == ("0", "2+4")
    assert picture(tmp_path / "star" / "2+4" / "001.png").shape == (24, 24, 3)
    assert len(translate(STARGAN, str(photos), tmp_path / "every", resolution=24).domains) == 5


def test_photos_that_can_not_be_used_are_left_out_and_named(domains: Path, tmp_path: Path) -> None:
    photos = image_files(tmp_path / "photos", 2)
    (photos / "001.png").write_bytes(b"broken")
    done = translate(domains, str(photos), tmp_path / "out")
    assert (done.photos, done.pictures) == (1, 1)
    assert done.skipped == ["001.png: not an image"]


@pytest.mark.parametrize(
    ("photos", "output", "options", "says"),
    [
        ("nowhere.jpg", "out", {}, "--input .*nowhere.jpg does not exist: give an image"),
        ("broken.jpg", "out.png", {}, "broken.jpg can't be used .*not an image.: give an image"),
        ("empty", "out", {}, "--input .*empty holds no images"),
        ("twins", "out", {}, "1.jpg and 1.png would both become 1.png: rename one"),
        ("photos", "photos", {}, "is the folder of the photos: choose another"),
        ("photos/000.png", "photos/000.png", {}, "is the photo itself"),
        ("photos", "out.gif", {}, "-o .*out.gif: give a folder, or a file that ends in .png or .npy"),
        ("photos", "out", {"resolution": 18}, "images of 18 px: .* multiples of 4 px: give 20 px"),
        ("photos", "out", {"resolution": 20}, "resolution 20"),
        ("photos", "out", {"attributes": ["red"]}, "takes no attributes: leave it out"),
        ("photos", "out", {"teacher": CYCLEGAN}, "a grid is written: give a file that ends in .png"),
        ("photos", "out.png", {"teacher": STARGAN}, "--teacher .*stargan.* takes image .*, attributes 5"),
    ],
)
def test_what_can_not_be_translated_is_refused_in_one_line(
    domains: Path, tmp_path: Path, photos: str, output: str, options: dict[str, object], says: str
) -> None:
    image_files(tmp_path / "photos", 2)
    (tmp_path / "broken.jpg").write_bytes(b"no")
    (tmp_path / "empty").mkdir()
    image_files(tmp_path / "twins", 1)
    (tmp_path / "twins" / "000.png").rename(tmp_path / "twins" / "1.png")
    pattern(0, (1, 2, 3)).save(tmp_path / "twins" / "1.jpg")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=says) as refused:
        translate(domains, str(tmp_path / photos), tmp_path / output, **options)  # type: ignore[arg-type]  # some are wrong
    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == before, "nothing half-written"


def test_a_domain_that_the_network_has_not_is_refused(
    faces: Path, teacher_file: Path, tmp_path: Path
) -> None:
    photos = str(image_files(tmp_path / "photos", 1))
    with pytest.raises(UserError, match=r"green: .* has red, blue: .*, or none for an image without"):
        translate(faces, photos, tmp_path / "out", attributes=["red+green"])
    with pytest.raises(UserError, match=r"takes latent, no photos: leave --input out"):
        translate(teacher_file, photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()
