"""The quotas of monday.com's plans, as its reference lists them for a personal token (FACTS 4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan grants. An app's token has 5,000,000 points for reads whatever the plan."""

    tier: str  # as `account{tier}` answers it
    calls_per_day: int
    calls_per_minute: int
    concurrency: int
    complexity_per_minute: int


PLANS = {
    plan.tier: plan
    for plan in (
        Plan("free", 1_000, 1_000, 40, 1_000_000),
        Plan("standard", 1_000, 1_000, 40, 10_000_000),
        Plan("pro", 10_000, 2_500, 100, 10_000_000),
        Plan("enterprise", 25_000, 5_000, 250, 10_000_000),
    )
}


def plan_of(name: str) -> Plan:
    """The plan of a name; ValueError with the names there are."""
    if name not in PLANS:
        raise ValueError(f"no plan is called {name!r}; there are: {', '.join(PLANS)}")
    return PLANS[name]
