"""`nas-sample`: photos and raw arrays; options that do not go together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.nas.cli.command_line import refused, run
from tests.translation_images import image_files

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
CYCLEGAN, STARGAN = REFERENCE / "cyclegan_resnet6_instance_net_G.pth", REFERENCE / "stargan_64-G.ckpt"


def test_photos_are_translated_and_what_was_written_is_said() -> None:
    image_files(Path("photos"), 2, side=32)
    result = run("nas-sample", CYCLEGAN, "--input", "photos", "--resolution", 32, "-o", "out")
    assert (result.exit_code, result.stdout) == (0, "out: 2 photos, 2 pictures of 32×32 px\n"), result.output
    asked = ("--input", "photos", "--resolution", 32, "--attributes", "0,1+2", "-o", "grid.png", "--json")
    found = json.loads(run("nas-sample", STARGAN, *asked).stdout)
    assert found == {
        "output": "grid.png",
        "photos": 2,
        "pictures": 1,
        "side": 32,
        "domains": ["0", "1+2"],
        "skipped": [],
    }
    result = run("nas-sample", STARGAN, *asked[:-1], "--force")
    assert result.stdout == "grid.png: a grid of 2 photos, images of 32×32 px (0, 1+2)\n"
    Path("photos", "000.png").write_bytes(b"broken")
    result = run("nas-sample", CYCLEGAN, "--input", "photos", "--resolution", 32, "-o", "out.png")
    assert result.stdout.splitlines() == [
        "out.png: 1 photo, 1 picture of 32×32 px",
        "Skipped 000.png: not an image",
    ]


def test_raw_arrays_are_answered() -> None:
    known = np.load(REFERENCE / "biggan_32.npz")
    np.save("z.npy", known["z"])
    np.save("y.npy", known["y"])
    file = REFERENCE / "biggan_32_G_ema.pth"
    result = run("nas-sample", file, "--inputs", "z.npy", "--labels", "y.npy", "-o", "images.npy", "--json")
    assert json.loads(result.stdout)["shape"] == [4, 3, 32, 32]
    assert np.abs(np.load("images.npy") - known["image"]).max() < 1e-4


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--input photos --latents z.npy", "--latents does not go with --input, which takes --attributes, "),
        ("--input photos --inputs z.npy", "--inputs does not go with --input"),
        (
            "--inputs z.npy --count 3",
            "--count does not go with --inputs, which takes --labels, --noise, --psi: ",
        ),
        ("--labels c.npy", "--labels goes with --input or --inputs: give that, too, or leave --labels out"),
        ("--teacher t.pth", "translates images: it needs image (N, 3, 256, 256) from data"),
        (
            "",
            "translates images: it needs image (N, 3, 256, 256) from data … photos by --input, or arrays by",
        ),
        ("--input photos --resolution 30", "multiples of 4 px: give 32 px"),
    ],
)
def test_options_that_do_not_go_together_are_refused(flags: str, says: str) -> None:
    image_files(Path("photos"), 1)
    refused(says, "nas-sample", CYCLEGAN, "-o", "out.png", *flags.split())
