"""Storage URLs as everybody may read them."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

MASK = "***"
# SQLAlchemy ends a password at the first @; one with an unquoted @ in it ends at the last before the query
_PASSWORD = re.compile(r"(^[^/]*//[^:/]*:)([^@]*(?:@(?:(?!\?[^=&@]*=).)*)?)@")
_SECRET = re.compile("pass|pwd|secret|token|odbc_connect", re.IGNORECASE)  # in the names of drivers' options


def without_password(url: str) -> str:
    """`url` with *** for the password, before the host (`user:password@`) or in the query (`?password=`)."""
    url = _PASSWORD.sub(rf"\1{MASK}@", url)
    return re.sub(r"([?&])([^=&]*)=[^&]*", _without_value, url)


def has_unquoted_at(url: str) -> bool:
    """Whether the password before the host holds an @ that is not written as %40."""
    found = _PASSWORD.match(url)
    return found is not None and "@" in found[2]


def _without_value(option: re.Match[str]) -> str:
    return f"{option[1]}{option[2]}={MASK}" if _SECRET.search(unquote_plus(option[2])) else option[0]
