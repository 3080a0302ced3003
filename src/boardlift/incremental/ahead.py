"""Generations that are begun while the changes of their boards are still being read: the machine would be idle.

What a board's log names is left out of the copy. If it turns out that more or less than that was touched, the copy is
made again, so that it decides nothing but how long it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from boardlift.incremental.changes import Changes, most_of
from boardlift.load.stage import Staging
from boardlift.normalize.boards import BoardPlan
from boardlift.shape.table import Table

OpenStagings = Callable[[Sequence[BoardPlan]], dict[str, Staging]]


class Ahead:
    """Stages with `open_stagings`, which gives an empty generation for each board."""

    def __init__(self, open_stagings: OpenStagings) -> None:
        self._open = open_stagings
        self._begun: dict[str, tuple[Staging, frozenset[int]]] = {}

    def begin(self, boards: Sequence[Changes]) -> None:
        """Stage those of these boards of which a new generation will probably come. Raises what staging raises."""
        likely = [each for each in boards if _worth(each)]
        stagings = self._open([each.plan for each in likely]) if likely else {}
        for each in likely:
            staging = stagings[each.plan.key]
            for table in carried_tables(each):
                staging.carry(table, each.resume.live.number, each.named)
            self._begun[each.plan.key] = staging, each.named

    def take(self, key: str) -> tuple[Staging, frozenset[int]] | None:
        """The generation begun for a board, and the items that were left out of it; it is the caller's from now on."""
        return self._begun.pop(key, None)

    @property
    def left(self) -> bool:
        """Whether a generation was begun that nobody took."""
        return bool(self._begun)


def carried_tables(changes: Changes) -> list[Table]:
    """The tables of a board that are copied but for the rows of what was touched: not those made anew each time, and
    not the tombstones, of which other rows go."""
    plan = changes.plan
    others = {table.name for table in (plan.groups, plan.labels, plan.tombstones) if table is not None}
    empty = {table.name for table in changes.resume.live.tables if not table.rows}
    return [table for table in plan.group.tables if table.name not in others | empty]


def _worth(changes: Changes) -> bool:
    """Whether it seems that something has happened which the log explains, and not so much that all will be read."""
    glance, resume = changes.glance, changes.resume
    moved = glance.newest != resume.mark.newest or glance.items_count != resume.live.rows
    few = 0 < len(changes.named) <= most_of(resume.live.rows)
    return moved and few and not glance.doubt and not resume.sweep_due
