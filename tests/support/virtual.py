"""Virtual time for threads that sleep on one clock: an hour of waiting passes in a moment, in the right order."""

from __future__ import annotations

import heapq
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
TASKS = Path("/proc/self/task")
LOOKS = 2  # how often everybody has to be found idle before time jumps
BETWEEN = 0.0005 if sys.platform == "linux" else 0.003  # seconds between two looks
IDLE_SHARE = 0.1  # of a processor, used by the other threads together between two looks


class VirtualClock:
    """A `boardlift.clock.Clock` whose time stands still while any thread of the process works.

    When every thread waits, and one of them sleeps here, time jumps to the earliest end of a sleep. Whatever works for
    a waiting thread must be a thread of this process: a database server beside it looks idle.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self._sleepers: list[tuple[float, int, threading.Event]] = []
        self._numbers = count()
        self._news = threading.Condition()
        self._ticker: threading.Thread | None = None

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Virtual seconds since the clock was made."""
        with self._news:
            return self._passed

    def sleep(self, seconds: float) -> None:
        """Wait until that much virtual time has passed."""
        if seconds <= 0:
            return
        woken = threading.Event()
        with self._news:
            heapq.heappush(self._sleepers, (self._passed + seconds, next(self._numbers), woken))
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._tick, daemon=True, name="virtual-time")
                self._ticker.start()
            self._news.notify_all()
        woken.wait()

    def advance(self, seconds: float) -> None:
        """Let time pass at once, whoever works; sleeps that end meanwhile end at their own time."""
        with self._news:
            until = self._passed + seconds
            while self._sleepers and self._sleepers[0][0] <= until:
                self._jump()
            self._passed = until

    def _jump(self) -> None:
        at = self._passed = max(self._passed, self._sleepers[0][0])
        while self._sleepers and self._sleepers[0][0] <= at:
            heapq.heappop(self._sleepers)[2].set()

    def _tick(self) -> None:
        while True:
            with self._news:
                if not self._sleepers and not self._news.wait(1.0):
                    self._ticker = None
                    return
                first = self._sleepers[0][1] if self._sleepers else None
            if first is None or not idle():
                continue
            with self._news:
                if self._sleepers and self._sleepers[0][1] == first:
                    self._jump()


def idle() -> bool:
    """Whether every other thread of the process waits, seen several times in a row."""
    for look in range(LOOKS):
        if running():
            time.sleep(BETWEEN)
            return False
        if look < LOOKS - 1:
            used, wall = others_used(), time.perf_counter()
            time.sleep(BETWEEN)
            if others_used() - used > IDLE_SHARE * (time.perf_counter() - wall):
                return False
    return True


def others_used() -> float:
    """Processor seconds that the other threads have used so far."""
    return time.process_time() - time.thread_time()


def running() -> bool:
    """Whether another thread runs, wants to run, or waits for a disk, as Linux tells it; elsewhere nobody knows."""
    own = threading.get_native_id()
    if sys.platform != "linux":
        return False
    for task in TASKS.iterdir():
        try:
            state = (task / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
        except OSError:  # the thread is over
            continue
        if int(task.name) != own and state in ("R", "D"):
            return True
    return False
