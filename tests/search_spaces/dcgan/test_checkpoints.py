"""State dicts as people publish them make the same images here; what is something else is left to others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from search_spaces import CheckpointError, UserError, load_checkpoint, save_checkpoint
from search_spaces.dcgan import DCGANGenerator
from search_spaces.dcgan.checkpoints import read

T, BN, Leaky = nn.ConvTranspose2d, nn.BatchNorm2d, nn.LeakyReLU


def named(**modules: nn.Module) -> nn.Module:
    return nn.Sequential(OrderedDict(modules))


def reshaped(*shape: int) -> nn.Module:
    return nn.Unflatten(1, shape)


def up(before: int, after: int, kernel: int = 4, **options: Any) -> nn.Module:
    return T(before, after, kernel, 2, 1, bias=False, **options)


def faces() -> nn.Module:
    """Of efleurine/faces-dcgan."""
    return named(
        fc=nn.Linear(10, 128),
        shape=reshaped(8, 4, 4),
        batch_norm_fc=BN(8),
        relu0=nn.ReLU(),
        t_conv1=nn.Sequential(up(8, 6), BN(6)),
        relu1=nn.ReLU(),
        t_conv2=nn.Sequential(up(6, 5), BN(5)),
        relu2=nn.ReLU(),
        t_conv3=nn.Sequential(up(5, 3)),
        tanh=nn.Tanh(),
    )


def faces_of_mixed_convolutions() -> nn.Module:
    """Of fletchersarip93/face-generator."""
    return named(
        shape=reshaped(10, 1, 1),
        generator_deconv=nn.Sequential(
            nn.Sequential(T(10, 8, 4, 1, 0, bias=False), BN(8)),
            nn.Sequential(nn.Conv2d(8, 7, 3, 1, 1, bias=False), BN(7), Leaky(0.2)),
            nn.Sequential(up(7, 6), BN(6), Leaky(0.2)),
            nn.Sequential(up(6, 5), BN(5), Leaky(0.2)),
            nn.Sequential(T(5, 3, 4, 2, 1), nn.Tanh()),
        ),
    )


def digits_by_way_of_7_px() -> nn.Module:
    """Of dennisjooo/DCGAN-on-MNIST."""
    start = (reshaped(10, 1, 1), T(10, 8, 4, 1, 0, bias=False), BN(8), Leaky(0.2))
    middle = (up(8, 6, 3), BN(6), Leaky(0.2), up(6, 5), BN(5), Leaky(0.2))
    return named(layer_stack=nn.Sequential(*start, *middle, up(5, 1), nn.Tanh()))


def up_sampled(side: int = 7) -> nn.Module:
    """Of eriklindernoren/PyTorch-GAN, dcgan.py."""
    first = (BN(8), nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, 1, 1), BN(8, 0.8), Leaky(0.2))
    second = (nn.Upsample(scale_factor=2), nn.Conv2d(8, 6, 3, 1, 1), BN(6, 0.8), Leaky(0.2))
    return named(
        l1=nn.Sequential(nn.Linear(10, 8 * side**2)),
        shape=reshaped(8, side, side),
        conv_blocks=nn.Sequential(*first, *second, nn.Conv2d(6, 1, 3, 1, 1), nn.Tanh()),
    )


def course() -> nn.Module:
    """Of the DeepLearning.AI course."""
    blocks = [
        nn.Sequential(T(10, 8, 3, 2), BN(8), nn.ReLU()),
        nn.Sequential(T(8, 7, 4, 1), BN(7), nn.ReLU()),
        nn.Sequential(T(7, 6, 3, 2), BN(6), nn.ReLU()),
        nn.Sequential(T(6, 1, 4, 2), nn.Tanh()),
    ]
    return named(shape=reshaped(10, 1, 1), gen=nn.Sequential(*blocks))


def fashion() -> nn.Module:
    """Of syoopie/fashion-DCGAN."""
    return named(
        layer1=nn.Sequential(nn.Linear(10, 8 * 49), nn.ReLU()),
        shape=reshaped(8, 7, 7),
        layer2=nn.Sequential(T(8, 6, 5, 2, 2, 1), BN(6), nn.ReLU()),
        layer3=nn.Sequential(T(6, 1, 5, 2, 2, 1), nn.Tanh()),
    )


def matrices() -> nn.Module:
    """Of csinva/gan-vae-pretrained-pytorch."""
    hidden = (nn.Linear(10, 12), nn.ReLU(), nn.Linear(12, 14), nn.ReLU())
    return nn.Sequential(*hidden, nn.Linear(14, 784), nn.Tanh(), reshaped(1, 28, 28))


def unknown() -> nn.Module:
    """DCGAN as torch's tutorial has it; its names are anybody's."""
    layers: list[nn.Module] = [reshaped(10, 1, 1), T(10, 8, 4, 1, 0, bias=False), BN(8), nn.ReLU()]
    for before, after in ((8, 7), (7, 6), (6, 5)):
        layers += [up(before, after), BN(after), nn.ReLU()]
    return nn.Sequential(*layers, up(5, 3), nn.Tanh())


def unknown_with_two_matrices() -> nn.Module:
    """As InfoGAN has them, every one of their outputs normalised by itself."""
    first = (nn.Linear(10, 12), nn.BatchNorm1d(12), nn.ReLU())
    second = (nn.Linear(12, 8 * 49, bias=False), nn.BatchNorm1d(8 * 49), nn.ReLU(), reshaped(8, 7, 7))
    return nn.Sequential(*first, *second, up(8, 6), BN(6), nn.ReLU(), T(6, 1, 4, 2, 1), nn.Tanh())


KNOWN = [faces, faces_of_mixed_convolutions, digits_by_way_of_7_px, up_sampled, course, fashion, matrices]
UNKNOWN = [unknown, unknown_with_two_matrices]


@torch.no_grad()
def trained(make: Callable[[], nn.Module]) -> nn.Module:
    """A network whose running statistics, scales and shifts are not those that it starts with."""
    torch.manual_seed(0)
    network = make().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | BN):
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(module, name).uniform_(0.5, 1.5)
    return network


def saved(content: Any, folder: Path) -> Path:
    torch.save(content, folder / "teacher.pt")
    return folder / "teacher.pt"


@torch.no_grad()
@pytest.mark.parametrize("make", KNOWN + UNKNOWN)
def test_a_public_generator_makes_the_same_images_here(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    theirs = trained(make)
    loaded = load_checkpoint(saved(theirs.state_dict(), tmp_path))
    z = torch.randn(5, 10)
    assert loaded.family == "dcgan"
    assert loaded.discriminator is None
    assert torch.allclose(loaded.generator(z), theirs(z), atol=1e-5)
    save_checkpoint(loaded, tmp_path / "ours.safetensors")
    again = load_checkpoint(tmp_path / "ours.safetensors")
    assert torch.equal(again.generator(z), loaded.generator(z))
    assert again.metadata == loaded.metadata


@pytest.mark.parametrize(("make", "latent"), [(faces, "uniform"), (course, "normal"), (unknown, "normal")])
def test_the_latent_is_that_of_the_publication(make: Callable[[], nn.Module], latent: str) -> None:
    found = read(make().state_dict())
    assert found is not None
    architecture: Any = found.generator.architecture
    assert architecture.latent == latent


def test_what_is_assumed_of_an_unknown_layout_is_noted_and_nothing_of_a_known_one() -> None:
    known, other = read(faces().state_dict()), read(unknown().state_dict())
    assert known is not None
    assert other is not None
    assert known.metadata["source_layout"] == "github.com/efleurine/faces-dcgan"
    assert "assumed" not in known.metadata
    assert other.metadata["source_layout"] == "unknown"
    assert "activation relu, latent normal" in other.metadata["assumed"]


def test_sizes_follow_from_the_shapes() -> None:
    found = read(up_sampled(side=8).state_dict())
    assert found is not None
    assert found.generator.image_shape == (1, 32, 32)


def test_a_normalisation_without_scale_and_shift_has_those_that_change_nothing() -> None:
    network = nn.Sequential(reshaped(10, 1, 1), T(10, 8, 4), BN(8, affine=False), up(8, 3))
    found = read(network.state_dict())
    assert found is not None
    generator: Any = found.generator
    norm = generator.layers[0].norm
    assert torch.equal(norm.weight, torch.ones(8))
    assert torch.equal(norm.bias, torch.zeros(8))


@pytest.mark.parametrize(
    ("wrap", "network"),
    [
        (lambda g, d: {"netG": g, "netD": d, "epoch": 7}, "netG"),
        (lambda g, d: {"G": g, "g_ema": g, "optimizer": {"state": {}}}, "g_ema"),
        (lambda g, d: {"epoch": 3, "state_dict": g}, "state_dict"),
        (lambda g, d: {f"module.{name}": tensor for name, tensor in g.items()}, "state dict"),
        (
            lambda g, d: {
                "state_dict": {f"generator.{k}": v for k, v in g.items()}
                | {f"discriminator.{k}": v for k, v in d.items()}
            },
            "state_dict.generator",
        ),
    ],
)
def test_the_generator_is_found_in_what_trainings_save(
    wrap: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Any], network: str, tmp_path: Path
) -> None:
    theirs = trained(faces)
    loaded = load_checkpoint(saved(wrap(theirs.state_dict(), discriminator().state_dict()), tmp_path))
    assert loaded.metadata["source_network"] == network
    assert isinstance(loaded.generator, DCGANGenerator)
    assert torch.equal(loaded.generator.layers[1].map.weight, theirs.state_dict()["t_conv1.0.weight"])


def discriminator() -> nn.Module:
    first = (nn.Conv2d(3, 4, 4, 2, 1), nn.Conv2d(4, 8, 4, 2, 1, bias=False), BN(8))
    return nn.Sequential(
        *first, nn.Conv2d(8, 16, 4, 2, 1, bias=False), BN(16), nn.Flatten(), nn.Linear(256, 1)
    )


def changed(make: Callable[[], nn.Module], **tensors: Tensor | None) -> dict[str, Tensor]:
    """The state dict of a network with other tensors, or without them; `__` stands for a dot."""
    state = dict(make().state_dict())
    for name, tensor in tensors.items():
        key = name.replace("__", ".")
        assert key in state
        state = {k: v for k, v in state.items() if k != key} if tensor is None else state | {key: tensor}
    return state


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: discriminator().state_dict(), "holds a discriminator and no generator"),
        (lambda: {name: discriminator().state_dict() for name in ("netD", "D", "model")},
         "holds a discriminator and no generator"),
        (lambda: {"label_emb.weight": torch.zeros(10, 3)} | up_sampled().state_dict(),
         "a class-conditional generator (label_emb.weight)"),
        (lambda: changed(faces, t_conv2__0__weight=torch.zeros(7, 5, 4, 4)),
         "no chain: t_conv2.0 of shape (7, 5, 4, 4) does not read the 6 channels before it"),
        (lambda: changed(faces, t_conv3__0__weight=torch.zeros(5, 2, 4, 4)), "makes 2 channels"),
        (lambda: nn.Sequential(T(10, 8, 2), BN(8), up(8, 3)).state_dict(), "its images are of 4 px"),
        (lambda: changed(faces, t_conv1__0__weight=torch.full((8, 6, 4, 4), torch.nan)), "not finite"),
        (lambda: changed(faces, fc__bias=torch.zeros(7)), "layers.0.map.bias is of shape (7,)"),
        (lambda: changed(faces, fc__bias=torch.zeros(0)), "layers.0.map.bias is"),
        (lambda: changed(faces, t_conv1__1__running_var=torch.zeros(6, dtype=torch.int64)),
         "no generator of a known family"),
        (lambda: nn.Sequential(nn.Linear(10, 128), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 3, 3)).state_dict(),
         "its tensors do not show where it up-samples"),
    ],
)  # fmt: skip
def test_a_dcgan_that_can_not_be_used_is_refused_in_one_line(
    content: Callable[[], Any], says: str, tmp_path: Path
) -> None:
    path = saved(content(), tmp_path)
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    assert says in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def norm(width: int) -> nn.Module:
    return nn.InstanceNorm2d(width, affine=True, track_running_stats=True)


def classifier() -> nn.Module:
    """As LeNet-5 is."""
    convs = (nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5))
    return nn.Sequential(*convs, nn.Linear(120, 84), nn.Linear(84, 10))


def residual_classifier() -> nn.Module:
    """As ResNet-20 begins and ends."""
    block = [nn.Conv2d(16, 16, 3, bias=False), BN(16), nn.Conv2d(16, 16, 3, bias=False), BN(16)]
    return nn.Sequential(nn.Conv2d(3, 16, 3, bias=False), BN(16), *block, nn.Linear(16, 10))


def translator() -> nn.Module:
    """As CycleGAN's generator begins and ends."""
    down = [nn.Conv2d(3, 8, 7), nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(16, 16, 3)]
    return nn.Sequential(*down, T(16, 8, 3, 2, 1, 1), nn.Conv2d(8, 3, 7))


def attribute_translator(width: int = 64) -> nn.Module:
    """As StarGAN's generator begins: attributes beside colours, instance normalisation with statistics."""
    first = nn.Conv2d(8, width, 7, bias=False), norm(width)
    down = nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), norm(2 * width)
    up = T(2 * width, width, 4, 2, 1, bias=False), norm(width)
    return nn.Sequential(*first, *down, *up, nn.Conv2d(width, 3, 7, bias=False))


def as_wide_as_its_input() -> nn.Module:
    """One whose first layer may just as well read a latent."""
    return attribute_translator(8)


def enhancer() -> nn.Module:
    """From image to image, and as narrow as one between two of its layers."""
    return nn.Sequential(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 8, 3), nn.Conv2d(8, 3, 3))


def residual_generator() -> nn.Module:
    """Residual blocks that register their normalisations one after the other."""
    block = [BN(8), BN(8), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)]
    return nn.Sequential(nn.Linear(10, 128), *block, up(8, 3))


def encoder_of_numbers() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 256), nn.Linear(256, 64), nn.Linear(64, 784))


def critic_of_matrices() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 256), nn.Linear(256, 1))


BIGGAN = {
    "shared.weight": torch.zeros(10, 4),
    "linear.weight": torch.zeros(128, 8),
    "linear.bias": torch.zeros(128),
    "linear.u0": torch.zeros(1, 128),
    "blocks.0.0.bn1.stored_mean": torch.zeros(8),
    "blocks.0.0.conv1.weight": torch.zeros(8, 8, 3, 3),
}


@pytest.mark.parametrize(
    "content",
    [
        *(
            make().state_dict()
            for make in (classifier, residual_classifier, translator, attribute_translator)
        ),
        *(make().state_dict() for make in (as_wide_as_its_input, enhancer, residual_generator)),
        *(make().state_dict() for make in (encoder_of_numbers, critic_of_matrices)),
        BIGGAN,
        {"conv1.conv.weight": torch.zeros(1, 8, 8, 3, 3), "input.input": torch.zeros(1, 8, 4, 4)},
        {"weight": torch.zeros(4, 4)},
        {0: torch.zeros(2, 2), "b": None},
        {"a.weight": torch.zeros(0, 3, 4, 4), "b.weight": torch.zeros(3, 0, 4, 4)},
        {"a.weight": torch.zeros(9, 0), "b.weight": torch.zeros(0, 9, 4, 4)},
        {"a.running_mean": torch.zeros(3), "a.running_var": torch.zeros(3)},
        {"state_dict": {"a.weight": torch.tensor(1.0)}},
        {},
        [1, 2],
        None,
    ],
)
def test_what_is_no_dcgan_is_left_to_others(content: Any) -> None:
    assert read(content) is None


def test_a_generator_whose_transposed_convolutions_widen_is_one(tmp_path: Path) -> None:
    widening = nn.Sequential(T(100, 32, 4), BN(32), up(32, 48), BN(48), up(48, 16), BN(16), up(16, 3))
    found = load_checkpoint(saved(widening.state_dict(), tmp_path)).generator
    assert str(found.architecture).startswith("z100")
    assert found.image_shape == (3, 32, 32)


def test_what_is_far_deeper_than_any_dcgan_is_left_to_others_before_it_is_looked_at() -> None:
    start, more = T(10, 8, 4).weight, up(8, 8)
    deep = {"0.weight": start} | {f"{i}.weight": more.weight for i in range(1, 202)}
    assert read(deep) is None
    with pytest.raises(UserError, match="its last layer, 19, makes 8 channels"):  # less deep, it is one
        read(dict(list(deep.items())[:20]))


@pytest.mark.parametrize("make", KNOWN + UNKNOWN)
def test_a_network_that_lacks_any_tensor_is_never_misread(make: Callable[[], nn.Module]) -> None:
    """It is refused or left to others, unless it may do without: a bias of a layer, a count of batches."""
    state = make().state_dict()
    for missing in state:
        try:
            found = read({name: tensor for name, tensor in state.items() if name != missing})
        except UserError:
            continue
        name, _, leaf = missing.rpartition(".")
        of_layer = state[f"{name}.weight"].ndim > 1
        assert found is None or leaf == "num_batches_tracked" or (leaf == "bias" and of_layer), missing
