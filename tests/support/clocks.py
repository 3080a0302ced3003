"""A clock on which waiting costs nothing and is written down."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class FastClock:
    """Time stands still unless somebody sleeps; then it jumps. `slept` is how long all of them slept together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began = datetime.now(UTC)
        self.slept = 0.0

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.slept)

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept += seconds


class HurriedClock:
    """A clock on which a second of the machine is `speed` seconds; for waits that many threads and a server share."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._real = time.monotonic()
        self._began = datetime.now(UTC)
        self.sleeps: list[tuple[float, float]] = []

    def monotonic(self) -> float:
        return (time.monotonic() - self._real) * self._speed

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.monotonic())

    def epoch(self) -> float:
        """What a sandbox account is given as its clock."""
        return self.now().timestamp()

    def sleep(self, seconds: float) -> None:
        self.sleeps.append((self.monotonic(), seconds))
        time.sleep(seconds / self._speed)
