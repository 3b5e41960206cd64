"""`nas-evaluate`: the values of several evaluation sets, such as attributes, stand beside each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nas.checkpoints
from tests.nas.cli.command_line import refused, run


def score(name: str, *values: float) -> dict[str, Any]:
    """Of two sets, and their mean."""
    conditions = {"samples": 8, "real": None, "extractor": None, "extractor_digest": None, "seed": 0}
    sets = {one: {name: value} for one, value in zip(("happy", "sad"), values, strict=True)}
    return {"values": {name: sum(values) / 2}, **conditions, "settings": {}, "sets": sets}


def test_every_attribute_has_a_line_with_all_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        "checkpoint": "stargan.safetensors",
        "data": "faces",
        "compared_with": "real images",
        "distance": "FD (means)",
        "notes": [],
        "metrics": {"fid": score("fid", 2.5, 3.5), "accuracy": score("accuracy", 0.25, 0.75)},
        "held_out": {"fid": score("fid", 4.5, 5.5), "accuracy": score("accuracy", 0.125, 0.375)},
        "device": "cpu",
        "batch_size": 50,
        "macs": 1000,
        "params": 10,
        "counter": "fvcore",
        "latency": {},
    }
    monkeypatch.setattr(nas.checkpoints, "evaluate", lambda *_, **__: found, raising=False)
    lines = [
        line.replace("│", " ").split() for line in run("nas-evaluate", "any.safetensors").stdout.splitlines()
    ]
    assert ["happy", "2.5", "0.25", "4.5", "0.125"] in lines
    assert ["sad", "3.5", "0.75", "5.5", "0.375"] in lines
    assert any(line[:3] == ["FD", "(means)", "3"] for line in lines), "their mean"


def test_one_image_is_timed_where_that_is_asked(teacher_file: Path) -> None:
    asked = ("--data", "digits", "--metrics", "vol", "--fid-samples", 50, "--latency")
    found = json.loads(run("nas-evaluate", teacher_file, *asked, "cpu,onnxruntime", "--json").stdout)
    assert [name.partition(" ")[0].rstrip(",") for name in found["latency"]] == ["cpu", "onnxruntime"]
    for timing in found["latency"].values():
        assert 0 < timing["low"] <= timing["median"] <= timing["high"]
        assert timing["runs"] >= 4
    line = run("nas-evaluate", teacher_file, *asked, "cpu").stdout.splitlines()[-1]
    assert line.startswith("One image: ")
    assert " ms on cpu, 1 thread (quartiles " in line
    refused(
        "--latency tpu is unknown: give cpu, cuda, onnxruntime", "nas-evaluate", teacher_file, *asked, "tpu"
    )
