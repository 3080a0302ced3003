"""The generation that comes of changes: the one before, without what was touched, and with what was read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from boardlift.destinations.interface import Generation
from boardlift.errors import SourceError
from boardlift.incremental.ahead import carried_tables
from boardlift.incremental.changes import Changes
from boardlift.incremental.ids import comparing
from boardlift.incremental.live import ids_of, rows_of
from boardlift.incremental.tools import Tools
from boardlift.load.stage import Staging
from boardlift.monday.blame import concerns_a_board
from boardlift.monday.by_id import Fate, Standing, settle
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.items import Normalizer, Rows
from boardlift.spool.window import Window

_WINDOWS_AT_ONCE = 8


@dataclass(frozen=True)
class Difference:
    """What a new generation has other than the one before; None where there was none to compare with."""

    added: int | None = None
    changed: int | None = None
    deleted: int | None = None


def stage_changes(
    changes: Changes, staging: Staging, normalizer: Normalizer, now: datetime, without: Collection[int] | None = None
) -> Difference:
    """Fill a staged generation: rows of the one before, rows of what was read, tombstones of what has gone.

    in: `without`, the items left out of a copy of the one before that is there already; None when it is empty.
    """
    plan, before = changes.plan, changes.resume.live.number
    left = changes.items.keys() | changes.gone.keys()
    deleted = changes.deleted
    # What went in an earlier run and is named again by the log keeps its tombstone.
    back = changes.items.keys() | {standing.item for standing in deleted}
    if without is not None and left != without:
        staging.restart()
    if left != without:
        for table in carried_tables(changes):
            staging.carry(table, before, left)
    if plan.tombstones is not None and any(
        t.rows for t in changes.resume.live.tables if t.name == plan.tombstones.name
    ):
        staging.carry(plan.tombstones, before, back)
    for start in range(0, len(changes.windows), _WINDOWS_AT_ONCE):
        _append(staging, normalizer.rows(*changes.windows[start : start + _WINDOWS_AT_ONCE]))
    normalizer.set_apart(changes.unreadable)
    _append(staging, normalizer.finish())
    names = {item: (row.name, row.updated_at) for item, row in changes.live.items()}
    _bury(plan, deleted, names, staging, normalizer, now)
    return Difference(changes.added, changes.changed, len(deleted))


def stage_more(windows: Sequence[Window], staging: Staging, normalizer: Normalizer) -> None:
    """Add rows to a staged generation that is whole but for these."""
    if not windows:
        return
    for start in range(0, len(windows), _WINDOWS_AT_ONCE):
        _append(staging, normalizer.rows(*windows[start : start + _WINDOWS_AT_ONCE]))
    _append(staging, normalizer.gathered_links())
    _append(staging, normalizer.gathered_misfits())


def stage_tombstones(
    tools: Tools,
    plan: BoardPlan,
    live: Generation | None,
    windows: Sequence[Window],
    staging: Staging,
    normalizer: Normalizer,
) -> Difference:
    """After a full read: find out which items of the generation before have gone, and what became of them."""
    if live is None or plan.tombstones is None:
        return Difference()
    table = live.tables[0].name
    with comparing(tools.spool.folder / "scratch", windows, tools.destination, table) as ids:
        gone, appeared, changed = ids.vanished(), len(ids.appeared()), len(ids.changed())
        known = {stored.name: stored.fingerprint for stored in live.tables}
        if known.get(plan.tombstones.name) == plan.tombstones.fingerprint:
            back = ids.present(ids_of(tools.destination, plan.tombstones.name))
            staging.carry(plan.tombstones, live.number, {*gone, *back})
    try:
        standings = settle(tools.client, plan.board, gone)
    except SourceError as error:
        if not concerns_a_board(error):
            raise
        # That they are not on the board has been seen; only where they are cannot be told.
        standings = {item: Standing(item, Fate.ABSENT) for item in gone}
    rows = rows_of(tools.destination, table, gone)
    names = {item: (row.name, row.updated_at) for item, row in rows.items()}
    _bury(plan, standings.values(), names, staging, normalizer, tools.clock.now())
    return Difference(appeared, changed, len(gone))


def _bury(
    plan: BoardPlan,
    gone: Collection[Standing],
    names: dict[int, tuple[str | None, datetime | None]],
    staging: Staging,
    normalizer: Normalizer,
    now: datetime,
) -> None:
    """One tombstone for each; what monday does not tell of an item is taken from its last row."""
    if plan.tombstones is None or not gone:
        return
    rows: list[tuple[object, ...]] = []
    for each in gone:
        name, updated_at = names.get(each.item, (None, None))
        told = (each.name or name or "").replace("\0", "") or None
        rows.append((each.item, told, each.fate.value, now, each.updated_at or updated_at))
    made = normalizer.constant(plan.tombstones, rows)
    staging.append(made.table, made.stream)


def _append(staging: Staging, arrived: Iterable[Rows]) -> None:
    for rows in arrived:
        staging.append(rows.table, rows.stream)
