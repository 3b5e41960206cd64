"""A perceptual distance of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distill.errors import RecipeError
from distill.perceptual import PerceptualDistance, load_perceptual


def test_a_distance_gives_gradients_to_the_student_only(distance: PerceptualDistance) -> None:
    student, teacher = torch.ones(2, 3, 16, 16, requires_grad=True), torch.zeros(2, 3, 16, 16)
    distance(student, teacher.requires_grad_(True)).backward()
    assert student.grad is not None
    assert student.grad.any()
    assert len(distance.digest) == 16


def test_a_file_that_is_no_distance_is_refused_with_what_to_give(tmp_path: Path) -> None:
    fix = r"give a TorchScript module f\(x, y\) -> \(N,\)"
    text, weights, wrong, one = (tmp_path / name for name in ("a.ts", "w.pt", "x.pt", "1.pt"))
    text.write_text("no module")
    torch.save({"weight": torch.ones(3)}, weights)
    torch.jit.script(torch.nn.Identity()).save(str(wrong))
    torch.jit.trace(lambda x, y: (x - y).abs().mean(), (torch.ones(2, 3, 8, 8),) * 2).save(str(one))
    for path, says in (
        (tmp_path / "nowhere.pt", "nowhere.pt is not a file"),
        (text, "a.ts is not a TorchScript module"),
        (weights, "w.pt is not a TorchScript module"),
        (wrong, "x.pt does not take two batches"),
        (one, "1.pt answers two pairs of images with"),
    ):
        with pytest.raises(RecipeError, match=f"{says}.*{fix}") as error:
            load_perceptual(str(path))
        assert "\n" not in str(error.value)
