"""Text for a terminal: names that others chose can't move its cursor, change its title or hide text."""

from __future__ import annotations

import re

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and end of line; escape sequences begin so
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # order of writing, and ends of lines of their own
    "\ud800-\udfff]"  # bytes of a file's name that are no UTF-8: printing them fails
)


def printable(text: str) -> str:
    r"""`text` with an escape for each character that a terminal obeys instead of showing it: "\u001b".

    The escapes are JSON's, so that JSON stays what it was.
    """
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
