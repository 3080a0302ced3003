"""How tables would go live in SQL Server, for `boardlift plan`: the catalogue is read, nothing is changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace as changed

from boardlift.destinations.interface import Generation, Replace, Replacement, hidden_namespace
from boardlift.destinations.mssql.ddl import misfits
from boardlift.destinations.mssql.inspect import Inspector
from boardlift.destinations.mssql.objects import Live
from boardlift.destinations.mssql.obstacles import (
    carried,
    peoples_columns,
    refill_obstacles,
    shape_now,
    shape_of,
    swap_obstacles,
)
from boardlift.destinations.mssql.prepare import versioning
from boardlift.destinations.mssql.session import Session
from boardlift.shape.table import Table


def planned(
    session: Session,
    inspector: Inspector,
    schema: str,
    tables: Sequence[Table],
    live: Generation | None,
    sealed: Collection[str],
    taken: Mapping[str, str],
    replace: Replace,
) -> list[Replacement]:
    """One value a table, those of the live generation that vanish last. `taken` are names that are not free: why.

    Raises the driver's errors.
    """
    wanted = {table.name for table in tables}
    hidden = {t.name: t.hidden_name for t in (live.tables if live else ()) if t.hidden_name in sealed}
    copies = inspector.tables(hidden_namespace(schema), hidden.values())
    held = {name: copies[place] for name, place in hidden.items() if place in copies}
    going = [table for table in (live.tables if live else ()) if table.name not in wanted]
    here = inspector.tables(schema, [*wanted, *(table.name for table in going)])
    found = [_coming(session, inspector, schema, table, here.get(table.name), taken, replace) for table in tables]
    theirs = {
        name: tuple(map(str, peoples_columns(schema, now, held.get(name))))
        for name, now in here.items()
        if name not in taken
    }
    for stored in going:
        now = here.get(stored.name)
        why = "the board no longer has it: it leaves with its generation"
        obstacles: list[str] = [taken[stored.name]] if stored.name in taken else []
        if now is not None and stored.name not in taken:
            obstacles += map(str, swap_obstacles(inspector, schema, now, None))
            if stored.hidden_name in sealed:
                why = "the board no longer has it: it is dropped, its rows stay in the kept copy"
        found.append(Replacement(stored.name, Replace.SWAP, why, (), tuple(obstacles)))
    return [changed(each, obstacles=(*each.obstacles, *theirs.get(each.table, ()))) for each in found]


def _coming(
    session: Session,
    inspector: Inspector,
    schema: str,
    table: Table,
    now: Live | None,
    taken: Mapping[str, str],
    replace: Replace,
) -> Replacement:
    obstacles = misfits(table)
    if table.name in taken:
        return Replacement(table.name, replace, "its name is taken", (), (*obstacles, taken[table.name]))
    if now is None:
        return Replacement(
            table.name, replace, "it is new: it comes in with the one transaction of the run", (), tuple(obstacles)
        )
    after = shape_of(table)
    if replace is Replace.SWAP:
        obstacles += map(str, swap_obstacles(inspector, schema, now, after))
        why = "the new table takes its place in the one transaction of the run" + _checked(now)
        return Replacement(table.name, replace, why, tuple(carried(now, after)), tuple(obstacles))
    versioned, database = versioning(session)
    obstacles += map(str, refill_obstacles(inspector, schema, now, after, versioned=versioned, database=database))
    why = "the live table stays and is refilled in the one transaction of the run; readers see the old rows until then"
    if shape_now(now) != after:
        why = "the live table stays, its columns change and it is refilled in one transaction, for which readers wait"
    return Replacement(table.name, replace, why, (), tuple(obstacles))


def _checked(now: Live) -> str:
    """A foreign key is trusted only when its rows were looked at after it was made, which is within the swap."""
    keys = [key for key in (*now.pointing_in, *now.pointing_out) if key.trusted]
    if not keys:
        return ""
    return f"; its readers, and those of the tables tied to it, wait while {', '.join(map(str, keys))} is checked"
