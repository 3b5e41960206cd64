"""StyleGAN2 generators in the layouts of other projects: NVIDIA's and rosinality's."""

from collections.abc import Callable, Mapping
from typing import Any

from search_spaces.stylegan2.generator import StyleGAN2Generator
from search_spaces.stylegan2.writing.nvidia import nvidia_content
from search_spaces.stylegan2.writing.rosinality import rosinality_content

LAYOUTS: Mapping[str, Callable[[StyleGAN2Generator], dict[str, Any]]] = {
    "rosinality": rosinality_content,
    "nvidia": nvidia_content,
}

__all__ = ["LAYOUTS"]
