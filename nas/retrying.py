"""Outages of a server: repeat what fails by one, waiting longer each time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

OnWait = Callable[[float], object]
"""Receives now and then that an operation is not over: the seconds since it began."""

log = logging.getLogger(__name__)


class OutageError(Exception):
    """An outage has lasted for too long: `seconds`, so far, and the `reason` of the last failure."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds, self.reason = seconds, reason


@dataclass(frozen=True)
class RetryPolicy:
    """For how many seconds, and after which delays, an operation is tried again that fails by an outage."""

    timeout: float = 900.0
    initial_delay: float = 0.25
    max_delay: float = 10.0

    def retry(
        self,
        action: Callable[[], T],
        outage: Callable[[Exception], str | None],
        server: str,
        on_wait: OnWait | None = None,
    ) -> T:
        """The result of `action`, which is called at least once.

        Args:
            action: what may fail.
            outage: the reason of an error that an outage causes; None for one that is raised as it is.
            server: what is away, for messages.
            on_wait: receives that the outage is not over.

        Raises:
            OutageError: the outage lasted for too long; its cause is the last error.
        """
        began, wait, failures = time.monotonic(), self.initial_delay, 0
        while True:
            try:
                result = action()
            except Exception as error:  # `outage` says what it is
                if (reason := outage(error)) is None:
                    raise
                failures += 1
                passed = time.monotonic() - began
                left = self.timeout - passed
                if left <= 0:
                    raise OutageError(passed, reason) from error
                if failures == 2:  # one is a connection from before the server was started again
                    log.warning("%s does not answer (%s): trying again for %.0f s", server, reason, left)
                if on_wait is not None:
                    on_wait(passed)
                time.sleep(min(wait, left))
                wait = min(2 * wait, self.max_delay)
            else:
                if failures > 1:
                    log.warning("%s answers again after %.0f s", server, time.monotonic() - began)
                return result


DEFAULT_RETRIES = RetryPolicy()
NO_RETRIES = RetryPolicy(0.0)
