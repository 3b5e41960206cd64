"""Damaged files out of sound ones: the same seed gives the same damage."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

NUMBERS = (
    *(b"0", b"-1", b"1e999", b"nan", b"9" * 400, b"9" * 5000, b"0x" + b"f" * 5000, b"1e-999", b"2147483648"),
    *(struct.pack("<Q", each) for each in (0, 2**31, 2**63, 2**64 - 1)),
    *(struct.pack(">I", each) for each in (0, 2**28, 2**32 - 1)),
)
WORDS = (
    *(b"\0", b"\xff", b"\x80", b"\xc3\x28", b"\r\n", b"\x1b[31m", b"../", b"/etc/passwd", b"[" * 20_000),
    *(b"{", b"}", b'"', b"'", b",", b";", b"=", b"\t", b"[", b"]", b"(", b".", b"R", b"\\", b"\xe2\x80\xae"),
    *(b'{"a":' * 5_000, b"PK\x03\x04", b"PK\x05\x06", b"null", b"true", b"NaN", b"Infinity"),
)


def mutated(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """One of `seeds` after a few changes; rarely after none."""
    content = chance.choice(seeds)
    for _ in range(min(int(chance.expovariate(0.5)) + chance.choice((0, 1, 1, 1)), 12)):
        content = chance.choice(_CHANGES)(content, seeds, chance)
    return content


def _flip(content: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    if not content:
        return content
    at = _place(content, chance)
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def _truncate(content: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _cut_out(content: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + content[at + chance.randrange(1, 64) :]


def _splice(content: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    other = chance.choice(seeds)
    return content[: chance.randrange(len(content) + 1)] + other[chance.randrange(len(other) + 1) :]


def _repeat(content: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    part = content[at : at + chance.randrange(1, 64)]
    return content[:at] + part * chance.choice((2, 3, 100)) + content[at:]


def _number(content: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    return _put(content, chance.choice(NUMBERS), chance)


def _word(content: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    return _put(content, chance.choice(WORDS), chance)


def _digits(content: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """Another number in place of a run of digits."""
    starts = [i for i in range(min(len(content), 4096)) if content[i : i + 1].isdigit()]
    if not starts:
        return content
    start = chance.choice(starts)
    end = start
    while content[end : end + 1].isdigit():
        end += 1
    return content[:start] + chance.choice(NUMBERS) + content[end:]


def _put(content: bytes, what: bytes, chance: random.Random) -> bytes:
    """`what` between the bytes at a place, or over them."""
    at = _place(content, chance) if content else 0
    return content[:at] + what + content[at + chance.choice((0, len(what))) :]


def _place(content: bytes, chance: random.Random) -> int:
    """A place in `content`: headers and directories, at the ends, are hit as often as all the rest."""
    edge = min(len(content), 256)
    return chance.choice(
        (chance.randrange(len(content)), chance.randrange(edge), len(content) - 1 - chance.randrange(edge))
    )


_CHANGES: tuple[Callable[[bytes, Sequence[bytes], random.Random], bytes], ...] = (
    *(_flip, _flip, _truncate, _cut_out, _splice, _repeat, _number, _word, _digits),
)
