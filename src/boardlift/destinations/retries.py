"""How often and how long a swap asks again for locks that readers hold."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from boardlift.clock import Clock


@dataclass(frozen=True, kw_only=True)
class Retries:
    """At most so many `attempts`, begun within `patience`; the pauses between them grow. All times are in seconds."""

    attempts: int = 50
    patience: float = 30.0
    first_pause: float = 0.05
    longest_pause: float = 1.0

    def tries(self, clock: Clock) -> Iterator[int]:
        """1, 2, ...: the number of each attempt, after a pause before all but the first."""
        deadline = clock.monotonic() + self.patience
        attempt = 0
        while attempt < self.attempts and (attempt == 0 or clock.monotonic() < deadline):
            if attempt:
                longest = min(self.first_pause * 1.5 ** (attempt - 1), self.longest_pause)
                # Two programs that wait for each other must not come back at the same moment.
                clock.sleep(longest * random.uniform(0.5, 1.0))  # noqa: S311 (spreads retries, guards nothing)
            attempt += 1
            yield attempt
