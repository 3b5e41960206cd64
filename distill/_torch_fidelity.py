"""The one place that imports torch-fidelity: what the rest of the package uses of it.

torch-fidelity imports torchvision, and a torchvision wheel built for CUDA can't load its native operators
beside a CPU-only torch: its import fails on the missing schema of `torchvision::nms`. Nothing here calls
those operators, so declaring their schemas is enough.
"""

import torch

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
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
from torch_fidelity.metric_fid import (
    KEY_METRIC_FID,
    fid_features_to_statistics,
    fid_statistics_to_metric,
)
from torch_fidelity.utils import create_feature_extractor

__all__ = [
    "KEY_METRIC_FID",
    "URL_INCEPTION_V3",
    "FeatureExtractorBase",
    "create_feature_extractor",
    "fid_features_to_statistics",
    "fid_statistics_to_metric",
    "register_feature_extractor",
    "torchvision",
]
