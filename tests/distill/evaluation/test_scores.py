"""A score travels without the libraries that measured it."""

from __future__ import annotations

import pickle
import subprocess
import sys

from distill.evaluation import FidScore

LOAD = """
import pickle, sys
score = pickle.load(sys.stdin.buffer)
assert score.digest == "d" * 16
assert not {"torch_fidelity", "torchvision"} & set(sys.modules)
"""


def test_a_process_that_receives_a_score_loads_no_extractor() -> None:
    score = FidScore(1.5, samples=60, real=1797, extractor="digits", digest="d" * 16, seed=0)
    subprocess.run([sys.executable, "-c", LOAD], input=pickle.dumps(score), check=True, timeout=60)
