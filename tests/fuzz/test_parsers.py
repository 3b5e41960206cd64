"""No input crashes or hangs a parser: it is accepted, or refused in one line.

`NAS_TEST_FUZZ=10000 pytest tests/fuzz -s` feeds each parser so many inputs instead of a few hundred.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.mutations import mutated

ROOT = Path(__file__).parents[2]
PARSERS = (
    *("quantity", "duration", "budget options", "TOML settings", "table of attributes", "dataset.json"),
    *("idx", "zip of images", "image", "NVIDIA pickle", "torch archive", "safetensors", "npy array"),
    *("list of objects", "claim of objects", "enqueued architectures"),
)
INPUTS = int(os.environ.get("NAS_TEST_FUZZ", "0"))
BRIEF = (300, 4.0)  # inputs, or seconds, of each parser in the suite


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of the inputs, by parser; one process feeds all, as its imports take long."""
    folder = tmp_path_factory.mktemp("outside")
    inputs, seconds = (INPUTS, 1e9) if INPUTS else BRIEF
    command = [sys.executable, "-m", "tests.fuzz.run", "all", str(inputs), "0", str(seconds)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found = {each["parser"]: each for each in map(json.loads, ran.stdout.splitlines())}
    # killed by a signal: a crash below Python, of the first parser that is missing
    assert ran.returncode == 0, (list(found), ran.stderr[-2000:])
    assert list(folder.iterdir()) == []
    return found


@pytest.mark.slow
@pytest.mark.timeout(24 * 3600 if INPUTS else 600)
@pytest.mark.parametrize("name", PARSERS)
def test_damaged_input_is_accepted_or_refused_in_one_line(name: str, results: dict[str, Any]) -> None:
    found = results[name]
    print(
        f"{name}: {found['inputs']} inputs, {found['accepted']} accepted, {found['refused']} refused, "
        f"{found['crashes']} crashes, {found['hangs']} hangs, {found['outside']} with effects outside, "
        f"slowest {found['slowest']:.2f} s"
    )
    assert found["faults"] == []
    assert found["inputs"] == found["accepted"] + found["refused"] > 0


@pytest.mark.slow
def test_every_parser_is_among_those(results: dict[str, Any]) -> None:
    assert tuple(results) == PARSERS


def test_the_same_seed_gives_the_same_damage() -> None:
    sound = (b"budget = 5", b"[1, 2]")
    first, again = ([mutated(sound, random.Random(seed)) for seed in range(200)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("raise KeyError(1)", "crashes"),
        ("bytearray(8 * 2**30)", "crashes"),
        ("__import__('time').sleep(60)", "hangs"),
        (f"open({str(ROOT / 'planted')!r}, 'a')", "outside"),
        (f"__import__('os').symlink('x', {str(ROOT / 'planted')!r})", "outside"),
    ],
)
def test_the_fuzzer_sees_a_parser_that_breaks(fault: str, kind: str) -> None:
    script = (
        "import signal; from tests.fuzz import parsers, run; run.LIMIT = 0.5\n"
        "signal.signal(signal.SIGALRM, run._hung)\n"
        f"def broken(content, folder):\n    if content == b'bad': {fault}\n"
        "inputs = iter([b'good', b'good', b'bad', b'good'])\n"
        "parsers.PARSERS['broken'] = parsers.Parser(lambda chance: next(inputs), broken)\n"
        "print(run.fuzz('broken', 3, 0, 60))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    finally:
        (ROOT / "planted").unlink(missing_ok=True)
    assert f"'{kind}': 1" in ran.stdout, ran.stderr[-2000:]
