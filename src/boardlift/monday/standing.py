"""What a budget tells of itself, and what it hears of others: plain values and one Protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Standing:
    """What is known beyond this process: `processes` that read the account now, this one counted, and the calls that
    all of them have sent since 00:00 UTC."""

    processes: int = 1
    calls_today: int = 0


class SharedUse(Protocol):
    """Where processes on one account tell each other what they use."""

    def beat(self, calls: int) -> Standing:
        """Note that we are alive and have sent `calls` more."""
        ...

    def leave(self, calls: int) -> None:
        """Note the last calls, and that we are gone."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """What may be used now.

    `usable` calls at once are worthwhile, `at_once` are allowed. Points and calls are our part of the quota
    (`..._minute`, `calls_day`) and what is left of that part. `calls_day` is None when the number is not known.
    `seconds_per_call` is 0 before the first page.
    """

    usable: int
    at_once: int
    in_flight: int
    points_minute: int
    points_left: int
    calls_minute: int
    calls_left: int
    calls_day: int | None
    calls_today: int
    processes: int
    seconds_per_call: float

    @property
    def calls_left_today(self) -> int | None:
        return None if self.calls_day is None else max(0, self.calls_day - self.calls_today)
