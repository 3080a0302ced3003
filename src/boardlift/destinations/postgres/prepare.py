"""Everything of a swap that can be done before a reader has to wait, and the scripts for the moment when one may.

Staged tables get their keys, indexes, settings and grants, materialized views their successors; then it is known, as
values, which locks are needed, what is said under them, and what the catalogue must look like afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import psycopg

from boardlift.destinations.catalogue import Slot
from boardlift.destinations.interface import Replace
from boardlift.destinations.postgres import carry, indexes, inspect, matviews, obstacles, questions
from boardlift.destinations.postgres import rebind as rebinding
from boardlift.destinations.postgres import refill as refilling
from boardlift.destinations.postgres import snapshot as snapshots
from boardlift.destinations.postgres.book import Made, Member, last_holder, made_of, merged_comments
from boardlift.destinations.postgres.change import Change
from boardlift.destinations.postgres.ddl import key_statement, label_statements
from boardlift.destinations.postgres.prepared import Arrival, Prepared
from boardlift.destinations.postgres.rebind import Move
from boardlift.destinations.postgres.rehearse import rehearse
from boardlift.destinations.postgres.session import OUR_PATH, PEOPLES_PATH, Session
from boardlift.destinations.postgres.snapshot import Place, Snapshot
from boardlift.errors import UNCHANGED, DependentObject, DestinationError
from boardlift.shape.sql import SQL, Composable, Identifier, Literal
from boardlift.shape.table import Index, Table

_OF_THE_QUERY = {"21", "22", "23", "2B", "42", "P0"}  # SQLSTATE classes of what a query does, not of the server
_NAMES = SQL("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {}")


class Preparation:
    """Prepares one plan, as often as it takes: what is done already is not done again."""

    def __init__(self, session: Session, live: str, hidden: str, made: dict[Member, Made]) -> None:
        self._session = session
        self._live, self._hidden = live, hidden
        self._made = made
        self._swept: set[str] = set()
        self._rehearsed: Snapshot | None = None

    # -- once

    def seal(self, slot: Slot) -> None:
        """Key, NOT NULLs, configured indexes and labels of a freshly staged table."""
        if slot.table is None:
            return
        target = Identifier(self._hidden, slot.hidden_name)
        key = key_statement(target, slot.table, slot.hidden_name)
        sealed = SQL("SELECT FROM pg_constraint WHERE conrelid = to_regclass({}) AND contype = 'p'")
        statements = [] if key is None or self._session.ask(sealed.format(Literal(target.text))) else [key]
        statements += indexes.configured_statements(slot.table, (self._hidden, slot.hidden_name))
        self._session.all_or_none([*statements, *label_statements(target, slot.table)])

    def duplicate(self, source: Place, name: str) -> None:
        """A whole copy of a table in the hidden schema, key and indexes included. It is there whole or not at all."""
        target = Identifier(self._hidden, name)
        like = SQL(
            "CREATE TABLE {} (LIKE {} INCLUDING COMMENTS INCLUDING COMPRESSION INCLUDING INDEXES INCLUDING STORAGE)"
        )
        self._session.all_or_none(
            [
                SQL("DROP TABLE IF EXISTS {}").format(target),
                like.format(target, Identifier(*source)),
                SQL("INSERT INTO {} SELECT * FROM {}").format(target, Identifier(*source)),
            ]
        )

    # -- before each attempt

    def prepare(self, arrivals: Sequence[Arrival], departures: Sequence[Slot]) -> Prepared:
        """Raises DependentObject for what cannot be kept, psycopg.Error for what PostgreSQL refuses."""
        names = {arrival.slot.name for arrival in arrivals} | {slot.name for slot in departures}
        prepared = Prepared(self.snapshot(self._live, sorted(names)), self._live, arrivals, departures)
        changes = []
        for arrival in arrivals:
            at = (self._hidden, arrival.body)
            staged = self._staged(arrival)
            place = (self._live, arrival.slot.name)
            prepared.shapes[place] = staged
            changes.append(Change(place, arrival.way, staged.types(at), staged.key(at), arrival.before))
        taken = {arrival.slot.name for arrival in arrivals}
        for slot in departures:
            if slot.name not in taken:
                prepared.shapes[self._live, slot.name] = None
                changes.append(Change((self._live, slot.name), Replace.SWAP, None))
        self._refuse(prepared.before, changes, arrivals)
        for arrival, change in zip(arrivals, changes, strict=False):
            self._prepare_one(prepared, arrival, change)
        self._make_way(prepared)
        self._prepare_views(prepared)
        return prepared

    def snapshot(self, namespace: str, names: Iterable[str]) -> Snapshot:
        return snapshots.read(self._session.ask(questions.statement(namespace, names)))

    def _refuse(self, before: Snapshot, changes: list[Change], arrivals: Sequence[Arrival]) -> None:
        obstacles.refuse(obstacles.find(before, changes))
        swaps = [change for change in changes if change.way is Replace.SWAP]
        shapes: dict[Place, Composable] = {
            (self._live, arrival.slot.name): SQL("LIKE {} INCLUDING INDEXES").format(
                Identifier(self._hidden, arrival.body)
            )
            for arrival in arrivals
        }
        if before != self._rehearsed:
            obstacles.refuse(rehearse(self._session.ask, self._session.send, before, swaps, shapes))
            self._rehearsed = before

    def _staged(self, arrival: Arrival) -> Snapshot:
        # After an attempt that failed there are successors of materialized views on it.
        found = self.snapshot(self._hidden, [arrival.body]).only((self._hidden, arrival.body))
        if found.relation((self._hidden, arrival.body)) is None:
            raise DestinationError(
                f"The table {arrival.body} of {arrival.slot.name} is missing in {self._hidden}. {UNCHANGED}",
                hint="run `boardlift sync` to stage it anew",
            )
        return found

    def _prepare_one(self, prepared: Prepared, arrival: Arrival, change: Change) -> None:
        place, at = change.place, (self._hidden, arrival.body)
        staged = prepared.shapes[place]
        assert staged is not None
        after = made_of(arrival.slot.table, set()) if arrival.slot.table else arrival.after
        live = {name: column.detail["comment"] for name, column in prepared.before.columns(place).items()}
        relation = prepared.before.relation(place)
        live[""] = relation.detail["comment"] if relation else None
        if relation is not None:
            wanted = merged_comments(live, arrival.before, after)
            columns = {"", *staged.columns(at)}
            prepared.comments[place] = {name: text for name, text in wanted.items() if name in columns}
        if relation is not None and arrival.way is Replace.IN_PLACE:
            self._prepare_refill(prepared, arrival, change, staged)
        else:
            prepared.moves[place] = Move(place, arrival.body)
            self._dress(prepared, arrival, place, at)

    def _dress(self, prepared: Prepared, arrival: Arrival, place: Place, at: Place) -> None:
        """Give the incoming table what hangs on the one that it replaces."""
        staged = prepared.shapes[place]
        assert staged is not None
        session = self._session
        succession = indexes.Succession()
        if prepared.before.relation(place) is not None:
            statements = carry.dressing(prepared.before, place, staged, at, prepared.comments[place])
            statements += carry.fixing(prepared.before, place, staged, at, arrival.before)
            leaving = next(slot for slot in prepared.departures if slot.name == arrival.slot.name)
            obsolete = _obsolete(arrival)
            succession, builds = indexes.inherit(
                prepared.before,
                place,
                staged,
                at,
                lambda n: carry.generation_name("ix", leaving.hidden_name, n),
                obsolete,
                kept=arrival.slot.table is None,
                own=_own(arrival),
            )
            statements += builds
            if statements:
                session.all_or_none(statements)
        elif last := last_holder(session.ask, self._hidden, arrival.member[0], arrival.slot.name):
            # A table that comes back has the grants that it left with, not those of the generation it comes from.
            if last != at[1]:
                held = self.snapshot(self._hidden, [last])
                session.all_or_none(carry.entitling(held, (self._hidden, last), staged, at))
        elif arrival.slot.table is not None and (promised := inspect.default_grants(session.ask, self._live)):
            session.all_or_none(inspect.grant_statements(Identifier(*at), [], promised, set()))
        staged = self._named_not_null(prepared.before, place, at, arrival)
        self._settle(prepared, succession, arrival, staged)
        prepared.shapes[place] = staged
        prepared.successions[place] = succession
        self._note_left_out(prepared, place, succession, staged.columns(at))
        if arrival.body not in self._swept:
            # Statistics for the first queries, and nothing left for autovacuum to hold a lock for.
            session.send(SQL("VACUUM (ANALYZE) {}").format(Identifier(*at)))
            self._swept.add(arrival.body)

    def _named_not_null(self, before: Snapshot, place: Place, at: Place, arrival: Arrival) -> Snapshot:
        """From PostgreSQL 18 on a NOT NULL has a name, which must not be that of a staged table's."""
        staged = self._staged(arrival)
        known = {tuple(sorted(entry.columns)): entry.name for entry in before.of("not_null", place)}
        comments = {entry.name: entry.detail["comment"] for entry in before.of("not_null", place)}
        renames = []
        for entry in staged.of("not_null", at):
            (column,) = entry.columns
            plain = f"{arrival.slot.name}_{column}_not_null"
            wanted = known.get((column,)) or (plain if len(plain.encode()) <= 63 else entry.name)
            if wanted != entry.name:
                rename = SQL("ALTER TABLE {} RENAME CONSTRAINT {} TO {}")
                renames.append(rename.format(Identifier(*at), Identifier(entry.name), Identifier(wanted)))
            said = comments.get(wanted, entry.detail["comment"])
            if said != entry.detail["comment"]:
                renames.append(carry.constraint_comment(Identifier(*at), wanted, said))
        if not renames:
            return staged
        self._session.all_or_none(renames)
        return self._staged(arrival)

    def _settle(self, prepared: Prepared, succession: indexes.Succession, arrival: Arrival, staged: Snapshot) -> None:
        """Names for what nobody handed one: the key of a new table, and the configured indexes."""
        at = (self._hidden, arrival.body)
        handed = {handover.successor for handover in succession.handovers}
        for entry in staged.of("index", at):
            if entry.name in handed:
                self._stand_aside(succession, arrival, entry.name)
                continue
            # A kept index may come back to find its name taken.
            waiting = carry.generation_name("ix", arrival.body, entry.name) if self._taken(entry.name) else entry.name
            if waiting != entry.name:
                self._session.send(indexes.rename(self._hidden, entry.name, waiting))
            name = indexes.key_name(arrival.slot.name)
            if not entry.detail["primary"]:
                name = indexes.former_name(arrival.slot.name, entry)
                if arrival.slot.table is not None or name not in (arrival.after.indexes if arrival.after else ()):
                    continue
            if name != waiting and not self._taken(name):
                succession.handovers.append(indexes.Handover(name, "", waiting))
        table = arrival.slot.table
        if table is not None:
            indexes.settle_configured(succession, table, staged.of("index", at), self._taken)
            theirs = {
                entry.name
                for entry in prepared.before.of("index", (self._live, arrival.slot.name))
                if arrival.before is None or entry.name not in arrival.before.indexes
            }
            prepared.made[arrival.member] = made_of(table, succession.made - theirs)

    def _stand_aside(self, succession: indexes.Succession, arrival: Arrival, name: str) -> None:
        """A kept successor may have the very name that its live twin still holds."""
        if not self._taken(name):
            return
        waiting = carry.generation_name("ix", arrival.body, name)
        self._session.send(indexes.rename(self._hidden, name, waiting))
        succession.handovers = [
            replace(one, successor=waiting) if one.successor == name else one for one in succession.handovers
        ]

    def _taken(self, name: str) -> bool:
        return bool(
            self._session.ask(SQL("SELECT to_regclass({})").format(Literal(Identifier(self._live, name).text)))
            != [(None,)]
        )

    def _note_left_out(
        self, prepared: Prepared, place: Place, succession: indexes.Succession, columns: Iterable[str]
    ) -> None:
        prepared.left_out |= {("index", place, name) for name in succession.left_out}
        here = set(columns)
        prepared.left_out |= {e.key for e in prepared.before.of("statistics", place) if not e.columns <= here}

    def _make_way(self, prepared: Prepared) -> None:
        """Indexes that nobody takes over leave under their own names, unless the hidden schema has those."""
        hidden = {str(name) for (name,) in self._session.ask(_NAMES.format(Literal(self._hidden)))}
        for slot in prepared.departures:
            place = (self._live, slot.name)
            if place in prepared.refills or prepared.before.relation(place) is None:
                continue
            succession = prepared.successions.setdefault(place, indexes.Succession())
            handed = {handover.name for handover in succession.handovers if handover.retired}
            for entry in prepared.before.of("index", place):
                if entry.name not in handed and (entry.detail["primary"] or entry.name in hidden):
                    away = carry.generation_name("kx", slot.hidden_name, entry.name)
                    succession.handovers.append(indexes.Handover(entry.name, away, ""))

    def _prepare_refill(self, prepared: Prepared, arrival: Arrival, change: Change, staged: Snapshot) -> None:
        place = change.place
        at = (self._hidden, arrival.slot.hidden_name)
        refill = refilling.plan(prepared.before, change, staged, at)
        prepared.refills[place] = refill
        obsolete = _obsolete(arrival)
        lost = set(refill.lost)
        going = {entry.name for entry in prepared.before.of("index", place) if entry.columns & lost}
        prepared.left_out |= {("index", place, name) for name in obsolete | going}
        prepared.left_out |= {entry.key for entry in prepared.before.of("statistics", place) if entry.columns & lost}
        present = {entry.name for entry in prepared.before.of("index", place)}
        prepared.dropped[place] = obsolete & present - going
        table = arrival.slot.table
        there = [entry for entry in prepared.before.of("index", place) if entry.name not in obsolete | going]
        if table is None:
            names = arrival.after.indexes if arrival.after else ()
            prepared.wanted[place] = indexes.returning(
                arrival.slot.name, names, staged.of("index", at), there, self._taken
            )
        else:
            wanted = indexes.missing(table, staged.of("index", at), there, self._taken)
            prepared.wanted[place] = wanted
            ours = {entry.name for entry in there} & set(arrival.before.indexes if arrival.before else ())
            prepared.made[arrival.member] = made_of(table, ours | {name for name, _ in wanted})

    # -- materialized views

    def _prepare_views(self, prepared: Prepared) -> None:
        prepared.views = rebinding.replaced_views(prepared.before, prepared.replaced)
        over = {place: prepared.moves[place].incoming for place in prepared.replaced}
        for place in prepared.views:
            ((view),) = prepared.before.of("view", place)
            mine = {used: over[used] for used in sorted(view.used & set(over))}
            try:
                over[place] = self._fill_view(prepared, place, mine)
            except psycopg.DatabaseError as error:
                if (error.sqlstate or "")[:2] not in _OF_THE_QUERY:
                    raise
                said = str(error).strip().splitlines()[0]
                raise DependentObject(
                    f"The {view} cannot be filled over the new rows: {said}. {UNCHANGED}",
                    hint="try REFRESH MATERIALIZED VIEW on it as its owner; mend or drop it, and run the command again",
                ) from error

    def _fill_view(self, prepared: Prepared, place: Place, over: dict[Place, str]) -> str:
        """Make, dress and fill the successor of a materialized view; its hidden name."""
        session = self._session
        name = matviews.successor_name(place, over)
        at = (self._hidden, name)
        if name not in self._swept:
            try:
                matviews.create(session.ask, session.send, place, over, self._hidden)
            except BaseException:
                session.undo()
                raise
        relation = prepared.before.relation(place)
        assert relation is not None
        comments = {column: entry.detail["comment"] for column, entry in prepared.before.columns(place).items()}
        comments[""] = relation.detail["comment"]
        fresh = self.snapshot(self._hidden, [name]).only(at)
        statements = carry.dressing(prepared.before, place, fresh, at, comments)
        if name not in self._swept and relation.detail["populated"]:
            refresh = SQL("REFRESH MATERIALIZED VIEW {}").format(Identifier(*at))
            statements += [PEOPLES_PATH, refresh, OUR_PATH]
        succession, builds = indexes.inherit(
            prepared.before, place, fresh, at, lambda n: carry.generation_name("ix", name, f"old {n}"), set()
        )
        session.all_or_none([*statements, *builds])
        if name not in self._swept:
            session.send(SQL("ANALYZE {}").format(Identifier(*at)))
            self._swept.add(name)
        prepared.moves[place] = Move(place, name)
        prepared.successions[place] = succession
        return name


def _obsolete(arrival: Arrival) -> set[str]:
    """Indexes that the configuration made on the live table and that the successor is not to have."""
    table: Table | None = arrival.slot.table
    if arrival.before is None:
        return set()
    if table is not None:
        wanted = {name for one in indexes.configured(table) for name in _names(table, one)}
        return set(arrival.before.indexes) - wanted
    # A kept generation comes back with the indexes of its own time.
    return set(arrival.before.indexes) - set(arrival.after.indexes if arrival.after else arrival.before.indexes)


def _own(arrival: Arrival) -> set[str]:
    """Indexes that the configuration made on a kept generation and not on the live one, so that nobody dropped them."""
    if arrival.after is None or arrival.before is None:
        return set()
    return set(arrival.after.indexes) - set(arrival.before.indexes)


def _names(table: Table, index: Index) -> tuple[str, str]:
    return indexes.configured_name(table.name, index), indexes.hashed_name(table.name, index)
