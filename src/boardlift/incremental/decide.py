"""Whether a board can be read by its changes, decided from what is known before monday is asked anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from boardlift.destinations.interface import Generation
from boardlift.incremental.basis import basis_of, difference, unpacked
from boardlift.ledger import Watermark
from boardlift.normalize.boards import BoardPlan

Schedule = Literal["hourly", "daily", "weekly", "never"]
_PERIODS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_EARLY = 0.9
"""A run a day must not find that a day has not quite passed."""
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True)
class Policy:
    """What boardlift.yaml and the command line say of incremental boards; `full` wants all of them read whole."""

    overlap: timedelta = timedelta(minutes=5)
    reconcile: Schedule = "daily"
    sweep: Schedule = "daily"
    max_deletes: float = 0.1
    full: bool = False


@dataclass(frozen=True)
class ReadAll:
    """Every item is to be read. `reason` is a phrase; empty for a board that is read so always."""

    reason: str = ""


@dataclass(frozen=True)
class Resume:
    """What has changed since a moment is to be read, on top of the live generation.

    `sweep_due`: the ids of all items are compared, whatever monday tells. `restage`: titles, indexes or groups differ,
    so that there has to be a new generation although no item may have changed.
    """

    live: Generation
    mark: Watermark
    since: datetime
    sweep_due: bool
    restage: bool


def decide(
    plan: BoardPlan, live: Generation | None, mark: Watermark | None, now: datetime, policy: Policy
) -> ReadAll | Resume:
    """How to read a board. Whatever is not as the last run left it means reading all."""
    if not plan.incremental:
        return ReadAll()
    if policy.full:
        return ReadAll("a full read was asked for")
    if plan.board.is_multi_level:
        return ReadAll("it has several levels, of which monday counts one only")
    if live is None:
        return ReadAll("no generation of it is live")
    if mark is None:
        return ReadAll("no run has read it for an incremental one to go on from")
    if mark.generation != live.number:
        return ReadAll(f"generation {live.number} is live, and the last read made generation {mark.generation}")
    before = unpacked(mark.basis)
    if reason := difference(before, plan):
        return ReadAll(reason)
    stored = {table.name: table.fingerprint for table in live.tables}
    if stored != {table.name: table.fingerprint for table in plan.group.tables}:
        return ReadAll("its live tables are not those that would be made now")
    if _due(mark.full_read_at, now, policy.reconcile):
        return ReadAll(
            f"its last full read is of {mark.full_read_at:%Y-%m-%d %H:%M} UTC (reconcile: {policy.reconcile})"
        )
    return Resume(
        live=live,
        mark=mark,
        since=mark.at - policy.overlap,
        sweep_due=_due(mark.swept_at, now, policy.sweep),
        restage=before is None or before.looks != basis_of(plan).looks,
    )


def _due(last: datetime, now: datetime, schedule: Schedule) -> bool:
    period = _PERIODS.get(schedule)
    # A moment to come was written when the clock was wrong; until it has come, nobody knows.
    return period is not None and (now - last >= period * _EARLY or last - now > _AHEAD)
