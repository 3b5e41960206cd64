"""Which extractor is the default for which images, and which one is refused or warned of."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distill.data import ImageSet
from distill.errors import FidelityError
from distill.evaluation.extractors import (
    EXTRACTORS,
    WEIGHTS_VARIABLE,
    check_colours,
    check_domain,
    choose_extractor,
    default_extractor,
    domain_warnings,
    extractor_line,
    few_samples,
)
from distill.evaluation.extractors.sources import Packaged
from tests.offline import INCEPTION_FILE, NOWHERE, move


@pytest.fixture
def with_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The offline extractor is installed, whatever it is here."""
    entry = EXTRACTORS["imagenet-lite0"]
    monkeypatch.setitem(EXTRACTORS, "imagenet-lite0", replace(entry, source=Packaged(Path("lite0.pth"))))


@pytest.fixture
def without_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.imagenet.find_spec", lambda name: None)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server that has Inception's weights, and the methods of the requests it got."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.command)
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(b"weights")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        move(monkeypatch, "inception", f"http://127.0.0.1:{serving.server_port}/{INCEPTION_FILE}")
        yield asked
        serving.shutdown()


def pictures(channels: int, side: int = 16, *, coloured: bool = True) -> ImageSet:
    rng = torch.Generator().manual_seed(0)
    drawn = torch.randint(256, (4, channels if coloured else 1, side, side), generator=rng, dtype=torch.uint8)
    return ImageSet("pictures", drawn.expand(-1, channels, -1, -1), "0" * 16)


def test_the_digits_have_their_own() -> None:
    assert default_extractor("digits").name == "digits"


def test_a_check_alone_downloads_nothing(server: list[str], hub: Path) -> None:
    assert default_extractor("faces/").name == "inception"
    assert server == ["HEAD"]
    assert not (hub / "checkpoints").exists()


def test_where_inceptions_weights_can_be_downloaded_it_is_the_default(server: list[str], hub: Path) -> None:
    assert default_extractor("faces/", download=True).name == "inception"
    assert (hub / "checkpoints" / INCEPTION_FILE).read_bytes() == b"weights"
    server.clear()
    assert default_extractor("faces/").name == "inception"
    assert server == []  # they are on this machine now


@pytest.mark.usefixtures("with_imagenet")
@pytest.mark.parametrize("download", [False, True])
def test_else_it_is_the_one_that_comes_by_pip_and_the_reason_is_known(download: bool) -> None:
    chosen = default_extractor("faces/", download=download)
    assert chosen.name == "imagenet-lite0"
    assert chosen.reason.startswith(f"inception can't be downloaded from {NOWHERE}/{INCEPTION_FILE} (")


@pytest.mark.usefixtures("without_imagenet")
def test_without_either_the_error_names_the_packages_to_install() -> None:
    with pytest.raises(FidelityError, match="pip install efficientnet-lite-pytorch") as caught:
        default_extractor("faces/")
    assert "--extractor-weights" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("with_imagenet")
def test_a_file_that_is_given_and_missing_is_an_error_and_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FidelityError, match=r"none\.pth is not a file"):
        default_extractor("faces/", tmp_path / "none.pth")
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "none.pth"))
    with pytest.raises(
        FidelityError, match=rf"{WEIGHTS_VARIABLE}=.*none\.pth is not a file: set .* or unset"
    ):
        default_extractor("faces/")


def test_the_digits_extractor_is_refused_for_images_with_colours() -> None:
    with pytest.raises(
        FidelityError, match=r"--extractor digits is for grey .* and pictures has colours: give one"
    ):
        check_domain("digits", pictures(3))
    grey = replace(pictures(1), from_colours=True)
    with pytest.raises(FidelityError, match=r"has colours: give one of .*, or other --data"):
        check_domain("digits", grey)


@pytest.mark.parametrize(
    ("extractor", "images"),
    [
        ("digits", pictures(1)),
        ("digits", pictures(3, coloured=False)),
        ("imagenet-lite0", pictures(3)),
        ("inception", pictures(1)),
        ("own.pt", pictures(3)),
    ],
)
def test_other_extractors_are_not(extractor: str, images: ImageSet) -> None:
    check_domain(extractor, images)


def test_a_network_for_small_images_warns_of_larger_ones() -> None:
    small, large = pictures(3, 32), pictures(3, 64)
    assert domain_warnings("cifar-resnet", [small]) == []
    (warning,) = domain_warnings("cifar-resnet", [large, small, large])
    assert "it sees images of 64 px shrunk to 32 px" in warning
    assert domain_warnings("imagenet-lite0", [large]) == []


def test_an_extractor_is_introduced_with_its_images_its_distance_and_the_reason_for_it() -> None:
    assert extractor_line("inception") == "Extractor: inception, for photographs; distances are FID"
    line = (
        "Extractor: digits, for grey handwritten digits; distances are FD (digits), because they are at hand"
    )
    assert extractor_line("digits", "they are at hand") == line


def test_what_is_asked_for_counts_more_than_what_is_recorded_and_that_more_than_the_default(
    with_imagenet: None,
) -> None:
    asked = choose_extractor("digits", asked="imagenet-lite0", recorded="digits", why="it began with it")
    assert (asked.name, asked.reason) == ("imagenet-lite0", "")
    recorded = choose_extractor("faces/", recorded="digits", why="it began with it")
    assert (recorded.name, recorded.reason) == ("digits", "it began with it")
    assert choose_extractor("digits", recorded="").name == "digits"
    with pytest.raises(FidelityError, match="there is no extractor 'none'"):
        choose_extractor("digits", recorded="none")


@pytest.mark.parametrize(
    ("extractor", "enough"),
    [("digits", 1_000), ("inception", 2_048), ("imagenet-lite0", 1_280), ("own/features.pt", 1_000)],
)
def test_a_distance_over_few_samples_is_cautioned_of(extractor: str, enough: int) -> None:
    assert few_samples(extractor, enough) == []
    (line,) = few_samples(extractor, enough - 1)
    assert f"over {enough - 1:,} samples is noisy and too high" in line
    assert f"--fid-samples {enough} or more" in line


def test_the_caution_names_the_smaller_side() -> None:
    assert few_samples("inception", 10_000, 7_701) == []
    (line,) = few_samples("inception", 10_000, 60)
    assert "FID to only 60 images is noisy and too high" in line
    assert "--fid-samples" not in line
    (line,) = few_samples("inception", 50, 60)
    assert "over 50 samples" in line


@pytest.mark.parametrize(("difference", "refused"), [(0, False), (4, False), (60, True)])
def test_an_extractor_of_grey_images_is_refused_for_a_teacher_of_colours(
    difference: int, refused: bool
) -> None:
    images = torch.full((4, 3, 8, 8), 100, dtype=torch.uint8)
    images[:, 0] += difference
    check_colours("imagenet-lite0", images)
    check_colours("digits", images[:, :1])
    if not refused:
        check_colours("digits", images)
        return
    with pytest.raises(FidelityError, match="grey handwritten digits, and the teacher's images have colours"):
        check_colours("digits", images)
