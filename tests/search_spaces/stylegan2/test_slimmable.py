"""Students that share one set of weights."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import ArchitectureError, FixedSuggest, RandomSuggest
from search_spaces.stylegan2 import STYLEGAN2, Block, GeneratorArchitecture
from search_spaces.stylegan2 import slimmable as slimmable_module
from search_spaces.stylegan2.slimmable import SlimmableStyleGAN2
from search_spaces.stylegan2.space import StyleGAN2Space

TEACHER = GeneratorArchitecture(
    blocks=(Block(16, convs=1), Block(16), Block(8)),
    image_channels=3,
    latent_dim=8,
    style_dim=8,
    mapping_layers=2,
)
SPACE = StyleGAN2Space(TEACHER)
FIXED = {"style_dim": TEACHER.style_dim, "mapping_layers": TEACHER.mapping_layers}


@pytest.fixture(scope="module")
def teacher() -> Any:
    torch.manual_seed(0)
    return STYLEGAN2.build(TEACHER)


def sampled(seed: int) -> Any:
    choices = {**FIXED, **recorded(seed)}
    return SPACE.sample(FixedSuggest(choices), lambda architecture: SPACE.macs(architecture) / 400_000)


def recorded(seed: int) -> dict[str, Any]:
    random, found = RandomSuggest(seed), {}

    class Recorder:
        def __getattr__(self, kind: str) -> Any:
            def ask(name: str, *args: Any, **options: Any) -> Any:
                found[name] = getattr(random, kind)(name, *args, **options)
                return found[name]

            return ask

    SPACE.sample(Recorder(), lambda architecture: SPACE.macs(architecture) / 400_000)  # type: ignore[arg-type]
    return found | FIXED


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_before_training_a_student_of_full_kernels_is_the_one_that_inherits(teacher: Any, seed: int) -> None:
    architecture = sampled(seed)
    architecture = replace(architecture, blocks=tuple(replace(b, kind="full") for b in architecture.blocks))
    ours = SlimmableStyleGAN2(teacher).read_out(architecture).eval()
    inherited = STYLEGAN2.build(architecture).eval()
    SPACE.inherit(teacher, inherited)
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(ours(z, noise="const"), inherited(z, noise="const"), atol=1e-4)


def test_what_it_makes_is_what_the_student_read_out_makes(teacher: Any) -> None:
    slimmable = SlimmableStyleGAN2(teacher).eval()
    z = torch.randn(2, 8)
    for seed in range(5):
        architecture = sampled(seed)
        slimmable.draw = lambda architecture=architecture: architecture
        assert torch.equal(slimmable(z, noise="const"), slimmable.read_out(architecture)(z, noise="const"))


def test_training_one_student_moves_the_weights_of_the_others(teacher: Any) -> None:
    slimmable = SlimmableStyleGAN2(teacher)
    small, large = SPACE.uniform() | {"budget_fraction": 0.3}, SPACE.uniform() | {"budget_fraction": 1.0}
    small, large = (
        SPACE.sample(FixedSuggest(choices), lambda a: SPACE.macs(a) / 400_000) for choices in (small, large)
    )
    z = torch.randn(2, 8)
    before = slimmable.read_out(large).eval()(z, noise="const")
    slimmable.draw = lambda: small
    optimizer = torch.optim.SGD(slimmable.parameters(), lr=0.1)
    slimmable(z).square().mean().backward()
    optimizer.step()
    assert not torch.equal(slimmable.read_out(large).eval()(z, noise="const"), before)


def test_training_moves_the_mean_style(teacher: Any) -> None:
    slimmable = SlimmableStyleGAN2(teacher).train()
    before = slimmable.full.w_avg.clone()
    slimmable(torch.randn(4, 8))
    assert not torch.equal(slimmable.full.w_avg, before)


def test_another_mapping_network_is_not_in_the_shared_weights(teacher: Any) -> None:
    shallower = SPACE.sample(
        FixedSuggest(SPACE.uniform() | {"budget_fraction": 1.0, "mapping_layers": 1}),
        lambda a: SPACE.macs(a) / 400_000,
    )
    with pytest.raises(ArchitectureError, match="mapping"):
        SlimmableStyleGAN2(teacher).read_out(shallower)


@pytest.mark.parametrize("kernels", [(3, 3), (3, 1), (1, 3), (1, 1)])
def test_students_of_a_separable_teacher_are_those_that_inherit(kernels: tuple[int, int]) -> None:
    separable = replace(TEACHER, blocks=tuple(replace(b, kind="separable") for b in TEACHER.blocks))
    torch.manual_seed(0)
    teacher: Any = STYLEGAN2.build(separable)
    space = StyleGAN2Space(separable)
    choices = space.uniform() | {"budget_fraction": 0.5, "kernel_8": kernels[0], "kernel_16": kernels[1]}
    architecture = space.sample(FixedSuggest(choices), lambda a: space.macs(a) / space.macs(separable))
    assert tuple(block.kernel for block in architecture.blocks[1:]) == kernels
    ours = SlimmableStyleGAN2(teacher).read_out(architecture).eval()
    inherited: Any = STYLEGAN2.build(architecture).eval()
    space.inherit(teacher, inherited)
    z = torch.randn(2, 8)
    assert torch.allclose(ours(z, noise="const"), inherited(z, noise="const"), atol=1e-4)


def test_a_student_is_called_without_weights_of_its_own(
    teacher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    class Counted(slimmable_module.StyleGAN2Generator):
        def __init__(self, architecture: Any) -> None:
            super().__init__(architecture)
            made.append(self.const.device.type)

    slimmable_module._skeleton.cache_clear()
    monkeypatch.setattr(slimmable_module, "StyleGAN2Generator", Counted)
    slimmable = SlimmableStyleGAN2(teacher)
    names = slimmable.state_dict().keys()
    state = torch.random.get_rng_state()
    for _ in range(3):
        slimmable(torch.ones(1, 8), noise="none")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert made == ["meta"]
    assert slimmable.state_dict().keys() == names
    assert not any(tensor.is_meta for tensor in [*slimmable.parameters(), *slimmable.buffers()])
    assert not any(isinstance(value, Counted) for value in vars(copy.deepcopy(slimmable)).values())
    slimmable_module._skeleton.cache_clear()
