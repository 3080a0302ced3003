"""What a listener knows of itself, for monitors. Holds no secret, no title and no error text."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from boardlift.clock import Clock

BEHIND_SECONDS = 600.0
"""A change that has waited longer than this for its sync is worth waking somebody."""
FAILING_SECONDS = 120.0
"""A ledger that failed counts as failing for as long as this; monday.com sends a refused event again every minute."""


@dataclass(frozen=True)
class Sync:
    """How the latest sync ended. `error` is the kind of the error, empty after success; no boards means all."""

    ended_at: datetime
    boards: int
    seconds: float
    error: str


class Status:
    """Told by several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._dirty: dict[str, datetime] = {}
        self._last: Sync | None = None
        self._succeeded_at: datetime | None = None
        self._ledger_failed_at: datetime | None = None
        self._started_at = clock.now()

    def count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1

    def marked(self, boards: Iterable[str]) -> None:
        """Boards became dirty just now."""
        now = self._clock.now()
        with self._lock:
            self._ledger_failed_at = None
            for board in boards:
                self._dirty.setdefault(board, now)

    def dirty(self, boards: Mapping[str, datetime]) -> None:
        """These boards, and no others, are dirty since then."""
        with self._lock:
            self._dirty = dict(boards)

    def synced(self, sync: Sync) -> None:
        with self._lock:
            self._last = sync
            if not sync.error:
                self._succeeded_at = sync.ended_at

    def ledger_failed(self) -> None:
        """The ledger could not be read or written just now."""
        with self._lock:
            self._ledger_failed_at = self._clock.now()

    def report(self, *, ledger_stuck: bool) -> tuple[bool, dict[str, object]]:
        """Whether all is well, and the whole as plain values. Never waits for the ledger or the network."""
        with self._lock:
            now, failed = self._clock.now(), self._ledger_failed_at
            ledger = ledger_stuck or (failed is not None and (now - failed).total_seconds() < FAILING_SECONDS)
            waiting = min(self._dirty.values(), default=None)
            lag = (now - waiting).total_seconds() if waiting else 0.0
            trouble = "ledger" if ledger else "behind" if lag > BEHIND_SECONDS else ""
            return not trouble, {
                "status": trouble or "ok",
                "started_at": self._started_at,
                "dirty_boards": len(self._dirty),
                "oldest_change_waits_seconds": round(max(0.0, lag), 1),
                "last_success_at": self._succeeded_at,
                "last_sync": self._last
                and {
                    "ended_at": self._last.ended_at,
                    "boards": self._last.boards or "all",
                    "seconds": round(self._last.seconds, 3),
                    "error": self._last.error,
                },
                "events": dict(self._counts),
            }
