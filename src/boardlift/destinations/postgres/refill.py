"""`replace: in_place`: the rows of a live table become those of a staged one, and the table stays the same object.

New columns come first, empty and under a name of their own, in a moment of their own, for adding them takes a lock that
must not be held while rows are written. Then one transaction makes the rows the same, which nobody sees until it
commits; as its last act, under that lock again, columns that are gone go and new ones take their names. A run that dies
in between leaves an empty column behind, which the next one takes away. Rows that are already as they should be are not
touched: triggers and foreign keys of people see the changes and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from boardlift.destinations.postgres.book import Made
from boardlift.destinations.postgres.change import Change, gone, retyped
from boardlift.destinations.postgres.snapshot import Entry, Place, Snapshot
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier

_AND = SQL(" AND ")


@dataclass(frozen=True)
class Refill:
    """How one live table gets the rows at `source`.

    `columns`: name -> what the column is called in the live table until the end. `lost` columns are dropped. `gently`:
    rows keep their identity, for foreign keys point at them or people keep columns of their own beside ours.
    """

    place: Place
    source: Place
    columns: Mapping[str, str]
    key: tuple[str, ...]
    lost: tuple[str, ...]
    gently: bool

    @property
    def renamed(self) -> dict[str, str]:
        """Columns that take over the name of an older one: what they are called until then -> name."""
        return {meanwhile: name for name, meanwhile in self.columns.items() if meanwhile != name}


def plan(before: Snapshot, change: Change, staged: Snapshot, source: Place) -> Refill:
    """How to fill the live table of a change from `source`."""
    have, want = before.columns(change.place), staged.columns(source)
    changed = retyped(before, change)
    columns = {
        name: name if name in have and name not in changed else _meanwhile(name, want[name].detail["type"])
        for name in want
    }
    leftovers = {name for name in have if is_meanwhile(name) and name not in columns.values()}
    lost = gone(before, change) | leftovers
    replaced = set(changed)
    pointed = any(tuple(key.detail["target"]) == change.place for key in before.of("foreign"))
    others = set(have) - set(columns) - lost - set(columns.values())
    others -= replaced
    return Refill(change.place, source, columns, change.key, tuple(sorted(lost | replaced)), bool(pointed or others))


def widening(refill: Refill, before: Snapshot, staged: Snapshot, made: Made | None) -> list[Composable]:
    """Make room in the live table: new columns, empty, and no NOT NULL of ours on what will be empty."""
    have, want = before.columns(refill.place), staged.columns(refill.source)
    parts = [
        SQL("ADD COLUMN {} {}").format(Identifier(meanwhile), Composable(want[name].detail["type"]))
        for name, meanwhile in refill.columns.items()
        if meanwhile not in have
    ]
    eased = {name for name in want if not want[name].detail["not_null"] and (made is None or name in made.not_null)}
    parts += [
        SQL("ALTER COLUMN {} DROP NOT NULL").format(Identifier(name))
        for name in sorted({*refill.lost, *eased} - set(refill.key))
        if name in have and have[name].detail["not_null"]
    ]
    return [SQL("ALTER TABLE {} ").format(Identifier(*refill.place)) + COMMA.join(parts)] if parts else []


def statements(refill: Refill) -> list[Composable]:
    """Make the rows of the live table those of the source."""
    live, staged = Identifier(*refill.place), Identifier(*refill.source)
    into = COMMA.join(Identifier(meanwhile) for meanwhile in refill.columns.values())
    values = COMMA.join(SQL("s.{}").format(Identifier(name)) for name in refill.columns)
    insert = SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS s").format(live, into, values, staged)
    if not refill.key:
        return [SQL("DELETE FROM {}").format(live), insert]
    # On the path of people, an operator of theirs is not to be taken for ours.
    same_key = _AND.join(
        SQL("s.{} OPERATOR(pg_catalog.=) l.{}").format(Identifier(name), Identifier(refill.columns[name]))
        for name in refill.key
    )
    mine = COMMA.join(SQL("l.{}").format(Identifier(meanwhile)) for meanwhile in refill.columns.values())
    alike = SQL("pg_catalog.record_image_eq(ROW({}), ROW({}))").format(mine, values)
    delete = SQL("DELETE FROM {} AS l WHERE NOT EXISTS (SELECT FROM {} AS s WHERE {}").format(live, staged, same_key)
    if not refill.gently:
        missing = SQL(" WHERE NOT EXISTS (SELECT FROM {} AS l WHERE {})").format(live, same_key)
        return [delete + SQL(" AND {})").format(alike), insert + missing]
    changes = [(name, meanwhile) for name, meanwhile in refill.columns.items() if name not in refill.key]
    steps = [delete + SQL(")")]
    if changes:
        update = SQL("UPDATE {} AS l SET {} FROM {} AS s WHERE {} AND NOT {}")
        put = COMMA.join(SQL("{} = s.{}").format(Identifier(to), Identifier(name)) for name, to in changes)
        steps.append(update.format(live, put, staged, same_key, alike))
    missing = SQL(" WHERE NOT EXISTS (SELECT FROM {} AS l WHERE {})").format(live, same_key)
    return [*steps, insert + missing]


def narrowing(refill: Refill, before: Snapshot, staged: Snapshot) -> list[Composable]:
    """Take away what is gone, and give the new columns their names. Needs the exclusive lock."""
    table = Identifier(*refill.place)
    have, want = before.columns(refill.place), staged.columns(refill.source)
    result: list[Composable] = []
    if refill.lost:
        drops = COMMA.join(SQL("DROP COLUMN {}").format(Identifier(name)) for name in refill.lost)
        result.append(SQL("ALTER TABLE {} ").format(table) + drops)
    for meanwhile, name in refill.renamed.items():
        result.append(
            SQL("ALTER TABLE {} RENAME COLUMN {} TO {}").format(table, Identifier(meanwhile), Identifier(name))
        )
    fixed = [
        SQL("ALTER COLUMN {} SET NOT NULL").format(Identifier(name))
        for name, column in want.items()
        if column.detail["not_null"] and (name in refill.renamed.values() or not _is_fixed(have.get(name)))
    ]
    if fixed:
        result.append(SQL("ALTER TABLE {} ").format(table) + COMMA.join(fixed))
    return result


def _is_fixed(column: Entry | None) -> bool:
    return column is not None and bool(column.detail["not_null"])


def _meanwhile(name: str, type_: str) -> str:
    return f"boardlift_{hashlib.sha256(f'{name} {type_}'.encode()).hexdigest()[:24]}"


def is_meanwhile(name: str) -> bool:
    """Whether this is the name of a column that waits for its own."""
    return name.startswith("boardlift_") and len(name) == 34 and set(name[10:]) <= set("0123456789abcdef")
