"""What a sandbox says of a reader: whether it kept to the quotas, and how long it waited when it was told to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from boardlift.sandbox import Sandbox

QUOTAS = ("RATE_LIMIT_EXCEEDED", "maxConcurrencyExceeded", "COMPLEXITY_BUDGET_EXHAUSTED", "DAILY_LIMIT_EXCEEDED")


@dataclass(frozen=True)
class Wait:
    """A refusal or failure that told to wait, and how long the same question was not asked again."""

    outcome: str
    told: float
    waited: float

    @property
    def kept(self) -> bool:
        """Never less than told. Times are differences of large numbers, so a microsecond is forgiven."""
        return self.waited >= self.told - 1e-6


def refused_share(sandbox: Sandbox) -> float:
    """The share of all calls that the account's quotas refused; what faults refused is not counted."""
    stats = sandbox.stats()
    refusals = cast("dict[str, int]", stats["refusals"])
    return sum(refusals.get(code, 0) for code in QUOTAS) / max(1, cast("int", stats["calls"]))


def waits(sandbox: Sandbox) -> list[Wait]:
    """Every told wait that the same question came after. The sandbox has to keep a journal.

    Calls that ask the same at once cannot be told apart: the earliest of them that came after the answer counts.
    """
    rows = sandbox.journal()
    assert rows, "no calls, or no journal: SandboxOptions(journal=True)"
    found = []
    for number, row in enumerate(rows):
        if not row["told"]:
            continue
        answered = cast("float", row["answered"])
        again = (cast("float", later["arrived"]) for later in rows[number + 1 :] if later["same"] == row["same"])
        first = next((arrived for arrived in again if arrived >= answered), None)
        if first is not None:
            found.append(Wait(str(row["outcome"]), cast("float", row["told"]), first - answered))
    return found
