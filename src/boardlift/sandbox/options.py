"""How a sandbox behaves: quotas, times and shapes, all with generous defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .fault import Fault


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """Settings of one server. The defaults never stand in a reader's way."""

    port: int = 0
    latency_seconds: float = 0.0  # waited before every answer
    latency_per_item_seconds: float = 0.0  # and for every item in it
    compress: bool = True  # gzip level 1 when the client accepts it
    calls_per_minute: int = 5_000
    concurrency: int = 250
    calls_per_day: int = 1_000_000
    complexity_per_minute: int = 1_000_000_000
    complexity_per_query: int = 5_000_000
    complexity_status: Literal[200, 429] = 429  # FACTS 3: both are seen
    complexity_form: Literal["new", "old"] = "new"  # FACTS 3: extensions of the refusal
    cursor_life_seconds: float = 3_600.0
    unreadable_boards: frozenset[int] = frozenset()
    faults: tuple[Fault, ...] = ()
