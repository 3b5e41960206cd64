"""Names from a study as Markdown: whatever they contain, they stay text.

Optuna Dashboard shows notes as GitHub-flavoured Markdown, in which names must not become links or pictures.
"""

from __future__ import annotations

import re

from nas.printable import printable

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#+!|&~$=^\"]|^-)")  # a hyphen begins a list, and is one within a line
LINKS = re.compile(r"://|www\.|@", re.IGNORECASE)  # becomes a link without any mark-up
PLAIN = re.compile(r"[^\W_]+([ -][^\W_]+)*")


def literal(text: str) -> str:
    """`text` as a part of a paragraph or heading: no mark-up, no HTML, no link."""
    line = " ".join(printable(text).split())
    if PLAIN.fullmatch(line):
        return line
    return code(line) if LINKS.search(line) else SPECIAL.sub(r"\\\1", line)


def code(text: str) -> str:
    """`text` as code in a line: between more backticks than it has in a row."""
    line = " ".join(printable(text).split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def cell(text: str) -> str:
    """`text` as code in a cell of a table, which a bar ends even inside code."""
    return code(text.replace("\\", "\u29f5")).replace("|", "\\|")


def block(lines: str) -> str:
    """`lines` as a block of code."""
    shown = printable(lines)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{shown}\n{fence}"
