"""The size of a pickle's values when they are written out, found without building one of them.

Values that share others, and those yet others, are small in a file and in memory, but whoever hashes, prints
or copies them meets every value as often as there are ways to it: forty lines make 2⁴⁰.
"""

from __future__ import annotations

from pickletools import OpcodeInfo, markobject
from typing import Any

from search_spaces.reading.plain import WHOLE_MODULE, RefusedError

_ROOT = 0
_MARK = -1
_PUT = frozenset(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"))
_GET = frozenset(("GET", "BINGET", "LONG_BINGET"))
_CHANGE = frozenset(("BUILD", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"))
_DROP = frozenset(("POP", "POP_MARK"))
CALLS = frozenset(("REDUCE", "NEWOBJ", "NEWOBJ_EX"))


class PickleGraph:
    """Which value holds which: an unpickler's stack and memo, with numbers in place of values."""

    def __init__(self) -> None:
        self._held: list[list[int]] = [[]]  # by every value; the root holds what the pickle leaves or drops
        self._callable: set[int] = set()
        self._outside: set[int] = set()  # storages; or, before torch 1.6, classes of modules
        self._stack: list[int] = []
        self._memo: dict[int, int] = {}

    def step(self, opcode: OpcodeInfo, argument: Any) -> None:
        """Follow one instruction.

        Raises:
            ValueError: it takes what is not there, or calls what is no name.
            RefusedError: it calls a class that another part of the file names.
        """
        name = opcode.name
        if name in _PUT:
            self._memo[len(self._memo) if argument is None else int(argument)] = self._stack[-1]
        elif name in _GET:
            self._stack.append(self._memo[int(argument)])
        elif name == "DUP":
            self._stack.append(self._stack[-1])
        elif name == "MARK":
            self._stack.append(_MARK)
        elif name == "STOP":
            self._held[_ROOT] += [value for value in self._stack if value != _MARK]
        else:
            self._replace(name, self._taken(opcode), len(opcode.stack_after))

    def _taken(self, opcode: OpcodeInfo) -> list[int]:
        """What the instruction takes from the stack, lowest first."""
        taken: list[int] = []
        below = len(opcode.stack_before)
        if markobject in opcode.stack_before:
            while (value := self._stack.pop()) != _MARK:
                taken.append(value)
            below = opcode.stack_before.index(markobject)
        taken += [self._stack.pop() for _ in range(below)]
        if _MARK in taken and opcode.name != "POP":
            raise ValueError("a mark where a value should be")
        return taken[::-1]

    def _replace(self, name: str, taken: list[int], made: int) -> None:
        if name in _DROP:
            self._held[_ROOT] += [value for value in taken if value != _MARK]
        elif name in _CHANGE:
            self._held[taken[0]] += taken[1:]
            self._stack.append(taken[0])
        else:
            if name in CALLS and taken[0] in self._outside:
                raise RefusedError("asks for a class from outside of it", WHOLE_MODULE)
            if name in CALLS and taken[0] not in self._callable:
                raise ValueError("a call of what is no name")
            for _ in range(made):
                if name in ("GLOBAL", "STACK_GLOBAL"):
                    self._callable.add(len(self._held))
                if name == "BINPERSID":
                    self._outside.add(len(self._held))
                self._stack.append(len(self._held))
                self._held.append(taken)

    def expanded(self) -> float:
        """Values in all, each counted once for every way to it; infinite when one holds itself."""
        sizes: list[float] = [0.0] * len(self._held)  # 0: not visited; inf: being visited
        left = [(_ROOT, False)]
        while left:
            value, known = left.pop()
            if known:
                sizes[value] = 1 + sum(sizes[held] for held in self._held[value])
            elif not sizes[value]:
                sizes[value] = float("inf")
                left.append((value, True))
                left += [(held, False) for held in self._held[value]]
        return sizes[_ROOT]
