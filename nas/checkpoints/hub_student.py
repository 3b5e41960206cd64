"""A student as Hugging Face's hub keeps models: `config.json`, `model.safetensors`, and a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from search_spaces import CheckpointError, Generator, UserError, get_family, one_line

LIBRARY = "nas-students"


class HubStudent(nn.Module, PyTorchModelHubMixin, library_name=LIBRARY):
    """A generator with its hub methods, in a folder of `nas-export --format hub`.

        student = nas.HubStudent.from_pretrained("student")  # a folder, or the name of a repository
        images = student.generator.sample(16, seed=0)  # (16, C, H, W), uint8
        student.push_to_hub("me/faces-1.4M")

    `forward` is the generator's. `metadata` says where it comes from and how it was measured.
    """

    def __init__(
        self, family: str, architecture: Mapping[str, Any], metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        try:
            found = get_family(family)
            self.generator: Generator = found.build(found.architecture.from_json(dict(architecture)))
        except (UserError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"config.json describes no network ({one_line(error, 200)}): give a folder of nas-export "
                "--format hub"
            ) from error
        self.metadata = dict(metadata or {})
        self.eval()

    def forward(self, *inputs: Tensor, **options: Any) -> Tensor:
        """Images (N, C, H, W), float32 in about [-1, 1]."""
        images: Tensor = self.generator(*inputs, **options)
        return images
