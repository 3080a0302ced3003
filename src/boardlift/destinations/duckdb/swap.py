"""A swap in DuckDB: live views are pointed at other tables, and the catalogue says so, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import CATALOGUE, Slot, SwapPlan
from boardlift.destinations.duckdb.ddl import (
    Shown,
    comment_statement,
    empty_view_statement,
    read_note,
    view_statements,
)
from boardlift.destinations.duckdb.people import PeoplesObject, broken_by, peoples_objects, readers_of, told
from boardlift.destinations.duckdb.seal import Filled
from boardlift.destinations.duckdb.session import Run, Session
from boardlift.destinations.interface import Generation, Replace, Replacement, hidden_namespace
from boardlift.errors import UNCHANGED, DependentObject, DestinationError
from boardlift.shape.sql import SQL, Identifier
from boardlift.shape.table import Table


@dataclass(frozen=True)
class Seen:
    """One look at what is there: stored generations, what stands in the live schema, what people made anywhere."""

    moment: float
    known: list[Generation]
    tables: dict[str, str]
    objects: list[PeoplesObject]


def foreign(names: Iterable[str], there: Mapping[str, str], ours: Collection[str]) -> list[str]:
    """Those of `names` that are there but not boardlift's: a live table of ours is a view."""
    return [name for name in names if name in there and (name not in ours or there[name] != "VIEW")]


class Swaps:
    """What swaps need of one database and one namespace."""

    def __init__(self, session: Session, namespace: str) -> None:
        self._session = session
        self._live = namespace
        self._hidden = hidden_namespace(namespace)

    # -- found out before

    def replacements(
        self,
        tables: Sequence[Table],
        live: Generation | None,
        taken: Mapping[str, str],
        objects: Sequence[PeoplesObject],
    ) -> list[Replacement]:
        """How these tables and the vanishing ones of `live` would go live. `taken` are names that are not free: why."""
        before = {table.name: table.fingerprint for table in live.tables} if live else {}
        names = {table.name for table in tables}
        vanishing = [name for name in before if name not in names]
        changed = [t for t in tables if t.name in before and t.fingerprint != before[t.name] and t.name not in taken]

        def reshape(run: Run) -> None:
            self._drop_views(run, [name for name in vanishing if name not in taken])
            for table in changed:
                run(empty_view_statement(self._session.at(self._live, table.name), table))

        broken = self._broken(reshape, [*vanishing, *(table.name for table in changed)], objects)
        found = []
        for name in (*(table.name for table in tables), *vanishing):
            readers = readers_of([name], objects) if name in before else []
            lost = tuple(told(each, self._named(name), broken[each]) for each in readers if each in broken)
            obstacles = (*((taken[name],) if name in taken else ()), *lost)
            carried = tuple(str(each) for each in readers if each not in broken)
            found.append(Replacement(name, Replace.SWAP, _why(name, before, vanishing), carried, obstacles))
        return found

    def refuse_losses(self, plan: SwapPlan, known: Sequence[Generation], shown: Mapping[str, Shown]) -> None:
        """Raise DependentObject when something of people's would fail on the new shape. Changes nothing."""
        before = {table.name: table.fingerprint for generation in plan.leaving for table in generation.tables}
        after = {table.name: table.fingerprint for generation in plan.entering for table in generation.tables}
        changed = [name for name, shape in before.items() if after.get(name) != shape]
        if not changed:
            return
        objects = self.peoples_objects(known)
        broken = self._broken(lambda run: self._point(run, plan, shown), changed, objects)
        if broken:
            groups = {t.name: g.group for g in (*plan.entering, *plan.leaving) for t in g.tables}
            lost = [
                f"board {groups[name]}: {told(each, self._named(name), words)}"
                for each, words in broken.items()
                for name in changed
                if each in readers_of([name], objects)
            ]
            raise DependentObject(
                f"The swap would break what people built on the live tables: {'; '.join(lost)}. {UNCHANGED}",
                hint="change or drop what is named above, then run the same command again; `boardlift plan` lists it",
            )

    def peoples_objects(self, known: Iterable[Generation]) -> list[PeoplesObject]:
        """What may read the live tables."""
        return peoples_objects(self._session, (self._live, self._hidden), catalogue.live_names(known))

    def _broken(
        self, reshape: Callable[[Run], None], names: Sequence[str], objects: Sequence[PeoplesObject]
    ) -> dict[PeoplesObject, str]:
        readers = readers_of(names, objects) if names else []
        return broken_by(self._session, reshape, readers) if readers else {}

    def _named(self, name: str) -> str:
        return f"{self._live}.{name}"

    # -- carried out

    def unsealed(self, plan: SwapPlan) -> list[Filled]:
        """Tables on their way in that lack their key; those sealed ahead or by an earlier attempt have it."""
        notes = self._notes(slot.hidden_name for slot in plan.incoming)
        rows = {table.hidden_name: table.rows for generation in plan.entering for table in generation.tables}
        return [
            Filled(slot.hidden_name, slot.table, rows[slot.hidden_name])
            for slot in plan.incoming
            if slot.table is not None and read_note(notes[slot.hidden_name]) is None
        ]

    def shown(self, plan: SwapPlan) -> dict[str, Shown]:
        """What readers will see of each table that comes in, with the comments that people changed on the live one."""
        theirs = self._peoples_comments(plan.outgoing)
        fresh = {s.name: _shown(s.table) for s in plan.incoming if s.table is not None}
        stored = self._stored([slot.hidden_name for slot in plan.incoming if slot.table is None])
        found = fresh | {s.name: stored[s.hidden_name] for s in plan.incoming if s.table is None}
        return {name: _with_comments(shown, theirs.get(name, {})) for name, shown in found.items()}

    def carry_out(self, plan: SwapPlan, shown: Mapping[str, Shown]) -> None:
        """Everything in one transaction: readers see all of the old until it commits, and all of the new after it."""
        book = self._session.at(self._hidden, CATALOGUE)
        with self._session.transaction("swap the tables in") as run:
            self._point(run, plan, shown)
            mark = SQL(
                "UPDATE {} SET state = 'kept' WHERE (group_key, generation)"
                " IN (SELECT (unnest($1::VARCHAR[]), unnest($2::BIGINT[])))"
            ).format(book)
            run(mark, [[g.group for g in plan.leaving], [g.number for g in plan.leaving]])
            self._record(plan, run)

    def label(self, live: Iterable[Generation]) -> None:
        """Give live views the labels that they lack: all of them after a swap, and what a crash left without.

        Each comment copies its view, and the copies stay until the commit: so it is done after the swap, in steps.
        """
        stored = {table.name: table.hidden_name for generation in live for table in generation.tables}
        if not stored:
            return
        there = self._session.tables(self._hidden)
        bare = [(name, column) for name, column in self._bare(stored) if stored[name] in there]
        shown = self._stored(sorted({stored[name] for name, _ in bare})) if bare else {}
        missing = []
        for name, column in bare:
            mine = shown[stored[name]]
            text = mine.labels.get(column) if column else mine.label
            if text:
                missing.append(comment_statement(self._session.at(self._live, name), column, text))
        for start in range(0, len(missing), _COMMENTS_TOGETHER):
            with self._session.transaction("label the live tables") as run:
                for statement in missing[start : start + _COMMENTS_TOGETHER]:
                    run(statement)

    def _point(self, run: Run, plan: SwapPlan, shown: Mapping[str, Shown]) -> None:
        self._drop_views(run, plan.vanishing)
        for slot in plan.incoming:
            # The file may be renamed or attached under another name: inside the view the table goes by schema alone.
            stored = Identifier(self._hidden, slot.hidden_name)
            for statement in view_statements(self._session.at(self._live, slot.name), stored, shown[slot.name]):
                run(statement)

    def _drop_views(self, run: Run, names: Iterable[str]) -> None:
        for name in names:
            run(SQL("DROP VIEW IF EXISTS {}").format(self._session.at(self._live, name)))

    def _record(self, plan: SwapPlan, run: Run) -> None:
        book = self._session.at(self._hidden, CATALOGUE)
        if plan.new:
            rows = catalogue.catalogue_rows(plan)
            insert = SQL(
                "INSERT INTO {} SELECT unnest($1::VARCHAR[]), unnest($2::BIGINT[]), unnest($3::INTEGER[]),"
                " unnest($4::VARCHAR[]), unnest($5::VARCHAR[]), 'live', $6, unnest($7::BIGINT[]),"
                " unnest($8::VARCHAR[]), $9"
            ).format(book)
            columns = list(
                zip(
                    *((r.group, r.generation, r.ordinal, r.name, r.hidden_name, r.rows, r.fingerprint) for r in rows),
                    strict=True,
                )
            )
            *head, counts, shapes = [list(column) for column in columns]
            run(insert, [*head, plan.run_id, counts, shapes, rows[0].promoted_at])
            return
        update = SQL(
            "UPDATE {} SET state = 'live', run_id = $3, promoted_at = $4 WHERE (group_key, generation)"
            " IN (SELECT (unnest($1::VARCHAR[]), unnest($2::BIGINT[])))"
        ).format(book)
        entering = plan.entering
        moment = entering[0].promoted_at
        run(update, [[g.group for g in entering], [g.number for g in entering], plan.run_id, moment])

    # -- read from the catalogue of DuckDB

    def _notes(self, places: Iterable[str]) -> dict[str, str]:
        """The comment of each of these hidden tables. Raises DestinationError when one is missing."""
        wanted = list(places)
        statement = SQL(
            "SELECT table_name, coalesce(comment, '') FROM duckdb_tables() WHERE database_name = current_database()"
            " AND schema_name = $1 AND table_name IN (SELECT unnest($2::VARCHAR[]))"
        )
        found = {str(name): str(comment) for name, comment in self._session.ask(statement, [self._hidden, wanted])}
        if missing := [place for place in wanted if place not in found]:
            raise DestinationError(
                f"The table {missing[0]} is missing in {self._hidden}. {UNCHANGED}",
                hint="run `boardlift sync` to stage it anew",
            )
        return found

    def _columns(self, namespace: str, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """Columns of tables or views in order, each with its comment."""
        statement = SQL(
            "SELECT table_name, column_name, coalesce(comment, '') FROM duckdb_columns()"
            " WHERE database_name = current_database() AND schema_name = $1"
            " AND table_name IN (SELECT unnest($2::VARCHAR[])) ORDER BY table_name, column_index"
        )
        found: dict[str, dict[str, str]] = {}
        for table, column, comment in self._session.ask(statement, [namespace, list(names)]) if names else ():
            found.setdefault(str(table), {})[str(column)] = str(comment)
        return found

    def _bare(self, names: Collection[str]) -> list[tuple[str, str]]:
        """Live views ("") and their columns that have no comment."""
        statement = SQL(
            "SELECT v.view_name, c.column_name FROM duckdb_views() AS v JOIN duckdb_columns() AS c"
            " ON c.table_oid = v.view_oid AND c.database_oid = v.database_oid"
            " WHERE v.database_name = current_database() AND v.schema_name = $1 AND c.comment IS NULL"
            " UNION ALL SELECT view_name, '' FROM duckdb_views()"
            " WHERE database_name = current_database() AND schema_name = $1 AND comment IS NULL"
        )
        rows = self._session.ask(statement, [self._live])
        return [(str(name), str(column)) for name, column in rows if name in names]

    def _stored(self, places: Sequence[str]) -> dict[str, Shown]:
        """Sealed tables as readers see them."""
        notes, columns = self._notes(places) if places else {}, self._columns(self._hidden, places)
        found = {}
        for place in places:
            # Before there were notes, each column had its own comment.
            label, labels = read_note(notes[place]) or (notes[place], {c: t for c, t in columns[place].items() if t})
            found[place] = Shown(tuple(columns[place]), label, labels)
        return found

    def _peoples_comments(self, outgoing: Sequence[Slot]) -> dict[str, dict[str, str]]:
        """Comments on live tables ("") and their columns that are not the labels boardlift gave them."""
        names = [slot.name for slot in outgoing]
        if not names:
            return {}
        there = self._session.tables(self._hidden)
        ours = self._stored([slot.hidden_name for slot in outgoing if slot.hidden_name in there])
        now = self._columns(self._live, names)
        views = SQL(
            "SELECT view_name, coalesce(comment, '') FROM duckdb_views() WHERE database_name = current_database()"
            " AND schema_name = $1 AND view_name IN (SELECT unnest($2::VARCHAR[]))"
        )
        for name, comment in self._session.ask(views, [self._live, names]):
            now.setdefault(str(name), {})[""] = str(comment)
        found: dict[str, dict[str, str]] = {}
        for slot in outgoing:
            if slot.hidden_name in ours:
                given = {"": ours[slot.hidden_name].label, **ours[slot.hidden_name].labels}
                changed = {c: text for c, text in now.get(slot.name, {}).items() if text and text != given.get(c, "")}
                found[slot.name] = changed
        return found


_COMMENTS_TOGETHER = 1000


def _shown(table: Table) -> Shown:
    labels = {column.name: column.label for column in table.columns if column.label}
    return Shown(tuple(column.name for column in table.columns), table.label, labels)


def _with_comments(shown: Shown, theirs: Mapping[str, str]) -> Shown:
    columns = {"", *shown.columns}
    return replace(shown, theirs={name: text for name, text in theirs.items() if name in columns})


def _why(name: str, before: Mapping[str, str], vanishing: Sequence[str]) -> str:
    if name in vanishing:
        return "the board no longer has it: its view goes, its rows stay with the kept generation"
    if name in before:
        return "its view is pointed at the new table in the one transaction of the run; no reader waits"
    return "it is new: a view is made in the one transaction of the run"
