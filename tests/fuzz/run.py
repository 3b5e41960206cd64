"""Feed parsers many inputs, within bounds: `python -m tests.fuzz.run PARSER,…|all INPUTS SEED [SECONDS]`.

Prints a JSON object for each parser, of counts and of what broke. An input may be accepted or refused in one
line; it must not crash the parser, take more than `LIMIT` seconds or `ROOM` bytes, or make it touch a file of
another folder, a process or the network.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # makes a folder when it is first imported, which must not be while something is parsed

from tests.fuzz.parsers import PARSERS, REFUSALS, refusal_fault

LIMIT = 10.0  # seconds of an input; the slowest sound one takes a tenth of one
ROOM = 2 * 2**30  # bytes beside what the imported libraries take
KEPT = 5  # faults that are described
CHANGES = {
    **dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.truncate"), slice(1)),
    **dict.fromkeys(("os.rename", "os.link"), slice(2)),
    "os.symlink": slice(1, 2),
}
"""Events of the file system ─► which of their arguments are paths that change."""
OUTSIDE = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect")


class HungError(BaseException):
    """An input took too long; no `Exception`, which a parser may turn into a refusal."""


class _Watch:
    """Notes what is written outside of a folder, and what is started; Python's audit events tell."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.on, self.seen = str(folder), False, list[str]()
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in OUTSIDE:
            self.seen.append(f"{event} {arguments!r:.200}")
        elif event in CHANGES or (event == "open" and self._writes(arguments)):
            for place in arguments[CHANGES[event] if event in CHANGES else slice(1)]:
                if not self._is_inside(place):
                    self.seen.append(f"{event} {place!r:.200}")

    def _is_inside(self, place: Any) -> bool:
        return isinstance(place, int) or os.path.abspath(os.fsdecode(place)).startswith(self.folder)

    @staticmethod
    def _writes(arguments: tuple[Any, ...]) -> bool:
        _, mode, flags = arguments
        if isinstance(mode, str):
            return any(letter in mode for letter in "wax+")
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def fuzz(name: str, inputs: int, seed: int, seconds: float) -> dict[str, Any]:
    """Counts of `inputs` inputs, or of as many as fit into `seconds`."""
    parser = PARSERS[name]
    chance = random.Random(f"{name} {seed}")
    found: dict[str, Any] = {"parser": name, "inputs": 0, "accepted": 0, "refused": 0, "crashes": 0}
    found |= {"hangs": 0, "outside": 0, "slowest": 0.0, "faults": []}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        watch = _Watch(folder)
        _first(name, folder)
        _bound_memory()
        while found["inputs"] < inputs and time.monotonic() - started < seconds:
            content = parser.vary(chance)
            found["inputs"] += 1
            begun = time.monotonic()
            watch.on = True
            kind, why = _feed(name, content, folder)
            watch.on = False
            found["slowest"] = max(found["slowest"], time.monotonic() - begun)
            found[kind] += 1
            if watch.seen:
                found["outside"] += 1
                why = "; ".join(watch.seen)
                watch.seen.clear()
            if why and len(found["faults"]) < KEPT:
                found["faults"].append({"number": found["inputs"], "why": why, "begins": repr(content[:60])})
            for left in folder.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    return found


def _first(name: str, folder: Path) -> None:
    """What is imported and built once."""
    _feed(name, PARSERS[name].vary(random.Random(0)), folder)


def _feed(name: str, content: bytes, folder: Path) -> tuple[str, str]:
    """How it ends, and what is wrong with that."""
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        PARSERS[name].parse(content, folder)
    except REFUSALS as error:
        fault = refusal_fault(error)
        return ("crashes", fault) if fault else ("refused", "")
    except HungError:
        return "hangs", traceback.format_exc(limit=-6)
    except Exception:  # what a parser must not raise, of whatever class
        return "crashes", traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "accepted", ""


def _bound_memory() -> None:
    """Let this process take `ROOM` more than it has; what asks for more gets a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    bound = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (bound, resource.RLIM_INFINITY))


def _hung(number: int, frame: object) -> None:
    raise HungError


def main() -> None:
    """Fuzz the parsers that the command line names."""
    names, inputs, seed, *seconds = sys.argv[1:]
    signal.signal(signal.SIGALRM, _hung)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for name in PARSERS if names == "all" else names.split(","):
        found = fuzz(name, int(inputs), int(seed), float(seconds[0]) if seconds else 1e9)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
