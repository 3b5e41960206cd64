"""ONNX models in half precision, and with convolutions of eight bits."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from nas.runtimes.program import quiet

ROOT_LOGGER = ""  # which quantization writes to
QUANTIZED = ("Conv", "ConvTranspose")
"""Operators of eight bits. Linear layers stay float32: they are few, and the styles of StyleGAN2 and the
embeddings of BigGAN, which they make, lose most."""


def half_model(model: bytes) -> bytes:
    """`model` with weights and operators in float16; inputs and outputs stay float32.

    Operators that ONNX Runtime's converter knows to fail in float16, such as Resize, stay float32.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    with quiet():
        made = convert_float_to_float16(onnx.load_from_string(model), keep_io_types=True)
    casts: dict[str, Any] = {}
    for node in list(made.graph.node):  # what two operators need in float32 is cast twice, under one name
        if node.op_type == "Cast" and casts.setdefault(node.output[0], node) is not node:
            made.graph.node.remove(node)
    OnnxModel.graph_topological_sort(made.graph)  # casts are added at the end
    for i, node in enumerate(made.graph.node):
        node.name = f"{node.op_type}_{i}"
    onnx.checker.check_model(made)
    written: bytes = made.SerializeToString()
    return written


def int8_model(model: bytes, calibration: Iterable[Mapping[str, Tensor]]) -> bytes:
    """`model` with the weights of convolutions, and what goes into them, as integers of eight bits.

    Scales of weights are those of each channel; those of activations come from their least and largest
    values over the batches `calibration`, tensors by input. Weights take seven of the bits: processors
    without VNNI add two products in 16 bits, which eight would saturate (ONNX Runtime's `reduce_range`).
    The file is in ONNX's QDQ form: standard operators between QuantizeLinear and DequantizeLinear.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    # it leaves files in the current folder, too
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), quiet(ROOT_LOGGER):
        before, after = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        before.write_bytes(model)
        quantize_static(
            before,
            after,
            _Batches(calibration),
            quant_format=QuantFormat.QDQ,
            reduce_range=True,
            op_types_to_quantize=list(QUANTIZED),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return after.read_bytes()


class _Batches:
    """Batches as ONNX Runtime's calibration takes them: one after the other, None at the end."""

    def __init__(self, batches: Iterable[Mapping[str, Tensor]]) -> None:
        self._left: Iterator[Mapping[str, Tensor]] = iter(batches)

    def get_next(self) -> dict[str, np.ndarray[Any, Any]] | None:
        batch = next(self._left, None)
        return None if batch is None else {name: x.numpy() for name, x in batch.items()}

    def __iter__(self) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
        return iter(self.get_next, None)
