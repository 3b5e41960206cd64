"""Records of rungs for tests."""

from nas.study import RungRecord

IDENTITY = {"space": "stylegan2", "teacher": "0123456789abcdef", "data": "fedcba9876543210"}


def rung(trial: int = 0, rung: int = 0, **changes: object) -> RungRecord:
    values = {
        "trial": trial,
        "rung": rung,
        "images": 6400 * 2**rung,
        "fid": 41.5,
        "fid_samples": 2000,
        "fid_extractor": "digits",
        "fid_seed": 7,
        "kd_weight": 1.5,
        "losses": {"adversarial": 0.7, "kd.pixel": 0.05},
        "seconds": 12.25,
        "worker": "host:123",
        "checkpoint": f"trials/{trial:04d}/checkpoint-rung-{rung + 1}.pt",
        "sha256": "ab" * 32,
    }
    return RungRecord.model_validate(values | changes)
