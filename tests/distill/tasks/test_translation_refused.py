"""What tasks of image translation refuse, each in one line with the value, the rule and the fix."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from distill.tasks import AttributesTask, NoiseTask, PairedTask, TaskOptions, UnpairedTask, get_task
from search_spaces import FAMILIES, Generator, InputSpec
from tests.distill.data.pictures import zipped
from tests.translation_family import DOMAINS, Translator, TranslatorArchitecture
from tests.translation_images import domain_folders, refuses, side_by_side, two_domains


def test_sizes_that_are_no_multiple_of_the_stride_are_refused_with_the_next(tmp_path: Path) -> None:
    odd = Translator(TranslatorArchitecture(4, side=18))
    for task, data in (
        (UnpairedTask, two_domains(tmp_path / "two")),
        (PairedTask, side_by_side(tmp_path / "p")),
    ):
        refuses(
            "images of 18 px: this network takes multiples of 4 px: give 20 px",
            partial(task.load, data, odd),
        )


def grey(folder: Path) -> Path:
    """The images of domain A without colours."""
    for file in [*(folder / "trainA").iterdir(), *(folder / "testA").iterdir()]:
        with Image.open(file) as image:
            image.convert("L").save(file)
    return folder


@pytest.mark.parametrize(
    ("channels", "direction", "says"),
    [
        ((1, 3), "A2B", ""),
        ((3, 1), "B2A", ""),
        ((3, 3), "A2B", ""),
        ((1, 1), "B2A", ""),
        (
            (3, 1),
            "A2B",
            "--direction A2B: the network takes RGB images and makes grey ones, and those of A are grey and "
            "those of B have colours: give --direction B2A, or the checkpoint of the other direction",
        ),
        ((1, 3), "B2A", "the network takes grey images and makes RGB ones, and those of B have colours"),
        (
            (1, 1),
            "A2B",
            "the network makes grey images, and those of B have colours: give a network that makes RGB",
        ),
    ],
)
def test_channels_of_the_other_direction_are_refused(
    tmp_path: Path, channels: tuple[int, int], direction: Any, says: str
) -> None:
    data = grey(two_domains(tmp_path / "data"))
    generator = Translator(TranslatorArchitecture(4, *channels))
    options = TaskOptions(direction)
    if says:
        refuses(says, lambda: UnpairedTask.load(data, generator, options=options))
    else:
        task = UnpairedTask.load(data, generator, options=options)
        batch = task.train_stream(4, seed=0).discriminator_batch()
        assert batch.real is not None
        assert (batch.inputs[0].shape[1], batch.real.shape[1]) == channels


def test_what_a_task_has_no_use_for_is_refused() -> None:
    rgb, young = Translator(TranslatorArchitecture(4)), TaskOptions(attributes=("young",))
    face = Translator(TranslatorArchitecture(4, attributes=2))
    refuses(
        "--attributes young: --task unpaired has two domains",
        lambda: UnpairedTask.load(None, rgb, options=young),
    )
    refuses(
        "--attributes young: --task paired has two domains",
        lambda: PairedTask.load(None, rgb, options=young),
    )
    refuses(
        "--direction B2A: --task attributes has no two domains",
        lambda: AttributesTask.load(None, face, options=TaskOptions("B2A")),
    )
    noise = Generator()
    noise.input_specs = (InputSpec("latent", (4,), "normal"),)
    says = "the generator takes noise, not images: leave it out"
    refuses(says, lambda: NoiseTask.load("digits", noise, options=TaskOptions("B2A")))
    refuses(
        "the generator takes no attributes",
        lambda: NoiseTask.load("digits", noise, options=TaskOptions(attributes=("a",))),
    )


def test_a_network_of_other_attributes_is_refused(tmp_path: Path) -> None:
    data, three = domain_folders(tmp_path / "data"), Translator(TranslatorArchitecture(4, attributes=3))
    refuses(
        "has 2 attributes (blue, red) and the network takes 3: name 3 of them by --attributes, in the",
        lambda: AttributesTask.load(data, three),
    )
    whole = AttributesTask.load(data, three, any_labels=True)
    assert whole.images.classes == ("blue", "red")
    assert whole.for_generator(Translator(TranslatorArchitecture(4, attributes=2))).digest == whole.digest


def test_images_of_two_domains_are_refused_for_noise(tmp_path: Path) -> None:
    noise = Generator()
    noise.input_specs = (InputSpec("latent", (4,), "normal"),)
    data = two_domains(tmp_path / "data")
    for given, one in ((data, data / "trainA"), (zipped(data), f"{zipped(data)}:trainA")):
        refuses(
            "has trainA/ and trainB/, for image translation, and the generator takes noise: give one of "
            f"them, such as {one}",
            partial(NoiseTask.load, given, noise),
        )


def test_a_family_has_its_first_task_unless_another_is_named() -> None:
    assert get_task(DOMAINS) is UnpairedTask
    assert get_task(DOMAINS, "paired") is PairedTask
    refuses(
        "--task attributes: domains generators are for unpaired and paired: give unpaired or paired",
        lambda: get_task(DOMAINS, "attributes"),
    )
    assert {get_task(FAMILIES[name]) for name in ("stylegan2", "dcgan", "biggan")} == {NoiseTask}
