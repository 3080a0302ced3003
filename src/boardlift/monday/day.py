"""The calls of one day, counted until 00:00 UTC (API page "Rate limits")."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from boardlift.errors import UNCHANGED, DailyLimitReached


@dataclass
class Day:
    """Our part of the day's calls, and what is used of it.

    `limit` is the account's number, None when it is not known. `noted` calls of all processes are in the ledger,
    `untold` are ours that are not there yet.
    """

    limit: int | None
    share: float = 1.0
    noted: int = 0
    untold: int = 0
    today: date | None = None

    @property
    def allowance(self) -> int | None:
        return None if self.limit is None else math.floor(self.limit * self.share + 1e-9)

    def used(self, now: datetime) -> int:
        """Calls since 00:00 UTC."""
        today = now.astimezone(UTC).date()
        if today != self.today:
            if self.today is not None:
                self.noted = self.untold = 0
            self.today = today
        return self.noted + self.untold

    def count(self, calls: int) -> None:
        self.untold = max(0, self.untold + calls)

    def told(self, calls: int, noted: int) -> None:
        """`calls` of ours have been noted; `noted` are there now."""
        self.untold, self.noted = max(0, self.untold - calls), noted

    def refuse(self, now: datetime) -> None:
        """Raise DailyLimitReached when nothing is left of our part."""
        allowance = self.allowance
        if allowance is None or self.used(now) < allowance:
            return
        share = f" (share {self.share:g} of {self.limit:,})" if self.share < 1 else ""
        raise DailyLimitReached(
            f"The account's calls of today are used up: boardlift has sent {self.used(now):,} of {allowance:,}{share}. "
            f"{UNCHANGED}",
            hint=f"run the command again after 00:00 UTC (in {until_midnight(now)}), or raise `account.share` in "
            "boardlift.yaml; `account.calls_per_day` corrects a number that is wrong",
        )


def until_midnight(now: datetime) -> str:
    """The time until 00:00 UTC, as `5 h 12 min`."""
    now = now.astimezone(UTC)
    left = datetime.combine(now.date() + timedelta(days=1), time(), UTC) - now
    minutes = math.ceil(left.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
