"""Text that somebody else has written, such as names in a database, made safe to show."""

from __future__ import annotations

import re

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline: a terminal obeys them
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"  # unseen, and those that reverse what follows
)


def visible(text: str) -> str:
    r"""`text` with each control character as `\u001b`, which a terminal shows and JSON reads as it was."""
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
