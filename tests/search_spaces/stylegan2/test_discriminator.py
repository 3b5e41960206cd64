"""The discriminator's last block looks at groups of images."""

from __future__ import annotations

import torch

from search_spaces.stylegan2.discriminator import minibatch_std


def test_minibatch_std_is_the_mean_deviation_within_each_group() -> None:
    x = torch.randn(6, 3, 4, 4)
    for count, size in ((4, 4), (6, 3), (2, 2), (1, 1), (5, 5)):
        maps = minibatch_std(x[:count], size)
        assert maps.shape == (count, 1, 4, 4)
        for i in range(count):
            group = x[:count][i % (count // size) :: count // size]
            expected = (group.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
            assert torch.allclose(maps[i], expected.expand(1, 4, 4))
    assert torch.equal(minibatch_std(x[:5], 4), minibatch_std(x[:5], 5)), "no group of 4 divides 5 images"
