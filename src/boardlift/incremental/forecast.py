"""What an incremental run would cost, as far as one look at the boards tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boardlift.incremental.changes import is_quiet, most_of
from boardlift.incremental.decide import ReadAll, Resume
from boardlift.monday.client import MondayClient
from boardlift.monday.hints import Glance, glance
from boardlift.normalize.boards import BoardPlan

_THIN_OBJECTS = 2
"""Of an item in a sweep: itself and its group."""


FEW_CHANGES = (3, 2_000)
"""Calls and points of a board of which little has changed: assumed where nobody has looked yet."""


def assumed(plan: BoardPlan, way: Resume, page_size: int) -> tuple[int, int]:
    """Calls and points of a board that nobody has looked at yet: few changes, and a sweep where one is due."""
    calls, points = FEW_CHANGES
    if not way.sweep_due:
        return calls, points
    items = plan.board.items_count or way.live.rows
    return calls + _pages(items, page_size), points + 10 * _THIN_OBJECTS * items


@dataclass(frozen=True)
class Cost:
    """Calls and complexity points of one board, without its share of what is asked for many boards at once."""

    calls: int
    points: int


def forecast(
    client: MondayClient, plans: Sequence[BoardPlan], ways: Mapping[str, ReadAll | Resume], page_size: int
) -> dict[str, Cost]:
    """The cost of each board that would be read by its changes; left out are those that monday does not tell of, and
    those with so many changes that all will be read."""
    boards = {plan.key: (plan, way) for plan in plans if isinstance(way := ways[plan.key], Resume)}
    if not boards:
        return {}
    seen = glance(client, {key: resume.since for key, (_, resume) in boards.items()})
    return {
        key: _cost(*boards[key], each, page_size)
        for key, each in seen.items()
        if len(each.mentioned - each.taken_away) <= most_of(boards[key][1].live.rows)
    }


def _cost(plan: BoardPlan, resume: Resume, seen: Glance, page_size: int) -> Cost:
    items = seen.items_count or 0
    calls = points = 0
    if resume.sweep_due or seen.doubt:
        calls, points = _pages(items, page_size), 10 * _THIN_OBJECTS * items
    if not is_quiet(seen, resume):
        # Ten points an object: the item, its group, and each cell (API page "Complexity").
        touched = len(seen.mentioned)
        calls += _pages(touched, page_size)
        points += 10 * touched * (2 + len(plan.columns))
    return Cost(calls, points)


def _pages(items: int, page_size: int) -> int:
    return max(1, -(-items // page_size))
