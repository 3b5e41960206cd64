"""Other runtimes that carry out a generator: ONNX Runtime, programs of `torch.export`, LiteRT, Core ML."""

from nas.runtimes.coreml import CoremlModel, check_coreml_installed
from nas.runtimes.litert import LitertModel, check_litert_installed
from nas.runtimes.onnx import OnnxSession, check_onnx_installed, onnx_model
from nas.runtimes.precision import QUANTIZED, half_model, int8_model
from nas.runtimes.program import exported_program

__all__ = [
    "QUANTIZED",
    "CoremlModel",
    "LitertModel",
    "OnnxSession",
    "check_coreml_installed",
    "check_litert_installed",
    "check_onnx_installed",
    "exported_program",
    "half_model",
    "int8_model",
    "onnx_model",
]
