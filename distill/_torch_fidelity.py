"""The one place that imports torch-fidelity: what the rest of the package uses of it.

torch-fidelity imports torchvision, and a torchvision wheel built for CUDA can't load its native operators
beside a CPU-only torch: its import fails on the missing schema of `torchvision::nms`. Nothing here calls
those operators, so declaring their schemas is enough.
"""

import contextlib
import io
from pathlib import Path

import torch
from torch import nn

try:
    import torchvision
except RuntimeError as error:
    if "torchvision::nms" not in str(error):
        raise
    for operator in ("nms", "qnms"):
        torch.library.define(
            f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )
    import torchvision

from torch_fidelity import FeatureExtractorBase, register_feature_extractor
from torch_fidelity.feature_extractor_clip import MODEL_URLS as CLIP_URLS
from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
from torch_fidelity.metric_fid import (
    KEY_METRIC_FID,
    fid_features_to_statistics,
    fid_statistics_to_metric,
)
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric
from torch_fidelity.utils import create_feature_extractor

__all__ = [
    "CLIP_URLS",
    "KEY_METRIC_FID",
    "KEY_METRIC_ISC_MEAN",
    "KEY_METRIC_ISC_STD",
    "KEY_METRIC_KID_MEAN",
    "KEY_METRIC_KID_STD",
    "KEY_METRIC_PRECISION",
    "KEY_METRIC_RECALL",
    "URL_INCEPTION_V3",
    "FeatureExtractorBase",
    "FeatureExtractorDinoV2",
    "create_extractor",
    "create_feature_extractor",
    "fid_features_to_statistics",
    "fid_statistics_to_metric",
    "isc_features_to_metric",
    "kid_features_to_metric",
    "prc_features_to_metric",
    "register_feature_extractor",
    "torchvision",
]


def create_extractor(registered_name: str, layers: list[str], weights: Path) -> nn.Module:
    """An extractor of torch-fidelity's registry, on the CPU and without its chatter.

    Raises:
        RuntimeError, TypeError, KeyError: `weights` are of another network.
    """
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return create_feature_extractor(  # type: ignore[no-any-return]  # torch-fidelity has no types
            registered_name, layers, cuda=False, verbose=False, feature_extractor_weights_path=str(weights)
        )
