"""A student as Hugging Face's hub keeps models: `config.json`, `model.safetensors`, samples and a card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, PyTorchModelHubMixin
from torch import Tensor, nn

from distill.evaluation import image_grid, save_png
from nas.checkpoints.card import card
from nas.checkpoints.formats import SAMPLES
from search_spaces import Checkpoint, CheckpointError, Generator, UserError, get_family, one_line

LIBRARY = "nas-students"
SHOWN = 32  # samples in the card's picture
COLUMNS = 8


class HubStudent(nn.Module, PyTorchModelHubMixin, library_name=LIBRARY):
    """A generator with its hub methods, in a folder of `nas-export --format hub`.

        student = nas.HubStudent.from_pretrained("student")  # a folder, or the name of a repository
        images = student.generator.sample(16, seed=0)  # (16, C, H, W), uint8
        student.push_to_hub("me/faces-1.4M")

    `forward` is the generator's. `metadata` says where it comes from and how it was measured.

    Raises:
        CheckpointError: `config.json` or `model.safetensors` does not describe a network.
    """

    def __init__(
        self,
        family: str = "",
        architecture: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        try:
            found = get_family(family)
            self.generator: Generator = found.build(found.architecture.from_json(dict(architecture or {})))
        except (UserError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"config.json describes no network ({one_line(error, 200)}): give a folder of nas-export "
                "--format hub"
            ) from error
        self.family, self.metadata = family, dict(metadata or {})
        self.eval()

    def forward(self, *inputs: Tensor, **options: Any) -> Tensor:
        """Images (N, C, H, W), float32 in about [-1, 1]."""
        images: Tensor = self.generator(*inputs, **options)
        return images

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:
        """The card that goes with the weights."""
        checkpoint = Checkpoint(self.family, self.generator, None, self.metadata)
        return ModelCard(card(checkpoint, has_samples=self._draws), ignore_metadata_errors=True)

    @property
    def _draws(self) -> bool:
        return all(spec.distribution != "data" for spec in self.generator.input_specs)

    def _save_pretrained(self, save_directory: Path) -> None:
        super()._save_pretrained(save_directory)
        if self._draws:
            shown = self.generator.sample(SHOWN).float() / 127.5 - 1
            save_png(image_grid(shown, COLUMNS, max_side=None), save_directory / SAMPLES)

    @classmethod
    def _load_as_safetensor(cls, model: Any, model_file: str, map_location: str, strict: bool) -> Any:
        """Weights that are missing or do not fit are an error: they would be random."""
        try:
            return super()._load_as_safetensor(model, model_file, map_location, strict=True)
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"{model_file} does not hold the network of its config.json ({one_line(error, 200)}): give a "
                "folder of nas-export --format hub"
            ) from error
