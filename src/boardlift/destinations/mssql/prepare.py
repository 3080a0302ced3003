"""What a swap in SQL Server does before any reader has to wait: keys and indexes, copies, and every refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from boardlift.destinations.catalogue import SwapPlan
from boardlift.destinations.interface import Replace
from boardlift.destinations.mssql import dress as dresses
from boardlift.destinations.mssql import refill as refills
from boardlift.destinations.mssql.ddl import Sealed, seal_batches
from boardlift.destinations.mssql.inspect import Inspector, whole
from boardlift.destinations.mssql.moves import Move, moves, passing
from boardlift.destinations.mssql.objects import Dependant, Live
from boardlift.destinations.mssql.obstacles import (
    Obstacle,
    peoples_columns,
    refill_obstacles,
    shape_now,
    swap_obstacles,
)
from boardlift.destinations.mssql.session import Session
from boardlift.destinations.mssql.sql import Name, batch
from boardlift.errors import UNCHANGED, DependentObject, DestinationError
from boardlift.shape.sql import SQL, Composable


@dataclass
class Prepared:
    """The live tables as the swap was prepared for, what will replace them by live name, and views to look again."""

    live: dict[str, Live]
    coming: dict[str, Live]
    views: list[Dependant] = field(default_factory=list)


class Preparation:
    """For one swap on one session. Every method raises the driver's errors, DependentObject or DestinationError."""

    def __init__(self, session: Session, inspector: Inspector, namespaces: tuple[str, str]) -> None:
        self._session = session
        self._inspector = inspector
        self._live, self._hidden = namespaces
        self._copied: set[str] = set()

    def seal(self, plan: SwapPlan) -> None:
        staged = self._inspector.tables(self._hidden, [slot.hidden_name for slot in plan.incoming])
        for slot in plan.incoming:
            if slot.hidden_name not in staged:
                raise DestinationError(
                    f"The table {slot.hidden_name} of {slot.name} is missing in {self._hidden}. {UNCHANGED}",
                    hint="run `boardlift sync` to stage it anew",
                )
            if slot.table is None:
                continue
            there = staged[slot.hidden_name]
            have = Sealed(
                bool(there.key),
                frozenset(column.name for column in there.columns if not column.nullable),
                frozenset(index.name for index in there.indexes),
                frozenset(p.part for p in there.properties if p.kind in ("TABLE", "COLUMN")),
                bool(there.made),
            )
            batches = seal_batches((self._hidden, slot.hidden_name), slot.table, have)
            if batches:
                with self._session.transaction():
                    for statements in batches:
                        self._session.send(batch(statements))

    def decide(self, plan: SwapPlan, ways: Mapping[str, Replace], sealed: set[str]) -> list[Move]:
        names = {slot.name for slot in (*plan.outgoing, *plan.incoming)}
        here = self._inspector.tables(self._live, names).keys()
        return moves(plan, ways, here, sealed)

    def prepare(self, decided: Sequence[Move]) -> Prepared:
        """Read what is there, refuse what cannot be kept, and build what takes time on the staged tables."""
        live = self._inspector.tables(self._live, [move.name for move in decided])
        staged = self._staged(decided)
        coming = {m.name: staged[m.entering.hidden_name] for m in decided if m.entering is not None}
        found = self.obstacles(decided, live, coming)
        if found:
            told = "; ".join(str(each) for each in found)
            raise DependentObject(
                f"The live tables cannot be replaced as things are: {told}. {UNCHANGED}",
                hint="follow one of the ways out named above; `boardlift plan` lists them, too",
            )
        self._refuse_orphans(decided, live)
        built = False
        for move in decided:
            if move.swaps and move.here and move.entering is not None:
                statements = dresses.prebuild(
                    self._hidden, move.entering.hidden_name, live[move.name], coming[move.name]
                )
                if statements:
                    with self._session.transaction():
                        self._session.send(batch(statements))
                    built = True
        if built:
            staged = self._staged(decided)
            coming = {m.name: staged[m.entering.hidden_name] for m in decided if m.entering is not None}
        reshaped = [n for n, table in live.items() if n in coming and shape_now(table) != shape_now(coming[n])]
        views = self._inspector.views_reading(d for n in reshaped for d in live[n].dependants if not d.bound)
        # One that is broken already would end the swap when it is refreshed.
        return Prepared(live, coming, [view for view in views if self._inspector.can_be_read(view)])

    def _staged(self, decided: Sequence[Move]) -> dict[str, Live]:
        return self._inspector.tables(self._hidden, [m.entering.hidden_name for m in decided if m.entering is not None])

    def obstacles(
        self, decided: Sequence[Move], live: Mapping[str, Live], coming: Mapping[str, Live]
    ) -> list[Obstacle]:
        """What stands in the way of these moves."""
        found: list[Obstacle] = []
        versioned, database = versioning(self._session) if any(move.refills for move in decided) else (True, "")
        kept = [move.leaving.hidden_name for move in decided if move.leaving is not None and move.held and move.here]
        held = self._inspector.tables(self._hidden, kept)
        for move in decided:
            if move.here:
                copy = held.get(move.leaving.hidden_name) if move.leaving is not None else None
                found += peoples_columns(self._live, live[move.name], copy)
            if move.refills:
                after = shape_now(coming[move.name])
                found += refill_obstacles(
                    self._inspector, self._live, live[move.name], after, versioned=versioned, database=database
                )
            elif move.here:
                shape = shape_now(coming[move.name]) if move.name in coming else None
                found += swap_obstacles(self._inspector, self._live, live[move.name], shape)
        return found

    def _refuse_orphans(self, decided: Sequence[Move], live: Mapping[str, Live]) -> None:
        """Rows of other tables whose foreign key finds no row in the new table."""
        told = []
        incoming = {m.name: m.entering.hidden_name for m in decided if m.entering is not None and m.swaps}
        for name, place in incoming.items():
            for key in live[name].pointing_in if name in live else ():
                within = key.child[0] == self._live and key.child[1] in incoming
                child = Name(self._hidden, incoming[key.child[1]]) if within else Name(*key.child)
                count = self._session.send(batch([orphans_statement(child, Name(self._hidden, place), key.pairs)]))
                if key.enabled and key.trusted and whole(count[0][0]):
                    told.append(f"{key} has {whole(count[0][0]):,} rows whose key is not among the new rows of {name}")
        if told:
            raise DependentObject(
                f"Foreign keys could not be kept: {'; '.join(told)}. {UNCHANGED}",
                hint="delete those rows or drop the foreign key, then run the same command again",
            )

    def copy(self, decided: Sequence[Move], prepared: Prepared) -> None:
        """Seal the rows of live tables that are to be refilled, and make the live twins of tables that are new."""
        for move in decided:
            if move.copies and move.leaving is not None:
                name, source, like = passing(move.leaving.hidden_name, "kept"), self._live, prepared.live[move.name]
                table = move.name
            elif move.places and move.entering is not None:
                name, source, like = move.made, self._hidden, prepared.coming[move.name]
                table = move.entering.hidden_name
            else:
                continue
            if name not in self._copied:
                for statements in refills.duplicate(self._hidden, name, (source, table), like):
                    self._session.send(batch(statements))
                self._copied.add(name)


def orphans_statement(child: Composable, parent: Composable, pairs: Sequence[tuple[str, str]]) -> Composable:
    """How many rows of `child` point at no row of `parent`."""
    there = SQL(" AND ").join(SQL("c.{} IS NOT NULL").format(Name(column)) for column, _ in pairs)
    same = SQL(" AND ").join(SQL("p.{} = c.{}").format(Name(to), Name(column)) for column, to in pairs)
    return SQL(
        "SELECT COUNT_BIG(*) AS orphans FROM {} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})"
    ).format(child, there, parent, same)


def versioning(session: Session) -> tuple[bool, str]:
    """Whether readers of this database see row versions, and what it is called. Raises the driver's errors."""
    asked = SQL("SELECT is_read_committed_snapshot_on, name FROM sys.databases WHERE name = DB_NAME()")
    ((on, name),) = session.send(batch([asked]))
    return bool(on), str(name)
