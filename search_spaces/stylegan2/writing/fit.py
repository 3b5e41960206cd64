"""What both layouts have in common: blocks as in StyleGAN2's paper."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces.errors import ArchitectureError
from search_spaces.stylegan2.architecture import GeneratorArchitecture


def check_blocks(architecture: GeneratorArchitecture) -> None:
    """Refuse blocks that the public code can't build.

    Raises:
        ArchitectureError: a block has separable kernels, another size than 3×3, or one convolution.
    """
    for i, block in enumerate(architecture.blocks):
        at = f"at {4 << i} px"
        if block.kind != "full":
            raise ArchitectureError(f"kernels {at} are {block.kind}, and full ones fit")
        if block.kernel != 3:
            raise ArchitectureError(f"kernels {at} are {block.kernel}×{block.kernel}, and 3×3 fits")
        if i > 0 and block.convs != 2:
            raise ArchitectureError(f"there is {block.convs} convolution {at}, and 2 fit")


def check_widths(architecture: GeneratorArchitecture, fitting: Sequence[int], because: str) -> None:
    """Refuse other widths than those that fit, which the code derives as `because` says.

    Raises:
        ArchitectureError: they are others.
    """
    widths = [block.channels for block in architecture.blocks]
    if widths != list(fitting):
        raise ArchitectureError(
            f"channels are {_by_side(widths)}, and {_by_side(fitting)} fit, by side in px: {because}"
        )


def _by_side(widths: Sequence[int]) -> str:
    return " ".join(f"{4 << i}:{width}" for i, width in enumerate(widths))
