"""One seed of a user, many independent streams."""

import hashlib


def derive_seed(seed: int, use: str) -> int:
    """A seed for one `use` of `seed`: latents and noise from the same stream would be the same numbers."""
    return int.from_bytes(hashlib.sha256(f"{use} {seed}".encode()).digest()[:4])
