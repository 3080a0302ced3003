"""How a sandbox behaves: quotas, times and shapes, all with generous defaults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

from .fault import Fault
from .plans import plan_of

FilterForm = Literal["iso_between_attribute", "iso_between", "day_between", "exact_attribute"]
FILTER_FORMS: frozenset[FilterForm] = frozenset(get_args(FilterForm))


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """Settings of one server. The defaults never stand in a reader's way."""

    port: int = 0
    latency_seconds: float = 0.0  # an answer takes this long
    latency_per_item_seconds: float = 0.0  # and this for every item in it; a tenth of it without its cells
    workers: int | None = None  # how many answers are worked on at a time; further ones queue
    compress: bool = True  # gzip level 1 when the client accepts it
    tier: str = "pro"  # what `account{tier}` answers; the quotas of a plan come with `of_plan`
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
    log_lag_seconds: float = 0.0  # events show in the activity log this much later
    log_gaps: float = 0.0  # and this share of them never does (FACTS 13)
    webhook_retry_seconds: float = 60.0  # FACTS 14: once a minute
    webhook_retries: int = 30  # for half an hour, then the event is lost
    owner_utc_offset_hours: float | None = None  # of the token's owner; None is Europe/Berlin
    faults: tuple[Fault, ...] = ()
    failing: float = 0.0  # the share of calls, drawn by their number, that fail with 5xx or 429
    failing_seconds: float = 1.0  # the wait that such a failure tells, when it tells one
    failing_seed: int = 1
    journal: bool = False  # keep a record of every call

    def __post_init__(self) -> None:
        """Refuse a misspelt filter form."""
        unknown = self.filter_forms - FILTER_FORMS
        if unknown:
            raise ValueError(f"no filter form is called {min(unknown)!r}; there are: {', '.join(sorted(FILTER_FORMS))}")

    @classmethod
    def of_plan(cls, name: str) -> Self:
        """The quotas of a plan, and the defaults of everything else."""
        plan = plan_of(name)
        return cls(
            tier=plan.tier,
            calls_per_minute=plan.calls_per_minute,
            concurrency=plan.concurrency,
            calls_per_day=plan.calls_per_day,
            complexity_per_minute=plan.complexity_per_minute,
        )

    def with_quotas(
        self,
        *,
        calls_per_minute: int | None = None,
        concurrency: int | None = None,
        calls_per_day: int | None = None,
        complexity_per_minute: int | None = None,
    ) -> Self:
        """The same with other quotas; those left out stay as they are."""
        return replace(
            self,
            calls_per_minute=_either(calls_per_minute, self.calls_per_minute),
            concurrency=_either(concurrency, self.concurrency),
            calls_per_day=_either(calls_per_day, self.calls_per_day),
            complexity_per_minute=_either(complexity_per_minute, self.complexity_per_minute),
        )


def _either(given: int | None, otherwise: int) -> int:
    return otherwise if given is None else given
