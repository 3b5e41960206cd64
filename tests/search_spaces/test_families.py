"""What every registered family of generators must do, whatever its networks are."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from search_spaces import (
    FAMILIES,
    Architecture,
    ArchitectureError,
    Checkpoint,
    Discriminator,
    Family,
    Generator,
    PartlyFixedSuggest,
    RandomSuggest,
    SameAnswers,
    SearchSpace,
    UserError,
    get_family,
    load_checkpoint,
    of_kind,
    save_checkpoint,
)
from tests.search_spaces.networks import images_of, inputs_of, lived_in, proposals, same
from tests.search_spaces.teachers import TEACHERS


def test_every_family_has_an_example_here_and_is_registered_under_its_own_name() -> None:
    assert set(TEACHERS) == set(FAMILIES)
    assert all(get_family(name).name == name for name in FAMILIES)


def test_an_unknown_family_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(UserError, match=r"--space stylegan9: choose one of .*stylegan2"):
        get_family("stylegan9")


def test_inputs_follow_from_the_generator_alone(teacher: Generator) -> None:
    torch.manual_seed(1)
    first = inputs_of(teacher)
    torch.manual_seed(2)
    assert all(torch.equal(a, b) for a, b in zip(first, inputs_of(teacher), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, inputs_of(teacher, seed=1), strict=True))
    assert all(len(tensor) == 3 and tensor.device.type == "cpu" for tensor in first)


def test_images_are_finite_floats_in_about_minus_one_to_one(teacher: Generator) -> None:
    images = images_of(teacher, 5)
    assert images.dtype == torch.float32
    assert images.ndim == 4
    assert len(images) == 5
    assert images.shape[2] == images.shape[3]
    assert images.isfinite().all()
    assert 0.01 < images.std() < 20


def test_images_do_not_depend_on_their_neighbours_in_the_batch(teacher: Generator) -> None:
    generator = teacher.eval()
    for parameter in generator.parameters():
        if parameter.ndim == 0:  # noise strengths: noise differs between batches
            parameter.data.zero_()
    whole = images_of(generator, 4)
    with torch.no_grad():
        alone = generator(*(tensor[2:3] for tensor in inputs_of(generator, 4)))
    assert torch.allclose(whole[2:3], alone, atol=1e-4)


SIZES = {"channels_base": 128, "channels_max": 8, "latent_dim": 8, "mapping_layers": 2, "width": 4}


def to_train(family: Family, channels: int = 3) -> Architecture:
    """A small teacher to train, for images of 32 px and 3 classes."""
    known = {name: size for name, size in SIZES.items() if name in family.options.model_fields}
    return family.teacher(family.options(**known), 32, channels, 3)


def test_whether_images_depend_on_the_others_of_their_batch_in_training_is_said(
    family: Family, architecture: Architecture
) -> None:
    for each in (architecture, to_train(family)):
        generator = lived_in(family.build(each)).train()
        inputs = inputs_of(generator, 4)
        other = tuple(torch.cat([x[:3], x[:1]]) for x in inputs)
        images = []
        for asked in (inputs, other):
            torch.manual_seed(0)  # of the noise
            images.append(copy.deepcopy(generator)(*asked).detach())  # what training moves is of that copy
        assert not torch.equal(images[0][3], images[1][3])
        alike = torch.allclose(images[0][:3], images[1][:3], atol=1e-5)
        assert generator.uses_batch_statistics == (not alike)


def test_gradients_reach_every_weight_of_the_generator(teacher: Generator) -> None:
    teacher.train().requires_grad_(True)
    teacher(*inputs_of(teacher)).square().mean().backward()
    assert [name for name, p in teacher.named_parameters() if p.grad is None or not p.grad.any()] == []


def is_score(logits: torch.Tensor, count: int) -> bool:
    """Whether it is a logit for each of `count` images, or a map of logits for its patches."""
    return logits.shape[:1] == (count,) and (logits.ndim == 1 or (logits.ndim == 4 and logits.shape[1] == 1))


def test_the_discriminator_gives_a_logit_or_a_map_of_logits_per_image(
    teacher: Generator, discriminator: Discriminator
) -> None:
    for count in (1, 2, 3, 4, 5, 6, 7, 8):
        condition = of_kind("label", teacher.input_specs, inputs_of(teacher, count))
        logits = discriminator(images_of(teacher, count), *condition)
        assert is_score(logits, count)
        assert logits.isfinite().all()


def test_the_discriminators_features_get_coarser(teacher: Generator, discriminator: Discriminator) -> None:
    images = images_of(teacher)
    maps = discriminator.features(images)
    sides = [images.shape[-1], *(each.shape[-1] for each in maps)]
    assert len(maps) >= 2
    assert all(len(each) == len(images) for each in maps)
    assert sides == sorted(sides, reverse=True)


def test_architectures_survive_json(family: Family, space: SearchSpace, discriminator: Discriminator) -> None:
    for proposal in [space.smallest(), space.largest(), *proposals(space)]:
        values = json.loads(json.dumps(proposal.to_json()))
        for read in (
            family.architecture.from_json(values),
            family.architecture.from_json(json.dumps(values)),
        ):
            assert read == proposal
            assert hash(read) == hash(proposal)
    shape = discriminator.architecture
    assert family.discriminator_architecture.from_json(json.dumps(shape.to_json())) == shape


def test_two_architectures_read_the_same_exactly_when_they_are_the_same(space: SearchSpace) -> None:
    seen = [space.smallest(), space.largest(), *proposals(space), *proposals(space, 0.9)]
    assert len({str(each) for each in seen}) == len(set(seen)) > 20
    assert all("\n" not in str(each) for each in seen)


def test_two_architectures_are_described_the_same_exactly_when_they_are_the_same(space: SearchSpace) -> None:
    seen = [space.smallest(), space.largest(), *proposals(space), *proposals(space, 0.9)]
    assert len({json.dumps(each.describe()) for each in seen}) == len(set(seen))
    for each in seen:
        rows = each.describe()
        assert len({tuple(row) for row in rows}) == 1, "all rows have the same columns"
        assert all(isinstance(value, str) for row in rows for value in row.values())


def test_the_short_form_has_a_legend_of_one_line(family: Family) -> None:
    assert family.architecture.legend
    assert "\n" not in family.architecture.legend


def test_families_share_weights_only_if_they_say_so(
    family: Family, space: SearchSpace, teacher: Generator
) -> None:
    if family.slimmable is None:
        return
    fixed = {name: space.uniform()[name] for name in family.slimmable.fixed_choices}
    slimmable = family.slimmable.build(teacher)
    for seed in range(5):
        suggest = PartlyFixedSuggest(RandomSuggest(seed), fixed)
        architecture = space.sample(suggest, lambda a: space.macs(a) / space.macs(space.largest()))
        student = slimmable.read_out(architecture)
        assert images_of(student).isfinite().all()


def test_architectures_have_the_same_name_exactly_when_they_are_equal(
    architecture: Architecture, discriminator: Discriminator
) -> None:
    for original in (architecture, discriminator.architecture):
        for name, value in vars(original).items():
            if isinstance(value, int):
                try:
                    changed = replace(original, **{name: value + 1})
                except ArchitectureError:  # one field alone can't change
                    continue
                assert (str(changed) == str(original)) == (changed == original), name
                assert (changed.describe() == original.describe()) == (changed == original), name


@pytest.mark.parametrize("broken", ["", "[]", "3", "null", "{", '{"nonsense": 1}'])
def test_what_is_no_architecture_is_refused(family: Family, broken: str) -> None:
    for kind in (family.architecture, family.discriminator_architecture):
        with pytest.raises(ArchitectureError, match=f"not a {kind.__name__}") as error:
            kind.from_json(broken)
        assert "\n" not in str(error.value)


def test_a_field_too_much_is_refused_by_name(family: Family, architecture: Architecture) -> None:
    with pytest.raises(ArchitectureError, match=r"colour.*'red'"):
        family.architecture.from_json(architecture.to_json() | {"colour": "red"})


def test_a_value_of_the_wrong_kind_is_refused_by_the_name_of_its_field(
    family: Family, architecture: Architecture
) -> None:
    values = architecture.to_json()
    for name in values:
        with pytest.raises(ArchitectureError, match=f"{name}.*(given: )?'many'"):
            family.architecture.from_json(values | {name: "many"})


def test_a_checkpoint_gives_the_networks_back_to_the_bit(
    family: Family, teacher: Generator, discriminator: Discriminator, tmp_path: Path
) -> None:
    path = tmp_path / "both.safetensors"
    before = images_of(teacher)
    save_checkpoint(Checkpoint(family.name, teacher, discriminator, {"note": "ß ─► one\ntwo"}), path)
    loaded = load_checkpoint(path)
    assert loaded.family == family.name
    assert loaded.metadata == {"note": "ß ─► one\ntwo"}
    assert loaded.generator.architecture == teacher.architecture
    assert same(loaded.generator.state_dict(), teacher.state_dict())
    assert loaded.discriminator is not None
    assert loaded.discriminator.architecture == discriminator.architecture
    assert same(loaded.discriminator.state_dict(), discriminator.state_dict())
    assert torch.equal(images_of(loaded.generator), before)
    for network in (loaded.generator, loaded.discriminator):
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())


def test_every_sampled_student_survives_a_checkpoint(
    family: Family, space: SearchSpace, tmp_path: Path
) -> None:
    for i, proposal in enumerate(proposals(space)[:8]):
        student = lived_in(family.build(proposal))
        save_checkpoint(Checkpoint(family.name, student), tmp_path / f"{i}.safetensors")
        loaded = load_checkpoint(tmp_path / f"{i}.safetensors")
        assert loaded.discriminator is None
        assert loaded.generator.architecture == proposal
        assert same(loaded.generator.state_dict(), student.state_dict())


def test_every_proposal_fits_and_builds_to_what_it_was_said_to_cost(
    family: Family, space: SearchSpace
) -> None:
    limit = 0.5 * space.macs(space.largest())
    for proposal in proposals(space):
        student = family.build(proposal)
        assert space.macs(proposal) <= limit
        assert space.params(proposal) == sum(p.numel() for p in student.parameters())
        assert images_of(student).shape == images_of(family.build(space.largest())).shape


# Teachers to train from images


@pytest.mark.parametrize("channels", [1, 3])
def test_a_teacher_to_train_has_the_size_that_is_asked_for(family: Family, channels: int) -> None:
    architecture = to_train(family, channels)
    generator = family.build(architecture)
    assert isinstance(architecture, family.architecture)
    assert generator.image_shape == (channels, 32, 32)
    discriminator = family.build_discriminator(family.default_discriminator(architecture))
    inputs = generator.example_inputs(2)
    logits = discriminator(generator(*inputs), *of_kind("label", generator.input_specs, inputs))
    assert is_score(logits, 2)


def test_a_teacher_of_no_such_resolution_is_refused_in_one_line_without_flags(family: Family) -> None:
    with pytest.raises(ArchitectureError, match=r"^resolution 100: ") as caught:
        family.teacher(family.options(), 100, 3, 0)
    assert "--" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_families_are_known_to_the_service_by_their_contract_only(family: Family) -> None:
    root = Path(__file__).parents[2]
    sources = {path for package in ("nas", "distill") for path in (root / package).rglob("*.py")}
    assert len(sources) > 50
    assert [path for path in sources if f"search_spaces.{family.name}" in path.read_text()] == []


# Choices and chance


def test_without_chance_images_are_a_function_of_the_inputs(teacher: Generator) -> None:
    inputs = teacher.example_inputs(2)
    with torch.no_grad():
        first, second = teacher.deterministic(*inputs), teacher.deterministic(*inputs)
    assert torch.equal(first, second)
    assert first.shape == (2, *teacher.image_shape)


def test_the_same_answers_give_a_space_the_same_architecture(space: SearchSpace) -> None:
    same = SameAnswers(RandomSuggest(0))
    first = space.sample(same, lambda _: 0.0)
    assert space.sample(same, lambda _: 0.0) == first == space.sample(RandomSuggest(0), lambda _: 0.0)
