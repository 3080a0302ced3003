"""How long an answer takes: the clock it is taken from, and the workers who share the work."""

from __future__ import annotations

import heapq
import time
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

THIN = 0.1  # an item without its cells, as a share of one with them


class Clock(Protocol):
    """What the sandbox has to know about time; boardlift's own clocks fit."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class MachineClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since the machine started, or so."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Workers:
    """So many answers are worked on at a time; the others queue in the order they came."""

    def __init__(self, count: int | None) -> None:
        """`count` None: as many as there are calls."""
        self._free = None if count is None else [0.0] * count
        self._lock = Lock()

    def finish(self, arrived: float, seconds: float) -> float:
        """When an answer that takes `seconds` is ready: the first free worker takes it, not before it arrived."""
        if self._free is None:
            return arrived + seconds
        with self._lock:
            ready = max(arrived, self._free[0]) + seconds
            heapq.heapreplace(self._free, ready)
            return ready


def work(latency: float, per_item: float, items: int, with_cells: int) -> float:
    """Seconds an answer is worked on: the latency, and `per_item` for each item with its cells, a tenth for others."""
    return latency + per_item * (with_cells + THIN * max(0, items - with_cells))
