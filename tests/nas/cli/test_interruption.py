"""Ctrl-C ends a command in one line from its first moment on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.nas.cli.command_line import run

STARTED = """
import runpy, sys
sys.argv = ["/bin/nas-search", "--budget-macs", "2M", "--dry-run"]
import nas.cli
print("started", flush=True)
runpy.run_module("nas.cli.search", run_name="__main__")
"""


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0])
def test_an_interruption_while_a_command_starts_is_one_line(seconds: float, signal_number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in background jobs
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(seconds)
    process.send_signal(signal_number)
    errors = process.communicate()[1]
    assert process.returncode == 130
    assert errors.startswith("nas-search: interrupted")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "leaves"),
    [([], "run the same command again to resume"), (["--dry-run"], "nothing was written")],
)
def test_an_interrupted_dry_run_has_nothing_to_resume(
    flags: list[str], leaves: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nas.driver.prepare", interrupted)
    result = run("nas-search", "--budget-macs", "2M", *flags)
    assert result.exit_code == 130
    assert result.stderr.endswith(f": interrupted; {leaves}\n")
