"""From a finished run to the watermarks that the next one goes on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from boardlift.incremental.basis import basis_of, packed
from boardlift.incremental.decide import Policy
from boardlift.incremental.live import newest_change
from boardlift.incremental.survey import Survey
from boardlift.incremental.tools import Tools
from boardlift.ledger import Watermark
from boardlift.normalize.boards import BoardPlan


def marks_of(
    run_id: str,
    plans: Sequence[BoardPlan],
    generations: Mapping[str, int],
    survey: Survey,
    tools: Tools,
    policy: Policy,
) -> list[Watermark]:
    """The watermarks of the incremental boards of a run whose `generations` are live now, by board id."""
    if survey.begun is None:
        return []
    # Of the beginning: a read of hours, once a day, must not find the next time that a day has not passed.
    now = survey.started or tools.clock.now()
    found = []
    for plan in plans:
        seen = survey.glances.get(plan.key)
        if not plan.incremental or seen is None:
            continue
        changes = survey.changed.get(plan.key) or survey.unchanged.get(plan.key)
        newest = seen.newest
        if changes is None and not _is_newest(newest, tools, plan, survey.begun):
            newest = None  # the order is not to be trusted, and so the board is never taken for unchanged
        found.append(
            Watermark(
                board_id=plan.key,
                run_id=run_id,
                generation=generations[plan.key],
                at=survey.begun,
                newest=newest,
                items=seen.items_count,
                events=seen.events_since(survey.begun - policy.overlap),
                basis=packed(basis_of(plan)),
                full_read_at=now if changes is None else changes.resume.mark.full_read_at,
                swept_at=now if changes is None or changes.swept else changes.resume.mark.swept_at,
            )
        )
    return found


def _is_newest(told: datetime | None, tools: Tools, plan: BoardPlan, begun: datetime) -> bool:
    """Whether the item that monday gave as the newest is that, seen from a table that has just been read in full."""
    newest = newest_change(tools.destination, plan.table)
    return newest is None or newest >= begun or (told is not None and newest <= told)
