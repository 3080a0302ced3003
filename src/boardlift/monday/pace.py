"""How many calls at once are of use: more while that brings clearly more, fewer when it only makes answers slower.

Pure: told of every call that ends, it measures in rounds of as many calls as are allowed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

START = 16
"""Calls at once before anything was measured: less than half of what the smallest plan admits."""
_LEAST = 2
_CLEARLY = 1.2
_HARDLY = 1.06
_SLOWER = 1.5
_PATIENCE = 8
_MOST_PATIENCE = 64


class _Phase(Enum):
    GROW = auto()  # -> SHRINK, HOLD: doubling as long as it pays
    SHRINK = auto()  # -> HOLD: halving as long as nothing is lost
    HOLD = auto()  # small steps


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
        self.usable = self._start = max(1, start)
        self._phase = _Phase.GROW
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
        match self._phase:
            case _Phase.GROW:
                self._grow(level, before, ceiling)
            case _Phase.SHRINK if before is not None:
                self._shrink(level, before)
            case _Phase.HOLD if before is not None:
                self._hold(level, before, ceiling)

    def _grow(self, level: _Level, before: _Level | None, ceiling: int) -> None:
        if before is None or level.rate >= _CLEARLY * before.rate:
            if level.at_once < ceiling:
                self._set(min(2 * level.at_once, ceiling))
        elif level.rate >= _HARDLY * before.rate:
            self._settle_at(level.at_once, level)
        elif before.at_once == self._start and before.at_once > _LEAST:
            # The first doubling brought nothing: perhaps fewer than we began with do as well.
            self._phase, self._before = _Phase.SHRINK, before
            self._set(max(_LEAST, before.at_once // 2))
        else:
            self._settle_at(before.at_once, before)

    def _shrink(self, level: _Level, before: _Level) -> None:
        if level.rate * _HARDLY < before.rate:
            self._settle_at(before.at_once, before)
        elif level.at_once <= _LEAST:
            self._settle_at(level.at_once, level)
        else:
            # The same work with fewer at once is kinder to everybody on the account. Small losses must not add up.
            self._before = _Level(level.at_once, max(level.rate, before.rate), level.seconds)
            self._set(max(_LEAST, level.at_once // 2))

    def _hold(self, level: _Level, before: _Level, ceiling: int) -> None:
        if before.at_once < level.at_once:  # some more were tried
            if level.rate / before.rate - 1 < (level.at_once / before.at_once - 1) / 2:
                self._patience = min(2 * self._patience, _MOST_PATIENCE)
                self._settle_at(before.at_once, before)
        elif level.seconds > _SLOWER * before.seconds and level.rate < before.rate:
            self._settle_at(max(_LEAST, level.at_once * 3 // 4), None)
        else:
            self._before = before  # slow changes must add up
            self._steady += 1
            if self._steady >= self._patience and level.at_once < ceiling:
                self._before = level
                self._set(min(level.at_once + max(1, level.at_once // 4), ceiling))

    def _settle_at(self, at_once: int, level: _Level | None) -> None:
        self._phase = _Phase.HOLD
        self._before = level if level is not None and level.at_once == at_once else None
        self._set(at_once)

    def _set(self, at_once: int) -> None:
        self._steady = 0
        self.usable = max(1, at_once)
        self._again()
