"""What a swap does to the tables of a SQLite file, statement by statement.

The same code runs in the file, within the transaction of the swap, and on an empty copy in memory, to see beforehand
what it would break. Names are given as they are in the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from boardlift.destinations.catalogue import Slot, SwapPlan
from boardlift.destinations.sqlite.ddl import fill_statement, index_statement, rename_statement
from boardlift.destinations.sqlite.file import Run
from boardlift.destinations.sqlite.names import Names
from boardlift.destinations.sqlite.schema import Thing, folded, same, things
from boardlift.shape.sql import SQL, Composable, Identifier, Literal


@dataclass(frozen=True)
class Loss:
    """Something that people built and that would not survive: what it is, why, and on which live table."""

    table: str
    what: str
    why: str


class Moves:
    """The moves of one plan. `refilled` are the groups whose live tables stay and get other rows."""

    def __init__(self, run: Run, names: Names, plan: SwapPlan, refilled: Collection[str]) -> None:
        self._run = run
        self._names = names
        self._plan = plan
        self._into_place = {t.name for g in plan.entering if g.group in refilled for t in g.tables}
        self._out_of_place = {t.name for g in plan.leaving if g.group in refilled for t in g.tables}

    def carry_out(self) -> list[Loss]:
        """Move everything. Returns what people had on the tables and could not be put back; then undo it all."""
        known = things(self._run)
        lifted, losses = self._lift(known)
        for slot in self._plan.outgoing:
            self._leave(slot)
        for slot in self._plan.incoming:
            self._enter(slot)
        for thing in lifted:
            try:
                self._run(Composable(thing.sql))  # SQLite's own text of what it held a moment ago
            except sqlite3.Error as error:
                losses.append(Loss(thing.table, str(thing), str(error)))
        return losses

    # -- what people have on live tables

    def _lift(self, known: list[Thing]) -> tuple[list[Thing], list[Loss]]:
        """Take people's indexes and triggers off the tables that are replaced; both have names that live on."""
        arriving = {folded(self._names.live(slot.name)) for slot in self._plan.incoming}
        vanishing = {folded(self._names.live(name)) for name in self._plan.vanishing}
        lifted, losses = [], []
        for thing in known:
            mine = thing.kind == "index" and self._names.is_own_index(thing.name)
            if mine or thing.kind not in ("index", "trigger"):
                continue
            if folded(thing.table) in arriving:
                self._drop(thing)
                lifted.append(thing)
            elif folded(thing.table) in vanishing and thing.kind == "trigger":
                self._drop(thing)
                losses.append(Loss(thing.table, str(thing), "its table goes"))
        return lifted, losses

    # -- out

    def _leave(self, slot: Slot) -> None:
        live, hidden = self._names.live(slot.name), self._names.hidden(slot.hidden_name)
        if self._table(live) is None:
            return  # dropped by hand
        is_copied = self._table(hidden) is not None
        if slot.name in self._out_of_place & self._into_place:
            if not is_copied:
                self._make_like(live, hidden)
        elif is_copied:
            self._run(SQL("DROP TABLE {}").format(Identifier(live)))
        else:
            self._run(rename_statement(live, hidden))

    # -- in

    def _enter(self, slot: Slot) -> None:
        live, hidden = self._names.live(slot.name), self._names.hidden(slot.hidden_name)
        if slot.name not in self._into_place:
            self._run(rename_statement(hidden, live))
            return
        before, after = self._table(live), self._table(hidden)
        if before is not None and after is not None and before.body != after.body:
            # Of another shape. Nothing in SQLite knows a table by anything but its name.
            self._run(SQL("DROP TABLE {}").format(Identifier(live)))
            before = None
        if before is None:
            self._make_like(hidden, live)
            return
        for index in self._own_indexes(live):
            self._drop(index)
        self._run(SQL("DELETE FROM {}").format(Identifier(live)))
        self._fill(live, hidden)

    def _make_like(self, source: str, target: str) -> None:
        model = self._table(source)
        assert model is not None
        self._run(SQL("CREATE TABLE {}").format(Identifier(target)) + model.body)
        self._fill(target, source)

    def _fill(self, target: str, source: str) -> None:
        self._run(fill_statement(target, source))
        for index in self._own_indexes(source):
            columns = self._run(
                SQL("SELECT name FROM pragma_index_info({}) ORDER BY seqno").format(Literal(index.name))
            )
            unique = index.sql.upper().startswith("CREATE UNIQUE")
            name = free_index_name(self._run, self._names, target)
            self._run(index_statement(name, target, [str(column) for (column,) in columns], unique=unique))

    # -- looked up each time: every move changes it

    def _table(self, name: str) -> Thing | None:
        rows = self._run(
            SQL("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name = {} COLLATE NOCASE").format(
                Literal(name)
            )
        )
        return next(
            (Thing("table", str(found), str(found), str(sql)) for found, sql in rows if same(str(found), name)), None
        )

    def _own_indexes(self, table: str) -> list[Thing]:
        return own_indexes(self._run, self._names, table)

    def _drop(self, thing: Thing) -> None:
        kind = SQL("INDEX") if thing.kind == "index" else SQL("TRIGGER")
        self._run(SQL("DROP {} {}").format(kind, Identifier(thing.name)))


def own_indexes(run: Run, names: Names, table: str) -> list[Thing]:
    """The indexes that boardlift made on a table."""
    rows = run(
        SQL(
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name = {} COLLATE NOCASE ORDER BY rowid"
        ).format(Literal(table))
    )
    found = [Thing("index", *(str(part) for part in row)) for row in rows]
    return [index for index in found if names.is_own_index(index.name)]


def free_index_name(run: Run, names: Names, table: str) -> str:
    """A name for an index of ours; names of indexes are shared by all tables of a file."""
    stem = table if names.is_own_index(table) else names.hidden(table)
    number = 1
    while run(SQL("SELECT 1 FROM sqlite_master WHERE name = {}").format(Literal(f"{stem}__i{number}"))):
        number += 1
    return f"{stem}__i{number}"
