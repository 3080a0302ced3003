"""Counts of what was asked and answered, so that a test can say whether a reader kept to the quotas."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass, field
from threading import Lock

from .kinds.base import Record


@dataclass(slots=True)
class Call:
    """One call in the journal. `same` is alike for calls that ask the same; times are the account's, in seconds."""

    number: int
    same: str
    arrived: float
    answered: float = 0.0
    status: int = 0
    outcome: str = ""  # "" when it was answered; else the refusal's code or the fault's kind
    told: float = 0.0  # seconds the answer told the client to wait
    points: int = 0  # what was paid for it
    standing: Record = field(default_factory=dict)  # of the minute's quotas, when it was answered


class Stats:
    """Counts, and the journal when it is kept."""

    def __init__(self, *, journal: bool) -> None:
        """All zero."""
        self._lock = Lock()
        self._journal: list[Call] | None = [] if journal else None
        self.calls = self.points = 0
        self.refusals: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.operations: dict[str, Counter[str]] = {}

    def begin(self, body: bytes, now: float) -> Call:
        """A call came in."""
        with self._lock:
            self.calls += 1
            if self._journal is None:
                return Call(self.calls, "", now)
            call = Call(self.calls, hashlib.sha256(body).hexdigest()[:16], now)
            self._journal.append(call)
            return call

    def count(self, names: set[str], what: str, amount: int = 1) -> None:
        """Add to a count of each operation."""
        with self._lock:
            for name in names:
                self.operations.setdefault(name, Counter())[what] += amount

    def paid(self, points: int) -> None:
        """Points were spent."""
        with self._lock:
            self.points += points

    def refused(self, name: str) -> None:
        """The account's own quotas or rules refused a call."""
        with self._lock:
            self.refusals[name] += 1

    def spoiled(self, kind: str) -> None:
        """A fault hit a call."""
        with self._lock:
            self.faults[kind] += 1

    def journal(self) -> list[Record]:
        """Every call, in the order they came; empty when no journal is kept."""
        with self._lock:
            return [asdict(call) for call in self._journal or ()]

    def record(self) -> Record:
        """The counts as JSON-able values."""
        with self._lock:
            return {
                "calls": self.calls,
                "points": self.points,
                "refusals": dict(self.refusals),
                "faults": dict(self.faults),
                "operations": {name: dict(counts) for name, counts in self.operations.items()},
            }
