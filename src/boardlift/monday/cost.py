"""What reading has cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CallStats:
    """What reading has cost: `calls` sent (failed ones too, they count with monday), `points` of complexity, body
    `bytes`, `retries` among the calls, and seconds waited."""

    calls: int = 0
    points: int = 0
    bytes: int = 0
    retries: int = 0
    waited_seconds: float = 0.0

    def __add__(self, other: CallStats) -> CallStats:
        return CallStats(
            self.calls + other.calls,
            self.points + other.points,
            self.bytes + other.bytes,
            self.retries + other.retries,
            self.waited_seconds + other.waited_seconds,
        )
