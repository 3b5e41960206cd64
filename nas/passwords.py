"""Storage URLs as everybody may read them."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

MASK = "***"
_SECRET = re.compile("pass|pwd|secret|token|odbc_connect", re.IGNORECASE)  # in the names of drivers' options


def without_password(url: str) -> str:
    """`url` with *** for the password, before the host (`user:password@`) or in the query (`?password=`)."""
    url = re.sub(r"(//[^:/]*:)[^@]*@", rf"\1{MASK}@", url)
    return re.sub(r"([?&])([^=&]*)=[^&]*", _without_value, url)


def _without_value(option: re.Match[str]) -> str:
    return f"{option[1]}{option[2]}={MASK}" if _SECRET.search(unquote_plus(option[2])) else option[0]
