"""What a sandbox says of a reader: whether it kept to the quotas, and how long it waited when it was told to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from boardlift.errors import ApiError
from boardlift.monday.codes import rule_of
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


@dataclass(frozen=True)
class Lull:
    """A while in which no call was under way, in seconds, and how many of them something told explains."""

    since: float
    seconds: float
    explained: float

    @property
    def fair(self) -> bool:
        """Not more than a tenth or a second longer than explained."""
        return self.seconds <= max(1.1 * self.explained, self.explained + 1.0)


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


def pushing(sandbox: Sandbox) -> list[Mapping[str, object]]:
    """The calls, of whatever question, that came before a wait was over that any answer had told."""
    rows = sandbox.journal()
    told = [(cast("float", row["answered"]), cast("float", row["told"])) for row in rows if row["told"]]
    return [
        row for row in rows if any(at + 1e-6 < cast("float", row["arrived"]) < at + wait - 1e-6 for at, wait in told)
    ]


def lulls(sandbox: Sandbox) -> Iterator[Lull]:
    """Every while without a call between the first and the last. The sandbox has to keep a journal.

    Explained it is by a told wait, by the end of a minute whose calls or points are used up, and, after a failure that
    tells nothing, by what a client waits by itself.
    """
    quiet, excused, dearest = 0.0, 0.0, 0
    standing: Mapping[str, float] = {}
    for row in sandbox.journal():
        arrived, answered, paid = cast("tuple[float, float, int]", (row["arrived"], row["answered"], row["points"]))
        dearest = max(dearest, paid)  # what came after the pause may have been too dear for what was left before it
        if quiet and arrived > quiet:
            spent = [name for name, wanted in (("calls", 1), ("points", dearest)) if standing[f"{name}_left"] < wanted]
            until = max([excused, *(standing[f"{name}_full_at"] for name in spent)])
            yield Lull(quiet, arrived - quiet, max(0.0, until - quiet))
        if answered >= quiet:
            quiet, standing = answered, cast("Mapping[str, float]", row["standing"])
        excused = max(excused, answered + (cast("float", row["told"]) or _by_itself(str(row["outcome"]))))


_BACKOFF = 5.0
"""Seconds: the longest of the pauses after the first three failures."""


def _by_itself(outcome: str) -> float:
    if outcome == "429_bare":
        return rule_of(ApiError("Rate Limit Exceeded"), 429).pause or 0.0
    return _BACKOFF if outcome else 0.0
