"""The swap in SQLite: what it would break is found out first, then one transaction moves all tables and says so.

In write-ahead mode readers go on reading what was there when they began, and wait for nothing. Other writers wait
for us as for each other; we wait for them within bounds, and hold nothing meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import SwapPlan
from boardlift.destinations.interface import State, SwapOutcome
from boardlift.destinations.sqlite.ddl import create_statement, index_statement
from boardlift.destinations.sqlite.file import Run, SQLiteFile
from boardlift.destinations.sqlite.load import tighten
from boardlift.destinations.sqlite.moves import Loss, Moves, free_index_name, own_indexes
from boardlift.destinations.sqlite.names import Names
from boardlift.destinations.sqlite.schema import (
    Thing,
    Verdict,
    children,
    examine,
    folded,
    in_memory,
    peoples_columns,
    runner,
    things,
)
from boardlift.errors import UNCHANGED, DependentObject, DestinationError, PromotionConflict
from boardlift.shape.sql import COMMA, SQL, Identifier, Literal
from boardlift.shape.table import Table

_LOOKS = 20  # how often somebody may change the schema between our look at it and the write lock


@dataclass(frozen=True)
class Rehearsal:
    """What a swap would carry along and what it would break, by live table as it is called in the file."""

    carried: dict[str, list[str]] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)


class Swaps:
    """Swaps in one namespace of one file."""

    def __init__(self, file: SQLiteFile, names: Names) -> None:
        self._file = file
        self._names = names

    def run(self, plan: SwapPlan, refilled: Collection[str]) -> SwapOutcome:
        """Carry the plan out. Raises PromotionConflict or DependentObject with production unchanged."""
        for slot in plan.incoming:
            if slot.table is not None:
                self._seal(slot.hidden_name, slot.table)
        for attempt in range(1, _LOOKS + 1):
            version = self._file.run(SQL("PRAGMA schema_version"))
            known = things(self._file.run)
            refuse(self.rehearse(known, plan, refilled).losses)
            with self._file.transaction("swap the tables in", durable=True) as run:
                is_as_rehearsed = run(SQL("PRAGMA schema_version")) == version
                if is_as_rehearsed:
                    self._move(run, known, plan, refilled)
            if is_as_rehearsed:
                self._file.checkpoint()
                # Readers saw the old tables until the commit and see the new ones after it; they wait for neither.
                return SwapOutcome(plan.entering[0].promoted_at, attempt, 0.0)
        raise PromotionConflict(
            f"The tables of {self._file.identity} were changed by others {_LOOKS} times during the swap. {UNCHANGED}",
            hint="let the program that makes or drops tables there end, then run the same command again",
        )

    # -- found out before

    def rehearse(
        self,
        known: Sequence[Thing],
        plan: SwapPlan,
        refilled: Collection[str],
        staged: Iterable[tuple[str, Table]] = (),
    ) -> Rehearsal:
        """Do it on an empty copy of the schema. `staged` are tables that are not in the file yet."""
        live = {folded(self._names.live(slot.name)): self._names.live(slot.name) for slot in plan.outgoing}
        added = self._peoples_columns(plan)
        if not live or not self._has_peoples_work(known, live):
            return Rehearsal(losses=added)
        with in_memory(self._concerned(known, plan)) as copy:
            for name, table in staged:
                copy.execute(create_statement(name, table).text)
            before = examine(copy, known)
            losses = Moves(runner(copy), self._names, plan, refilled).carry_out()
            after = examine(copy, known)
        rehearsal = Rehearsal(losses=[*added, *losses])
        lost = {loss.what for loss in losses}
        arriving = {folded(self._names.live(slot.name)) for slot in plan.incoming}
        for thing in known:
            on = folded(thing.table)
            is_theirs = thing.kind == "index" and not self._names.is_own_index(thing.name)
            if is_theirs and on in live.keys() & arriving and str(thing) not in lost:
                rehearsal.carried.setdefault(live[on], []).append(str(thing))
        for built, verdict in before.items():
            touched = (verdict.reads | {folded(built.on)}) & live.keys()
            if verdict.error or f"{built.kind} {built.name}" in lost:
                continue
            error = after.get(built, Verdict(frozenset(), "it would be gone")).error
            for name in sorted(touched):
                if error:
                    rehearsal.losses.append(Loss(live[name], str(built), error))
                else:
                    rehearsal.carried.setdefault(live[name], []).append(str(built))
        return rehearsal

    def _peoples_columns(self, plan: SwapPlan) -> list[Loss]:
        """No generation has them, so their values would go with the old one."""
        found = []
        for slot in plan.outgoing:
            live = self._names.live(slot.name)
            titles = SQL("SELECT column_name FROM {} WHERE hidden_name = ? AND column_name <> ''")
            rows = self._file.run(titles.format(Identifier(self._names.titles)), [slot.hidden_name])
            written = [str(name) for (name,) in rows]
            if written:
                theirs = peoples_columns(self._file.run, live, written)
                found += [Loss(live, f"column {name}", "boardlift did not make it") for name in theirs]
        return found

    def _has_peoples_work(self, known: Sequence[Thing], live: Collection[str]) -> bool:
        return any(
            thing.kind in ("view", "trigger")
            or (thing.kind == "table" and "references" in thing.sql.lower())
            or (thing.kind == "index" and folded(thing.table) in live and not self._names.is_own_index(thing.name))
            for thing in known
        )

    def _concerned(self, known: Sequence[Thing], plan: SwapPlan) -> list[Thing]:
        """All but the hidden tables that this plan does not move, of which there may be thousands."""
        moved = {slot.hidden_name for slot in (*plan.outgoing, *plan.incoming)}
        return [
            thing
            for thing in known
            if (place := self._names.holds_generation(thing.table)) is None
            or place in moved
            or thing.kind not in ("table", "index")
        ]

    # -- carried out

    def _seal(self, place: str, table: Table) -> None:
        """Key, indexes and titles, on a table that nobody reads yet. Safe to repeat."""
        name = self._names.hidden(place)
        if not self._file.run(SQL("SELECT 1 FROM sqlite_master WHERE name = {}").format(Literal(name))):
            raise _missing(name)
        keys = SQL("SELECT count(*) FROM pragma_table_info({}) WHERE pk > 0").format(Literal(name))
        with self._file.transaction(f"seal {table.name}") as run:
            if table.key and run(keys) == [(0,)]:
                tighten(self._file.connection(), name, table)
            for index in own_indexes(run, self._names, name):
                run(SQL("DROP INDEX {}").format(Identifier(index.name)))
            for wanted in table.indexes:
                free = free_index_name(run, self._names, name)
                run(index_statement(free, name, wanted.columns, unique=wanted.unique))
            forget_titles(run, self._names, [place])
            titles = [("", table.label), *((column.name, column.label) for column in table.columns)]
            for column, title in titles:
                if title or column:  # one without a title, too: what is not there was added by others
                    insert = SQL("INSERT INTO {} VALUES (?, ?, ?)").format(Identifier(self._names.titles))
                    run(insert, [place, column, title])

    def _move(self, run: Run, known: Sequence[Thing], plan: SwapPlan, refilled: Collection[str]) -> None:
        for slot in plan.incoming:
            name = self._names.hidden(slot.hidden_name)
            if not run(SQL("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = {}").format(Literal(name))):
                raise _missing(name)
        referring = children(run, known, [self._names.live(slot.name) for slot in (*plan.outgoing, *plan.incoming)])
        before = {child: _orphans(run, child) for child in referring}
        try:
            losses = Moves(run, self._names, plan, refilled).carry_out()
        except sqlite3.IntegrityError as error:
            raise DestinationError(
                f"The new rows do not fit the live tables: {error}. {UNCHANGED}", hint="run `boardlift sync` again"
            ) from error
        for child in referring:
            if more := _orphans(run, child) - before[child]:
                why = f"{more.total()} of its rows would refer to rows that are gone"
                losses.append(Loss(child, f"foreign key of {child}", why))
        refuse(losses)
        record(run, self._names, plan)


def refuse(losses: Sequence[Loss]) -> None:
    """Raise DependentObject naming every loss."""
    if losses:
        told = "; ".join(dict.fromkeys(told_of(loss) for loss in losses))
        raise DependentObject(
            f"The swap would break what people built on the live tables: {told}. {UNCHANGED}",
            hint="change or drop what is named above, then run the same command again; `boardlift plan` lists it",
        )


def told_of(loss: Loss) -> str:
    """An obstacle, with the way out."""
    if loss.what.startswith("foreign key"):
        return f"{loss.what}: {loss.why}; mend those rows or the foreign key"
    if loss.what.startswith("column"):
        return (
            f"the {loss.what} of {loss.table} would be lost ({loss.why}); "
            f"keep it in a table of your own, joined by item_id, and drop it here"
        )
    if loss.what.startswith("index") and "UNIQUE" in loss.why:
        return f"the {loss.what} on {loss.table} would not hold ({loss.why}); drop it, or mend the values on the board"
    return (
        f"the {loss.what} needs {loss.table} as it is and would fail ({loss.why}); "
        f"change or drop it, or keep the column under its name in boardlift.yaml"
    )


def record(run: Run, names: Names, plan: SwapPlan) -> None:
    """Write a swap into the catalogue: what leaves is kept, what enters is live."""
    book = Identifier(names.catalogue)
    mark = SQL("UPDATE {} SET state = ? WHERE group_key = ? AND generation = ?").format(book)
    for generation in plan.leaving:
        run(mark, [State.KEPT.value, generation.group, generation.number])
    if plan.new:
        insert = SQL("INSERT INTO {} VALUES ({})").format(book, COMMA.join([SQL("?")] * 10))
        for row in catalogue.catalogue_rows(plan):
            run(insert, [*row.plain, row.promoted_at.isoformat(" ")])
        return
    revive = SQL("UPDATE {} SET state = ?, run_id = ?, promoted_at = ? WHERE group_key = ? AND generation = ?").format(
        book
    )
    for generation in plan.entering:
        moment = generation.promoted_at.isoformat(" ")
        run(revive, [State.LIVE.value, plan.run_id, moment, generation.group, generation.number])


def forget_titles(run: Run, names: Names, places: Iterable[str]) -> None:
    for place in places:
        run(SQL("DELETE FROM {} WHERE hidden_name = ?").format(Identifier(names.titles)), [place])


def _orphans(run: Run, child: str) -> Counter[tuple[object, ...]]:
    """The rows of a table that refer to nothing, by row and foreign key; none where SQLite cannot say."""
    statement = SQL("SELECT rowid, fkid FROM pragma_foreign_key_check({})").format(Literal(child))
    try:
        return Counter(run(statement))
    except sqlite3.OperationalError:
        return Counter()


def _missing(name: str) -> DestinationError:
    return DestinationError(
        f"The table {name} is missing in the file. {UNCHANGED}", hint="run `boardlift sync` to stage it anew"
    )
