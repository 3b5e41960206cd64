"""DGL-GAN's table: two stages, paired seeds, and what they can't detect."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from benchmarks import dgl_gan
from benchmarks.dgl_gan import ALONE, narrow, row_of, rows_of, width_of
from distill.teachers import load_teacher
from search_spaces import Checkpoint, get_family, save_checkpoint
from tests.search_spaces.teachers import TEACHERS

CIFAR = Path("benchmarks/teachers/cifar32.safetensors")


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    monkeypatch.setattr(sys, "argv", ["dgl_gan", "--quick", "--json", *options])
    dgl_gan.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, capsys, *options)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_a_narrow_stylegan2_has_fewer_channels_and_the_same_mapping() -> None:
    whole: Any = load_teacher(None).generator.architecture
    half = narrow(whole, Fraction(1, 2))
    assert [b.channels for b in half.blocks] == [b.channels // 2 for b in whole.blocks]
    assert (half.style_dim, half.mapping_layers) == (whole.style_dim, whole.mapping_layers)
    assert narrow(whole, Fraction(1)) == whole


def test_a_narrow_biggan_keeps_its_latent_and_multiples_of_eight_channels() -> None:
    teacher = load_teacher(CIFAR)
    whole: Any = teacher.generator.architecture
    half = narrow(whole, Fraction(1, 2))
    assert all(0 < narrowed < wide for narrowed, wide in zip(half.channels, whole.channels, strict=True))
    assert (half.chunks, half.shared_dim, half.classes) == (whole.chunks, whole.shared_dim, whole.classes)
    assert teacher.family.build(half).architecture == half


def test_rows_are_alone_then_fixed_and_adaptive_coefficients() -> None:
    assert list(rows_of([0.1, 0.5], signs=True)) == [ALONE, "α 0.1", "α 0.5", "adaptive 0.1", "adaptive 0.5"]
    assert list(rows_of([0.1], signs=False)) == [ALONE, "α 0.1"], "an adaptive coefficient needs signs"


@pytest.mark.parametrize("wrong", ["0", "2", "x", "1/0", "-1/2"])
def test_a_width_that_is_no_fraction_of_the_teachers_is_refused(
    wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says = refusal(monkeypatch, capsys, f"--widths={wrong}")
    assert says.endswith(f"{wrong}: give fractions above 0 and up to 1, such as 1/2,1/4,1")
    assert width_of("1/4") == Fraction(1, 4)


def test_a_row_says_what_its_seeds_can_not_detect() -> None:
    others = {seed: {"before": 12.0, "fid": 10.0 + 0.3 * (seed % 3), "is": None} for seed in range(8)}
    close = {seed: run | {"fid": run["fid"] * (0.99 + 0.03 * (seed % 2))} for seed, run in others.items()}  # type: ignore[operator]  # the runs are JSON
    row = row_of("1/2", "α 0.1", close, others)
    assert row["verdict"].startswith("not detectable (below ")
    assert 0 < row["detectable"] < 0.05
    assert row["seeds_for_published"] <= 8
    assert row["is"] is None
    assert row_of("1/2", ALONE, others, others)["verdict"] == ""


def test_a_teacher_that_lacks_its_discriminator_or_can_not_be_narrowed_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    alone = tmp_path / "alone.safetensors"
    save_checkpoint(Checkpoint("stylegan2", load_teacher(None).generator, None, {}), alone)
    assert "DGL-GAN needs the teacher's discriminator" in refusal(
        monkeypatch, capsys, "--teacher", str(alone)
    )
    family = get_family("dcgan")
    generator = family.build(TEACHERS["dcgan"])
    judge = family.build_discriminator(family.default_discriminator(generator.architecture))
    save_checkpoint(Checkpoint("dcgan", generator, judge, {}), tmp_path / "dc.safetensors")
    says = refusal(monkeypatch, capsys, "--teacher", str(tmp_path / "dc.safetensors"))
    assert "narrows StyleGAN2 and BigGAN generators, and this is a dcgan" in says


@pytest.mark.slow
def test_both_stages_are_in_the_records_and_a_snapshot_of_another_architecture_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    results, snapshots, table = tmp_path / "runs.jsonl", tmp_path / "stage-1", tmp_path / "runs.csv"
    kept = ("--results", str(results), "--snapshots", str(snapshots), "--csv", str(table))
    found = run(monkeypatch, capsys, "--widths", "1/2", *kept)
    assert [row["row"] for row in found["rows"]] == [ALONE, "α 0.1", "adaptive 0.1"]
    lines = [json.loads(line)["run"] for line in results.read_text().splitlines()]
    assert [line["stage"] for line in lines] == [1] * 2 + [2] * 6
    by_seed = {each["seed"]: each["fid"] for each in found["stage_one"]}
    assert len(by_seed) == 2
    assert {row["before"] for row in found["rows"]} == {sum(by_seed.values()) / 2}, "from stage I's best"
    assert len({tuple(row["fids"]) for row in found["rows"]}) == 3, "the teacher's discriminator had a say"
    assert len(table.read_text().splitlines()) == 7
    for seed in (0, 1):
        (snapshots / f"width-1-2-seed-{seed}.pt").rename(snapshots / f"width-1-4-seed-{seed}.pt")
    text = results.read_text()
    first = [line for line in text.splitlines() if json.loads(line)["run"]["stage"] == 1]
    results.write_text("".join(line.replace('"1/2"', '"1/4"') + "\n" for line in first))
    says = refusal(monkeypatch, capsys, "--widths", "1/4", *kept)
    assert "stage I snapshot of another architecture: its student is" in says
