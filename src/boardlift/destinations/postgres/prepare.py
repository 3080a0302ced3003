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
from boardlift.destinations.postgres.book import Made, Member, last_holders, made_of, merged_comments
from boardlift.destinations.postgres.change import Change
from boardlift.destinations.postgres.ddl import key_statement, label_statements
from boardlift.destinations.postgres.prepared import Arrival, Prepared
from boardlift.destinations.postgres.rebind import Move
from boardlift.destinations.postgres.rehearse import rehearse
from boardlift.destinations.postgres.session import OUR_PATH, PEOPLES_PATH, Session
from boardlift.destinations.postgres.snapshot import Place, Snapshot
from boardlift.errors import UNCHANGED, DependentObject, DestinationError
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_OF_THE_QUERY = {"21", "22", "23", "2B", "42", "P0"}  # SQLSTATE classes of what a query does, not of the server
_SWEPT_TOGETHER = 100
_SEALED = SQL(
    "SELECT c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {} AND k.contype = 'p'"
)
_NAMES = SQL("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {}")


class Preparation:
    """Prepares one plan, as often as it takes: what is done already is not done again."""

    def __init__(self, session: Session, live: str, hidden: str, made: dict[Member, Made]) -> None:
        self._session = session
        self._live, self._hidden = live, hidden
        self._made = made
        self._swept: set[str] = set()
        self._rehearsed: Snapshot | None = None
        self._names: set[str] = set()

    # -- once

    def seal(self, slots: Iterable[Slot]) -> None:
        """Key, NOT NULLs, configured indexes and labels of freshly staged tables."""
        sealed = {str(name) for (name,) in self._session.ask(_SEALED.format(Literal(self._hidden)))}
        wanted = []
        for slot in slots:
            if slot.table is None:
                continue
            target = Identifier(self._hidden, slot.hidden_name)
            key = key_statement(target, slot.table, slot.hidden_name)
            statements = [] if key is None or slot.hidden_name in sealed else [key]
            statements += indexes.configured_statements(slot.table, (self._hidden, slot.hidden_name))
            wanted.append([*statements, *label_statements(target, slot.table)])
        self._session.in_parts(wanted)

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
                SQL("INSERT INTO {} SELECT * FROM ONLY {}").format(target, Identifier(*source)),
            ]
        )

    # -- before each attempt

    def prepare(self, arrivals: Sequence[Arrival], departures: Sequence[Slot]) -> Prepared:
        """Raises DependentObject for what cannot be kept, psycopg.Error for what PostgreSQL refuses."""
        names = {arrival.slot.name for arrival in arrivals} | {slot.name for slot in departures}
        prepared = Prepared(self.snapshot(self._live, sorted(names)), self._live, arrivals, departures)
        self._names = {str(name) for (name,) in self._session.ask(_NAMES.format(Literal(self._live)))}
        changes = []
        shapes = self._staged(arrivals)
        for arrival in arrivals:
            at = (self._hidden, arrival.body)
            staged = shapes[arrival.body]
            place = (self._live, arrival.slot.name)
            prepared.shapes[place] = staged
            changes.append(Change(place, arrival.way, staged.types(at), staged.key(at), arrival.before))
        taken = {arrival.slot.name for arrival in arrivals}
        for slot in departures:
            if slot.name not in taken:
                prepared.shapes[self._live, slot.name] = None
                changes.append(Change((self._live, slot.name), Replace.SWAP, None))
        self._refuse(prepared.before, changes, arrivals)
        moving = [
            arrival
            for arrival, change in zip(arrivals, changes, strict=False)
            if self._prepare_one(prepared, arrival, change)
        ]
        self._dress(prepared, moving)
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

    def _staged(self, arrivals: Sequence[Arrival]) -> dict[str, Snapshot]:
        """What the catalogue says of each incoming table, by its hidden name."""
        # After an attempt that failed there are successors of materialized views on them.
        found = self.snapshot(self._hidden, sorted({arrival.body for arrival in arrivals})).apart()
        for arrival in arrivals:
            at = (self._hidden, arrival.body)
            if at not in found or found[at].relation(at) is None:
                raise DestinationError(
                    f"The table {arrival.body} of {arrival.slot.name} is missing in {self._hidden}. {UNCHANGED}",
                    hint="run `boardlift sync` to stage it anew",
                )
        return {arrival.body: found[self._hidden, arrival.body] for arrival in arrivals}

    def _prepare_one(self, prepared: Prepared, arrival: Arrival, change: Change) -> bool:
        """Decide on comments and the way; whether the incoming table itself goes live."""
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
            return False
        prepared.moves[place] = Move(place, arrival.body)
        return True

    def _dress(self, prepared: Prepared, arrivals: Sequence[Arrival]) -> None:
        """Give the incoming tables what hangs on those that they replace, and statistics for the first queries."""
        leaving = {slot.name: slot.hidden_name for slot in prepared.departures}
        fresh = [one for one in arrivals if prepared.before.relation((self._live, one.slot.name)) is None]
        self._session.in_parts(self._entitle(prepared, fresh))
        statements: list[list[Composable]] = []
        for arrival in arrivals:
            succession = indexes.Succession()
            if arrival.slot.name in leaving and prepared.before.relation((self._live, arrival.slot.name)) is not None:
                succession, dressing = self._dressing(prepared, arrival, leaving[arrival.slot.name])
                statements.append(dressing)
            prepared.successions[self._live, arrival.slot.name] = succession
        self._session.in_parts(statements)
        dressed = self._named_not_null(prepared.before, arrivals)
        for arrival in arrivals:
            place, staged = (self._live, arrival.slot.name), dressed[arrival.body]
            succession = prepared.successions[place]
            self._settle(prepared, succession, arrival, staged)
            prepared.shapes[place] = staged
            self._note_left_out(prepared, place, succession, staged.columns((self._hidden, arrival.body)))
        # Nothing is left for autovacuum to hold a lock for.
        unswept = [arrival.body for arrival in arrivals if arrival.body not in self._swept]
        for start in range(0, len(unswept), _SWEPT_TOGETHER):
            some = unswept[start : start + _SWEPT_TOGETHER]
            tables = COMMA.join(Identifier(self._hidden, body) for body in some)
            self._session.send(SQL("VACUUM (ANALYZE) {}").format(tables))
            self._swept |= set(some)

    def _dressing(
        self, prepared: Prepared, arrival: Arrival, leaving: str
    ) -> tuple[indexes.Succession, list[Composable]]:
        """Who takes over which index of a live table, and what makes its successor like it."""
        place, at = (self._live, arrival.slot.name), (self._hidden, arrival.body)
        staged = prepared.shapes[place]
        assert staged is not None
        statements = carry.dressing(prepared.before, place, staged, at, prepared.comments[place])
        statements += carry.fixing(prepared.before, place, staged, at, arrival.before)
        succession, builds = indexes.inherit(
            prepared.before,
            place,
            staged,
            at,
            lambda n: carry.generation_name("ix", leaving, n),
            arrival.obsolete,
            kept=arrival.slot.table is None,
            own=arrival.own,
        )
        return succession, statements + builds

    def _entitle(self, prepared: Prepared, arrivals: Sequence[Arrival]) -> list[list[Composable]]:
        """Grants of tables that are not live yet: those that they left with, or those promised for new ones."""
        if not arrivals:
            return []
        lasts = last_holders(self._session.ask, self._hidden)
        promised = inspect.default_grants(self._session.ask, self._live)
        statements = []
        for arrival in arrivals:
            at, staged = (self._hidden, arrival.body), prepared.shapes[self._live, arrival.slot.name]
            assert staged is not None
            last = lasts.get((arrival.member[0], arrival.slot.name))
            if last is not None and last != at[1]:
                # A table that comes back has the grants that it left with, not those of the generation it comes from.
                held = self.snapshot(self._hidden, [last])
                statements.append(carry.entitling(held, (self._hidden, last), staged, at))
            elif last is None and arrival.slot.table is not None and promised:
                statements.append(inspect.grant_statements(Identifier(*at), [], promised, set()))
        return statements

    def _named_not_null(self, before: Snapshot, arrivals: Sequence[Arrival]) -> dict[str, Snapshot]:
        """From PostgreSQL 18 on a NOT NULL has a name, which must not be that of a staged table's."""
        staged = self._staged(arrivals) if arrivals else {}
        renames = [renaming for one in arrivals if (renaming := self._renaming(before, one, staged[one.body]))]
        if not renames:
            return staged
        self._session.in_parts(renames)
        return self._staged(arrivals)

    def _renaming(self, before: Snapshot, arrival: Arrival, staged: Snapshot) -> list[Composable]:
        place, at = (self._live, arrival.slot.name), (self._hidden, arrival.body)
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
        return renames

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
        """Whether a relation of the live schema has this name."""
        return name in self._names

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
        obsolete = arrival.obsolete
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
