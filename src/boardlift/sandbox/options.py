"""How a sandbox behaves: quotas, times and shapes, all with generous defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from .fault import Fault

FilterForm = Literal["iso_between_attribute", "iso_between", "day_between", "exact_attribute"]
FILTER_FORMS: frozenset[FilterForm] = frozenset(get_args(FilterForm))


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
    # FACTS 7: sources contradict each other on the range rules that `__creation_log__` and `__last_updated__` take.
    filter_forms: frozenset[FilterForm] = FILTER_FORMS
    filters_ignored: bool = False  # such rules are taken and not applied
    filter_margin_seconds: int = 0  # their ranges are this much too wide on both sides; below 0: too narrow
    order_ignored: bool = False  # `order_by` has no effect
    owner_utc_offset_hours: float | None = None  # of the token's owner; None is Europe/Berlin
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a misspelt filter form."""
        unknown = self.filter_forms - FILTER_FORMS
        if unknown:
            raise ValueError(f"no filter form is called {min(unknown)!r}; there are: {', '.join(sorted(FILTER_FORMS))}")
