"""A clock on which waiting costs nothing and is written down."""

from __future__ import annotations

import threading
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
