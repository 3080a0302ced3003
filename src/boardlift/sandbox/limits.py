"""The account's quotas: calls and points a minute, calls at once, calls a day (FACTS 4), and their headers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from . import problems
from .board import DAY
from .kinds.base import Record
from .options import SandboxOptions
from .problems import Refusal

WINDOW = 60.0


@dataclass(slots=True)
class Window:
    """A quota that refills sixty seconds after the first call that used it."""

    quota: int
    used: int = 0
    since: float | None = None
    past: list[int] = field(default_factory=list)  # what was used of it in each of its minutes that are over

    def left(self, now: float) -> int:
        """What is left now; a window that is over starts anew."""
        if self.since is not None and now - self.since >= WINDOW:
            self.past.append(self.used)
            self.used, self.since = 0, None
        return self.quota - self.used

    def spend(self, amount: int, now: float) -> None:
        """Use some of it."""
        if self.since is None:
            self.since = now
        self.used += amount

    def reset_in(self, now: float) -> int:
        """Whole seconds until it is full again."""
        return math.ceil(WINDOW if self.since is None else max(0.0, self.since + WINDOW - now))

    def full_at(self, now: float) -> float:
        """When it is full again, which it may be now."""
        return now if self.since is None else max(now, self.since + WINDOW)


class Limits:
    """The quotas of one server."""

    def __init__(self, options: SandboxOptions, clock: Callable[[], float]) -> None:
        """Quotas as the options say, all full."""
        self.options, self.clock = options, clock
        self.calls = Window(options.calls_per_minute)
        self.points = Window(options.complexity_per_minute)
        self.running = self.peak = 0
        self.day, self.calls_today = -1, 0.0
        self._lock = Lock()

    def enter(self) -> Refusal | None:
        """A call begins: None if it may, else why not. A refused call counts a tenth of a daily call."""
        with self._lock:
            self.peak = max(self.peak, self.running + 1)
            now = self.clock()
            if int(now // DAY) != self.day:
                self.day, self.calls_today = int(now // DAY), 0.0
            refused = self._refusal(now)
            self.calls_today += 0.1 if refused else 1.0
            if refused is None:
                self.calls.spend(1, now)
                self.running += 1
            return refused

    def _refusal(self, now: float) -> Refusal | None:
        if self.calls_today >= self.options.calls_per_day:
            return problems.daily_limit(math.ceil((self.day + 1) * DAY - now))
        if self.running >= self.options.concurrency:
            return problems.too_many_at_once()
        if self.calls.left(now) < 1:
            return problems.rate_limited(max(1, self.calls.reset_in(now)))
        return None

    def leave(self) -> None:
        """A call that had entered is over."""
        with self._lock:
            self.running -= 1

    def pay(self, cost: int) -> tuple[int, int, int] | Refusal:
        """Pay for an answer: (before, after, seconds to the reset), or the refusal when it costs too much."""
        options = self.options
        with self._lock:
            now = self.clock()
            before = self.points.left(now)
            if cost > options.complexity_per_query:
                return problems.query_too_complex(cost, options.complexity_per_query)
            if cost > before:
                retry = max(1, self.points.reset_in(now))
                return problems.complexity_exhausted(
                    options.complexity_form,
                    options.complexity_status,
                    cost=cost,
                    left=before,
                    limit=options.complexity_per_minute,
                    retry_in=retry,
                )
            self.points.spend(cost, now)
            return before, before - cost, self.points.reset_in(now)

    def standing(self) -> Record:
        """What is left of the calls and points of this minute, and when they are full again, as the account's time."""
        with self._lock:
            now = self.clock()
            return {
                "calls_left": self.calls.left(now),
                "calls_full_at": self.calls.full_at(now),
                "points_left": self.points.left(now),
                "points_full_at": self.points.full_at(now),
            }

    def record(self) -> Record:
        """What was used: calls at once (refused ones too), calls and points of each minute, the running one last."""
        with self._lock:
            return {
                "peak_concurrency": self.peak,
                "calls_by_minute": [*self.calls.past, self.calls.used],
                "points_by_minute": [*self.points.past, self.points.used],
                "calls_today": round(self.calls_today, 1),
            }

    def headers(self) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy` as recorded in July 2026 (FACTS 4)."""
        options = self.options
        with self._lock:
            now = self.clock()
            calls, points = max(0, self.calls.left(now)), self.points.left(now)
            wait = f";t={self.calls.reset_in(now)}" if calls == 0 else ""
            left = options.concurrency - self.running
            reset = self.points.reset_in(now)
        return {
            "RateLimit-Policy": (
                f'"minuteRate";q={options.calls_per_minute};w=60,'
                f' "concurrency";q={options.concurrency};qu="concurrent-requests",'
                f' "complexityMinute";q={options.complexity_per_minute};w=60;qu="content-bytes"'
            ),
            "RateLimit": (
                f'"minuteRate";r={calls}{wait}, "concurrency";r={left}, "complexityMinute";r={points};t={reset}'
            ),
        }
