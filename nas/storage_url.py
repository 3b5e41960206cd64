"""Storage URLs as everybody may read them."""

from __future__ import annotations

import re

MASK = "***"


def masked(url: str) -> str:
    """`url`, or what was meant to be one, with `***` for passwords: before an @ and among the parameters."""
    url = re.sub(r"(//[^/?#@]*?):[^/@]*@", rf"\1:{MASK}@", url)
    return re.sub(r"([?&][^=&]*password=)[^&]*", rf"\1{MASK}", url, flags=re.IGNORECASE)
