"""Quotas and waits, as the API tells them in headers and bodies (API page "Rate limits")."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

MINUTE_RATE = "minuteRate"
CONCURRENCY = "concurrency"
COMPLEXITY_MINUTE = "complexityMinute"

_MEMBER = re.compile(r'"?([A-Za-z][\w.-]*)"?((?:\s*;\s*\w+\s*=\s*(?:"[^"]*"|[^;,"]*))+)')
_PARAMETER = re.compile(r'(\w+)\s*=\s*("[^"]*"|[^;,"]*)')
_RESET_TEXT = re.compile(r"(?:reset|again|retry) in (\d+(?:\.\d+)?) ?(?:s\b|sec)", re.IGNORECASE)
_LONGEST = 24 * 3600.0


@dataclass(frozen=True)
class Quota:
    """One limit of the account: `limit` per `window` seconds, `remaining` of it, back in full in `reset_in` seconds."""

    name: str
    limit: int | None = None
    remaining: int | None = None
    window: int | None = None
    reset_in: float | None = None


class Complexity(Struct, frozen=True):
    """The answer to `complexity{...}`: points this query cost, and the budget around it (API page "Complexity")."""

    query: int = 0
    before: int = 0
    after: int = 0
    reset_in_x_seconds: int = 0


def read_quotas(headers: Mapping[str, str]) -> dict[str, Quota]:
    """The quotas of an answer by name, from `RateLimit-Policy` and `RateLimit`; {} when absent or in another form.

    `headers` has lower-case names. The headers came in mid-2026 and follow a draft, so nothing in them is relied upon.
    """
    quotas: dict[str, Quota] = {}
    for name, values in _members(headers.get("ratelimit-policy", "")):
        quota = quotas.get(name, Quota(name))
        quotas[name] = replace(quota, limit=_whole(values.get("q")), window=_whole(values.get("w")))
    for name, values in _members(headers.get("ratelimit", "")):
        quota = quotas.get(name, Quota(name))
        quotas[name] = replace(quota, remaining=_whole(values.get("r")), reset_in=seconds(values.get("t")))
    return quotas


def _members(text: str) -> Iterable[tuple[str, dict[str, str]]]:
    for member in _MEMBER.finditer(text):
        yield member[1], {name.lower(): value.strip().strip('"') for name, value in _PARAMETER.findall(member[2])}


def _whole(text: str | None) -> int | None:
    number = seconds(text)
    return None if number is None else int(number)


def seconds(value: object) -> float | None:
    """A number of seconds from JSON or a header, None for anything that is not a finite number of zero or more."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, from a number or a date; a date is measured against the answer's own `Date`."""
    told = headers.get("retry-after")
    if told is None:
        return None
    number = seconds(told.strip())
    if number is not None:
        return min(number, _LONGEST)
    try:
        until, now = parsedate_to_datetime(told), parsedate_to_datetime(headers["date"])
        return min(max(0.0, (until - now).total_seconds()), _LONGEST)
    except (KeyError, ValueError, TypeError):
        return None


def answered_at(headers: Mapping[str, str]) -> datetime | None:
    """The `Date` of an answer, in UTC; None when absent or unreadable."""
    try:
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def wait_in_text(message: str) -> float | None:
    """The wait older answers tell in words ("reset in 17 seconds")."""
    found = _RESET_TEXT.search(message)
    return min(float(found[1]), _LONGEST) if found else None


def longest(waits: Iterable[float | None]) -> float | None:
    """The largest wait told: the API asks to retry no earlier than any of them."""
    return max((wait for wait in waits if wait is not None), default=None)


def spent_until(quotas: Mapping[str, Quota]) -> float | None:
    """Seconds until the quotas that show nothing left are refilled."""
    return longest(quota.reset_in for quota in quotas.values() if quota.remaining == 0)
