"""What monday.com documents of its quotas, by plan: the fallback for what its answers do not tell.

Source: API page "Rate limits". Recorded answers have told others (80 at once, 1,335 calls a minute), so what an answer
tells always wins. Points a minute are those of an app token, the smallest a paid plan has; a personal token has twice
as many and its first answer says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

POINTS_PER_OBJECT = 10
"""What each object of an answer costs since version 2025-10; scalars are free (API page "Complexity")."""
POINTS_PER_QUERY = 5_000_000
"""The most one query may cost, whatever the plan."""
WINDOW = 60.0
"""Seconds after its first use in which a quota a minute is full again (API page "Rate limits")."""
ADDRESS_CALLS = 5_000
"""Calls that one address may send in ten seconds; no reader comes near it."""


@dataclass(frozen=True)
class Quotas:
    """The limits of one account. `calls_per_day` is None where it is not known; the day ends at 00:00 UTC."""

    calls_per_day: int | None
    calls_per_minute: int
    at_once: int
    points_per_minute: int


_SMALL = Quotas(calls_per_day=1_000, calls_per_minute=1_000, at_once=40, points_per_minute=5_000_000)
_FREE = Quotas(calls_per_day=1_000, calls_per_minute=1_000, at_once=40, points_per_minute=1_000_000)

DOCUMENTED: Mapping[str, Quotas] = {
    "free": _FREE,
    "trial": _FREE,
    "basic": _SMALL,
    "standard": _SMALL,
    "pro": Quotas(calls_per_day=10_000, calls_per_minute=2_500, at_once=100, points_per_minute=5_000_000),
    "enterprise": Quotas(calls_per_day=25_000, calls_per_minute=5_000, at_once=250, points_per_minute=5_000_000),
}
"""By `account{plan{tier}}`, in lower case."""

CAUTIOUS = Quotas(calls_per_day=None, calls_per_minute=1_000, at_once=40, points_per_minute=1_000_000)
"""For an account whose plan is not known: the least of each, and no opinion on the day."""


def documented(tier: str) -> Quotas:
    """The row of this plan; the cautious one for a name that is not in the table."""
    return DOCUMENTED.get(tier.strip().lower(), CAUTIOUS)
