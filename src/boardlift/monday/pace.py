"""How many calls at once are of use: more while that brings clearly more, fewer when it only makes answers slower.

Pure: told of every call that ends, it measures in rounds of as many calls as are allowed at once.
"""

from __future__ import annotations

from dataclasses import dataclass

START = 8
"""Calls at once before anything was measured: a fifth of what the smallest plan admits."""
_CLEARLY = 1.2
_SLOWER = 1.5
_PATIENCE = 8
_MOST_PATIENCE = 64


@dataclass(frozen=True)
class _Level:
    """What one number of calls at once has brought: work per second, and the mean seconds of a call."""

    at_once: int
    rate: float
    seconds: float


@dataclass
class _Round:
    number: int = 0
    began: float | None = None
    calls: int = 0
    work: int = 0
    seconds: float = 0.0
    full: bool = False


class Pace:
    """`usable` calls at once. Only what happened while all of them were under way is a measurement."""

    def __init__(self, start: int = START) -> None:
        self.usable = max(1, start)
        self._growing = True
        self._before: _Level | None = None
        self._round = _Round()
        self._steady = 0
        self._patience = _PATIENCE

    def began(self, in_flight: int, now: float) -> int:
        """A call begins, `in_flight` with it. Comes back: the round it belongs to."""
        current = self._round
        if current.began is None:
            current.began = now
        current.full = current.full or in_flight >= self.usable
        return current.number

    def ended(self, round_number: int, work: int, sent: float, received: float, ceiling: int) -> None:
        """A call is over that did `work` (points, say). No more than `ceiling` are admitted whatever it brings."""
        current = self._round
        if round_number != current.number or current.began is None:
            return
        current.calls += 1
        current.work += work
        current.seconds += received - sent
        if current.calls < self.usable:
            return
        elapsed = max(received - current.began, 1e-6)
        level = _Level(self.usable, current.work / elapsed, current.seconds / current.calls)
        full = current.full
        self._again()
        if full and level.rate > 0:
            self._judge(level, ceiling)

    def interrupted(self) -> None:
        """Somebody waited for a quota: what this round measures is not the server."""
        if self._round.calls or self._round.began is not None:
            self._again()

    def refused(self, round_number: int) -> None:
        """Too many at once; once for all calls of a round."""
        if round_number == self._round.number:
            self._settle_at(max(1, self.usable // 2), None)

    def _again(self) -> None:
        self._round = _Round(self._round.number + 1)

    def _judge(self, level: _Level, ceiling: int) -> None:
        before, self._before = self._before, level
        if self._growing:
            if before is not None and level.rate < _CLEARLY * before.rate:
                self._growing = False
                # The same work with fewer at once is kinder to everybody on the account.
                self._settle_at(before.at_once if level.rate < 1.05 * before.rate else level.at_once, before)
            elif level.at_once < ceiling:
                self._set(min(2 * level.at_once, ceiling))
            return
        if before is None:
            return
        if before.at_once < level.at_once:  # one more was tried
            gained = level.rate / before.rate - 1
            if gained < (level.at_once / before.at_once - 1) / 2:
                self._patience = min(2 * self._patience, _MOST_PATIENCE)
                self._settle_at(before.at_once, before)
        elif level.seconds > _SLOWER * before.seconds and level.rate < before.rate:
            self._settle_at(max(2, level.at_once * 3 // 4), None)
        else:
            self._before = before  # slow changes must add up
            self._steady += 1
            if self._steady >= self._patience and level.at_once < ceiling:
                self._before = level
                self._set(min(level.at_once + max(1, level.at_once // 4), ceiling))

    def _settle_at(self, at_once: int, level: _Level | None) -> None:
        self._growing = False
        self._before = level if level is not None and level.at_once == at_once else None
        self._set(at_once)

    def _set(self, at_once: int) -> None:
        self._steady = 0
        self.usable = max(1, at_once)
        self._again()
