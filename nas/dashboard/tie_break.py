"""The page on which a person chooses among trials that do not differ significantly, by their samples."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, StrictUndefined

from nas.budget import format_quantity
from nas.dashboard.page import StudyPage
from nas.printable import printable
from nas.reporting import TrialReport, describe_tie_break, trial_numbers
from nas.study import LONGEST_NAME, LONGEST_REASON, TieBreak, save_tie_break

ROUTE = re.compile(r"/tie-break/(\d{1,9})")
LARGEST = 16_384  # bytes of a form
HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),  # the page has a token in it
    ("Referrer-Policy", "same-origin"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'",
    ),
]


class _RefusalError(Exception):
    """A form that is not accepted, and why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class _Card:
    """A tied trial as the page shows it."""

    number: int
    heading: str
    facts: str
    picture: str  # its path; empty where no samples are kept


class TieBreakForm:
    """Answers `/tie-break/NUMBER` for the studies of a board.

    A choice is accepted from the page itself only: the browser must name this server as the form's origin,
    and the form must hold the token of this run of the server.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._template = environment.from_string(
            (files(__package__) / "static" / "tie-break.html").read_text(encoding="utf-8")
        )

    def __call__(
        self, page: StudyPage, number: int, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Show the page of study `number`, or take the form that it sends."""
        status, error = HTTPStatus.OK, ""
        if environ["REQUEST_METHOD"] == "POST":
            try:
                self._save(page, number, environ)
            except _RefusalError as refused:
                status, error = refused.status, str(refused)
            else:
                seen = HTTPStatus.SEE_OTHER
                start_response(f"{seen.value} {seen.phrase}", [("Location", f"/tie-break/{number}")])
                return []
        body = self._render(page, number, error).encode()
        headers = [*HEADERS, ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _save(self, page: StudyPage, number: int, environ: dict[str, Any]) -> None:
        """Keep or withdraw the choice that the form holds.

        Raises:
            _RefusalError: the form is not of this page, or what it chooses is not tied any more.
        """
        if environ.get("HTTP_ORIGIN", "").partition("://")[2] != environ.get("HTTP_HOST"):
            raise _RefusalError(HTTPStatus.FORBIDDEN, "The choice is not from this page: choose here.")
        fields = _fields(environ)
        token = fields.get("token", "").encode(errors="replace")
        if not hmac.compare_digest(token, self._token(number).encode()):
            raise _RefusalError(
                HTTPStatus.FORBIDDEN,
                "The dashboard was started anew since the page was made: choose again.",
            )
        if page.store.is_copy:
            raise _RefusalError(HTTPStatus.FORBIDDEN, "This study can't be written: no choice can be kept.")
        if fields.get("action") == "withdraw":
            save_tie_break(page.store.study, None)
            return
        tied = [trial.number for trial in page.choice().tied]
        if fields.get("tied", "") != _joined(tied):
            raise _RefusalError(
                HTTPStatus.CONFLICT,
                "Other trials are tied since the page was made: look again, and choose.",
            )
        chosen = fields.get("trial", "")
        if chosen not in map(str, tied):
            raise _RefusalError(HTTPStatus.BAD_REQUEST, f"Choose one of the {trial_numbers(tied)} first.")
        made = TieBreak(
            trial=int(chosen),
            tied=tuple(tied),
            time=datetime.now(UTC).replace(microsecond=0),
            by=printable(fields.get("by", "").strip())[:LONGEST_NAME],
            reason=printable(fields.get("reason", "").strip())[:LONGEST_REASON],
        )
        save_tie_break(page.store.study, made)

    def _token(self, number: int) -> str:
        """What the form of study `number` must hold."""
        return hmac.digest(self._secret, str(number).encode(), "sha256").hex()

    def _render(self, page: StudyPage, number: int, error: str) -> str:
        tied, made = page.choice().tied, page.tie_break
        numbers = [trial.number for trial in tied]
        return self._template.render(
            study=printable(page.store.name),
            number=number,
            error=error,
            made="" if made is None else describe_tie_break(made).removeprefix("trial "),
            made_trial=None if made is None else made.trial,
            by="" if made is None else printable(made.by),
            reason="" if made is None else printable(made.reason),
            counts=made is not None and made.trial in numbers,
            read_only=page.store.is_copy,
            cards=[_card(page, trial) for trial in tied],
            tied=_joined(numbers),
            token=self._token(number),
            longest_name=LONGEST_NAME,
            longest_reason=LONGEST_REASON,
        )


def _card(page: StudyPage, trial: TrialReport) -> _Card:
    low, high = page.interval(trial)
    seeds = f"median of {len(trial.fids)} seeds, " if len(trial.fids) > 1 else ""
    return _Card(
        number=trial.number,
        heading=f"Trial {trial.number}",
        facts=f"{page.distance} {trial.median:.2f} ({seeds}90 % {low:.2f} to {high:.2f}), "
        f"{format_quantity(trial.macs or 0)} MACs, {format_quantity(trial.params or 0)} parameters",
        picture=page.picture(trial.number),
    )


def _joined(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _fields(environ: dict[str, Any]) -> dict[str, str]:
    """The fields of a form, the first of each name."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or not length.isascii() or int(length) > LARGEST:
        raise _RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too long: shorten the reason.")
    body = environ["wsgi.input"].read(int(length)).decode(errors="replace")
    try:
        return {name: values[0] for name, values in parse_qs(body, max_num_fields=20).items()}
    except ValueError as error:
        raise _RefusalError(HTTPStatus.BAD_REQUEST, "The form is not of this page: choose here.") from error
