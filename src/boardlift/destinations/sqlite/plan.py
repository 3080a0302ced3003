"""What `boardlift plan` says about tables in SQLite: which way each goes live, what goes along, what is in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as changed
from datetime import UTC, datetime

from boardlift.destinations import catalogue
from boardlift.destinations.interface import (
    Generation,
    Replace,
    Replacement,
    StagedGroup,
    StagedRef,
    State,
    hidden_name,
)
from boardlift.destinations.sqlite.names import Names
from boardlift.destinations.sqlite.schema import Thing
from boardlift.destinations.sqlite.swap import Rehearsal, Swaps, told_of
from boardlift.shape.table import Table

_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def plan_replacements(
    swaps: Swaps,
    names: Names,
    known: Sequence[Generation],
    there: Sequence[Thing],
    group: str,
    tables: Sequence[Table],
    replace: Replace,
    foreign: Sequence[str],
) -> list[Replacement]:
    """How these tables of a group, and those of its live generation that vanish, would go live. Changes nothing."""
    mine = [g for g in known if g.group == group]
    live = next((g for g in mine if g.state is State.LIVE), None)
    before = [table.name for table in live.tables] if live else []
    theirs = catalogue.live_names(g for g in known if g.group != group)
    taken = dict.fromkeys(foreign, "a table that boardlift did not make has its name")
    taken |= {table.name: "another board's live table has its name" for table in tables if table.name in theirs}
    free = [table for table in tables if table.name not in taken]
    rehearsal = Rehearsal()
    if before and free:
        number = max(g.number for g in mine) + 1
        refs = [StagedRef(group, number, table, hidden_name(table.name, number)) for table in free]
        staged = StagedGroup(group, number, tuple((ref, 0) for ref in refs), replace)
        plan = catalogue.plan_promotion("plan", known, [staged], _ANY_TIME)
        fresh = [(names.hidden(ref.hidden_name), ref.table) for ref in refs]
        leftovers = {name for name, _ in fresh}
        refilled = {group} if replace is Replace.IN_PLACE else set()
        rehearsal = swaps.rehearse([t for t in there if t.table not in leftovers], plan, refilled, fresh)
    found = [_replacement(names, table.name, replace, table.name in before, rehearsal) for table in tables]
    wanted = {table.name for table in tables}
    found += [_vanishing(names, name, replace, rehearsal) for name in before if name not in wanted]
    return [_taken(each, taken) for each in found]


def _replacement(names: Names, table: str, replace: Replace, is_live: bool, rehearsal: Rehearsal) -> Replacement:
    if not is_live:
        why = "it is new: it takes its name in the one transaction of the run"
    elif replace is Replace.IN_PLACE:
        why = "it is emptied and filled again in the one transaction of the run; no reader waits"
    else:
        why = "it changes names with the new table in the one transaction of the run; no reader waits"
    return _with_findings(names, Replacement(table, replace, why), rehearsal)


def _vanishing(names: Names, table: str, replace: Replace, rehearsal: Rehearsal) -> Replacement:
    why = "the board no longer has it: it goes, and stays with the kept generation"
    return _with_findings(names, Replacement(table, replace, why), rehearsal)


def _with_findings(names: Names, found: Replacement, rehearsal: Rehearsal) -> Replacement:
    live = names.live(found.table)
    obstacles = dict.fromkeys(told_of(loss) for loss in rehearsal.losses if loss.table == live)
    return changed(found, carried=tuple(rehearsal.carried.get(live, ())), obstacles=tuple(obstacles))


def _taken(found: Replacement, taken: dict[str, str]) -> Replacement:
    if found.table not in taken:
        return found
    way_out = "rename or drop that table, or give the board another `table:` name in boardlift.yaml"
    return changed(found, obstacles=(f"{taken[found.table]}; {way_out}", *found.obstacles))
