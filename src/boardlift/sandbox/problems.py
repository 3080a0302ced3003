"""Every shape in which monday.com refuses, as bodies (FACTS 3 and the recordings behind it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .kinds.base import Record


class FieldError(Exception):
    """A field that cannot be answered: it is null, and the answer carries an error with its path."""

    def __init__(self, code: str, message: str, *, status: int = 200, data: Record | None = None) -> None:
        """`status` is what the extensions say; the HTTP status stays 200."""
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data or {}
        self.path: list[str | int] = []
        self.location: tuple[int, int] | None = None

    def body(self) -> Record:
        """The member of `errors`."""
        line, column = self.location or (1, 1)
        return {
            "message": self.message,
            "locations": [{"line": line, "column": column}],
            "path": list(self.path),
            "extensions": {
                "code": self.code,
                "status_code": self.status,
                "error_data": self.data,
                "service": "monolith",
            },
        }


def invalid(message: str) -> FieldError:
    """A refused argument."""
    return FieldError("InvalidArgumentException", message, status=200)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A whole answer that is an error: HTTP status, body, headers beside the usual ones."""

    status: int
    body: Record
    headers: dict[str, str] = field(default_factory=dict)
    served: bool = True  # answers refused by the router carry no API-Version (FACTS 1)
    name: str = ""


def refusal(
    code: str,
    message: str,
    *,
    status: int,
    retry_in: int | None = None,
    header: bool = False,
    more: Record | None = None,
) -> Refusal:
    """An error of the current shape without data; `header` adds Retry-After."""
    extensions: Record = {"code": code, **(more or {})}
    if retry_in is not None:
        extensions["retry_in_seconds"] = retry_in
    headers = {"Retry-After": str(retry_in)} if header and retry_in is not None else {}
    return Refusal(status, {"errors": [{"message": message, "extensions": extensions}]}, headers, name=code)


NOT_AUTHENTICATED = Refusal(
    401,
    {"errors": [{"message": "Not authenticated", "extensions": {"code": "NOT_AUTHENTICATED"}}]},
    served=False,
    name="unauthorized",
)


def validation(errors: Sequence[tuple[str, list[dict[str, int]]]]) -> Refusal:
    """The router's answer to a query that does not fit: errors without extensions, HTTP 200, no version header."""
    return Refusal(
        200,
        {"errors": [{"message": message, "locations": places} for message, places in errors]},
        served=False,
        name="validation",
    )


def complexity_exhausted(form: str, status: int, *, cost: int, left: int, limit: int, retry_in: int) -> Refusal:
    """The minute budget is spent; the older form says how much was left (FACTS 3)."""
    more: Record = {}
    if form == "old":
        more = {
            "complexity": cost,
            "complexity_budget_left": left,
            "complexity_budget_limit": limit,
            "status_code": 429,
        }
    return refusal(
        "COMPLEXITY_BUDGET_EXHAUSTED",
        "Complexity budget exhausted",
        status=status,
        retry_in=retry_in,
        header=status == 429,
        more=more,
    )


def query_too_complex(cost: int, most: int) -> Refusal:
    """One query above the cap: trying again unchanged is useless."""
    return refusal(
        "COMPLEXITY_BUDGET_EXHAUSTED",
        f"Query has complexity of {cost}, which exceeds max complexity of {most}",
        status=200,
        more={"complexity": cost, "maxComplexity": most},
    )


def rate_limited(retry_in: int) -> Refusal:
    """Too many calls in a minute."""
    return refusal("RATE_LIMIT_EXCEEDED", "Rate Limit Exceeded", status=429, retry_in=retry_in, header=True)


def too_many_at_once(retry_in: int = 1) -> Refusal:
    """Too many requests at the same time."""
    return refusal("maxConcurrencyExceeded", "Concurrency limit exceeded", status=429, retry_in=retry_in, header=True)


def daily_limit(retry_in: int) -> Refusal:
    """The day's calls are spent: until midnight UTC there is nothing to do."""
    return refusal("DAILY_LIMIT_EXCEEDED", "Daily limit exceeded", status=429, retry_in=retry_in, header=True)


def ip_limited(retry_in: int = 10) -> Refusal:
    """Too many requests of one address."""
    return refusal("IP_RATE_LIMIT_EXCEEDED", "IP rate limit exceeded", status=429, retry_in=retry_in, header=True)


def bad_version(given: str) -> Refusal:
    """A malformed API-Version header."""
    return Refusal(
        400,
        {
            "errors": [
                {
                    "message": f"Invalid version '{given}'",
                    "extensions": {"code": "InvalidVersionException", "status_code": 400},
                }
            ]
        },
        served=False,
        name="InvalidVersionException",
    )


def internal_error() -> Record:
    """The internal error inside HTTP 200, whose code is under `error_code` (recorded Oct 2025)."""
    extensions = {"status_code": 500, "error_code": "INTERNAL_SERVER_ERROR", "service": "monolith"}
    return {
        "data": None,
        "errors": [{"message": "Internal server error", "path": [], "extensions": extensions}],
    }


LEGACY_INTERNAL: Record = {
    "status_code": 500,
    "error_message": "Internal server error",
    "error_code": "INTERNAL_SERVER_ERROR",
}
