"""Other runtimes that carry out a generator: ONNX Runtime, and programs of `torch.export`."""

from nas.runtimes.onnx import OnnxSession, check_onnx_installed, onnx_model
from nas.runtimes.program import exported_program

__all__ = [
    "OnnxSession",
    "check_onnx_installed",
    "exported_program",
    "onnx_model",
]
