"""MariaDB 10.6 and MySQL 8.0, and later: namespaces are databases, and one RENAME TABLE swaps all tables of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

import pymysql

from boardlift.clock import Clock, SystemClock
from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import CATALOGUE, SwapPlan
from boardlift.destinations.interface import (
    ArrowStream,
    Destination,
    Finding,
    Generation,
    Replace,
    Replacement,
    StagedGroup,
    StagedRef,
    State,
    SwapOutcome,
    TableFacts,
    hidden_namespace,
)
from boardlift.destinations.mysql import catalogue as book
from boardlift.destinations.mysql import inspect, made
from boardlift.destinations.mysql import judge as mysql_judge
from boardlift.destinations.mysql.capabilities import CAPABILITIES
from boardlift.destinations.mysql.contents import fingerprint
from boardlift.destinations.mysql.copying import copied
from boardlift.destinations.mysql.ddl import create_statement
from boardlift.destinations.mysql.doctor import examine, takes_files
from boardlift.destinations.mysql.errors import code_of, read_url, speaking
from boardlift.destinations.mysql.load import Loader
from boardlift.destinations.mysql.query import read_only
from boardlift.destinations.mysql.refill import heal
from boardlift.destinations.mysql.session import Rows, Session
from boardlift.destinations.mysql.swap import Swap, in_place_groups
from boardlift.destinations.mysql.wait import SwapPolicy, Waiting
from boardlift.destinations.one_by_one import OneByOne
from boardlift.errors import UNCHANGED, DestinationError, LeaseHeld
from boardlift.shape.sql import COMMA, SQL, Identifier, Literal
from boardlift.shape.table import Table

_PROGRAM = "boardlift"
_LEASE = "lease"
_TAKEN = "{} is not of boardlift's making (rename or drop it, or give the board another `table:` name)"
_LEASE_LOOKS = 5
_HEALING_SECONDS = 5.0


def connect(url: str, namespace: str) -> Destination:
    """The server that `url` names; nothing is opened yet. Raises ConfigError for a URL that cannot be meant."""
    return MySQL(url, namespace)


class MySQL(OneByOne):
    """One MariaDB or MySQL server and one live namespace on it."""

    capabilities = CAPABILITIES

    def __init__(
        self, url: str, namespace: str, *, policy: SwapPolicy | None = None, clock: Clock | None = None
    ) -> None:
        self._address = read_url(url)
        self._policy = policy or SwapPolicy()
        self._clock = clock or SystemClock()
        self.namespace = namespace
        self._hidden = hidden_namespace(namespace)
        self._open: Session | None = None
        self._lease: Session | None = None
        self._local: bool | None = None
        self._loader: Loader | None = None

    @property
    def identity(self) -> str:
        return self._address.identity

    def address(self, table: str) -> str:
        return ".".join("`" + part.replace("`", "``") + "`" for part in (self.namespace, table))

    # -- the right to write

    @contextmanager
    def lease(self, holder: str) -> Iterator[None]:
        if self._lease is not None:
            raise LeaseHeld("this very program", None, hint="one program may hold one lease per database")
        session = self._connect()
        try:
            with speaking(self._address, "give out the right to write"):
                self._take_lease(session, holder)
            self._lease = session
            yield
        finally:
            self._lease = None
            # Closing alone frees it a moment later, when the server has taken notice.
            with suppress(pymysql.err.MySQLError):
                session.run(SQL("DO release_all_locks()"))
            session.close()

    def _take_lease(self, session: Session, holder: str) -> None:
        name = Literal(f"boardlift {hashlib.sha256(self.namespace.encode()).hexdigest()[:32]}")
        for _ in range(_LEASE_LOOKS):
            if session.ask(SQL("SELECT get_lock({}, 0)").format(name)) == [(1,)]:
                # Others are told who has it. Databases are not made where they are: that may take rights we lack.
                if self._hidden not in _databases(session):
                    session.run(SQL("CREATE DATABASE {}").format(Identifier(self._hidden)))
                if book.NOTES not in inspect.tables(session, self._hidden):
                    session.run(book.notes_statement(self._hidden))
                session.run(book.note_statement(self._hidden, _LEASE, holder))
                return
            ((connection,),) = session.ask(SQL("SELECT is_used_lock({})").format(name))
            if connection is not None:
                self._refuse_lease(session, int(str(connection)))
            self._clock.sleep(0.05)  # the holder ended between the two questions
        raise LeaseHeld("a session that cannot be seen", None, hint="run the same command again in a minute")

    def _refuse_lease(self, session: Session, connection: int) -> None:
        said: Rows = []
        with suppress(pymysql.err.MySQLError):
            said = session.ask(
                SQL("SELECT said, at FROM {} WHERE subject = {}").format(
                    Identifier(self._hidden, book.NOTES), Literal(_LEASE)
                )
            )
        holder, since = said[0] if said else ("an unnamed session", None)
        raise LeaseHeld(
            f"{holder} (connection {connection})",
            since if isinstance(since, datetime) else None,
            hint="wait until that run ends; a run that was killed frees it by itself",
        )

    # -- what is there

    def prepare(self) -> None:
        session = self._session()
        with speaking(self._address, "be prepared"):
            there = _databases(session)
            for database in (self.namespace, self._hidden):
                if database not in there:
                    session.run(SQL("CREATE DATABASE {}").format(Identifier(database)))
            present = inspect.tables(session, self._hidden)
            if not {CATALOGUE, book.NOTES} <= set(present):
                for statement in book.create_statements(self._hidden):
                    session.run(statement)
            self._heal()

    def _heal(self) -> None:
        brief = replace(self._policy, patience=min(self._policy.patience, _HEALING_SECONDS))
        waiting = Waiting(self._session(), self._connect, self._address, brief, self._clock)
        heal(self._session(), self._connect, waiting, (self.namespace, self._hidden), self.generations())

    def generations(self, group: str | None = None) -> list[Generation]:
        with speaking(self._address, "read the catalogue of generations"):
            try:
                rows = self._session().ask(book.rows_statement(Identifier(self._hidden, CATALOGUE), group))
            except pymysql.err.MySQLError as error:
                if code_of(error) in (1049, 1146):  # before the first run
                    return []
                raise
        return catalogue.collect(book.catalogue_row(row) for row in rows)

    def foreign_tables(self, names: Iterable[str]) -> list[str]:
        wanted = sorted(set(names))
        if not wanted:
            return []
        ours = catalogue.live_names(self.generations())
        with speaking(self._address, "list tables"):
            found = inspect.tables(self._session(), self.namespace)
        return [name for name in wanted if name in found and (name not in ours or found[name] not in inspect.TABLES)]

    # -- a generation beside the live one

    def stage(self, group: str, generation: int, table: Table) -> StagedRef:
        place = catalogue.free_hidden_name(self.generations(), group, generation, table.name)
        target = Identifier(self._hidden, place)
        session = self._session()
        with speaking(self._address, f"stage {table.name}"):
            session.run(SQL("DROP TABLE IF EXISTS {}").format(target))
            session.run(create_statement(target, table, session))
        return StagedRef(group, generation, table, place)

    def append(self, staged: StagedRef, rows: ArrowStream) -> int:
        session = self._session()
        with speaking(self._address, f"load {staged.table.name}"):
            if self._local is None:
                self._local = takes_files(session)
            target = Identifier(self._hidden, staged.hidden_name)
            if self._loader is None:
                self._loader = Loader(self._connect)
            return self._loader.load(session, target, staged.table, rows, local=self._local)

    def measure(self, staged: StagedRef) -> TableFacts:
        target = Identifier(self._hidden, staged.hidden_name)
        key = [Identifier(name) for name in staged.table.key]
        with speaking(self._address, f"measure {staged.table.name}"):
            if not key:
                total = _whole(self._session().ask(SQL("SELECT count(*) FROM {}").format(target))[0][0])
                return TableFacts(total, 0, total)
            statement = SQL(
                "SELECT coalesce(sum(n), 0), coalesce(sum(if(bad, n, 0)), 0), coalesce(sum(if(bad, 0, 1)), 0) FROM"
                " (SELECT count(*) AS n, {null} AS bad FROM {target} GROUP BY {key}) AS found"
            ).format(
                null=SQL("max({})").format(SQL(" OR ").join(SQL("{} IS NULL").format(name) for name in key)),
                target=target,
                key=COMMA.join(key),
            )
            rows, null_keys, distinct = self._session().ask(statement)[0]
        return TableFacts(_whole(rows), _whole(null_keys), _whole(distinct))

    # -- live

    def replacements(self, group: str, tables: Sequence[Table], replace: Replace) -> list[Replacement]:
        session, known = self._session(), self.generations()
        foreign = self.foreign_tables(table.name for table in tables)
        leaving = {t.name: t for g in known if g.group == group and g.state is State.LIVE for t in g.tables}
        found = []
        with speaking(self._address, "read what is built on the live tables"):
            for name in dict.fromkeys([*(table.name for table in tables), *leaving]):
                if name in foreign:
                    found.append(Replacement(name, replace, "the name is taken", obstacles=(_TAKEN.format(name),)))
                    continue
                live = inspect.read(session, self.namespace, name, dependants=True)
                stored = leaving.get(name)
                before = made.recall(session, self._hidden, stored.hidden_name) if stored else None
                table = next((table for table in tables if table.name == name), None)
                after = mysql_judge.Successor.of_table(table, session) if table else None
                found.append(mysql_judge.judge(session, live, before, after, name, replace))
        return found

    def promote(self, run_id: str, groups: Sequence[StagedGroup]) -> SwapOutcome:
        plan = catalogue.plan_promotion(run_id, self.generations(), groups, self._clock.now())
        return self._swap(plan, {group.group for group in groups if group.replace is Replace.IN_PLACE})

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        plan = catalogue.plan_rollback(run_id, self.generations(), targets, self._clock.now())
        with speaking(self._address, "list tables"):
            there = inspect.tables(self._session(), self._hidden)
        return self._swap(plan, in_place_groups(plan, there))

    def _swap(self, plan: SwapPlan, in_place: set[str]) -> SwapOutcome:
        self._refuse_without_lease()
        foreign = self.foreign_tables(slot.name for slot in (*plan.incoming, *plan.outgoing))
        catalogue.refuse_foreign(self.namespace, foreign)
        namespaces = (self.namespace, self._hidden)
        swap = Swap(self._session(), self._connect, self._address, namespaces, self._policy, self._clock)
        try:
            return swap.run(plan, in_place)
        finally:
            if in_place:  # columns that went or came too much; the outcome stands, and the next run does it otherwise
                with suppress(DestinationError, pymysql.err.MySQLError):
                    self._heal()

    def _refuse_without_lease(self) -> None:
        """A lease that broke on the way may be held by somebody else now."""
        if self._lease is not None:
            with speaking(self._address, "confirm the right to write, so nothing was swapped"):
                self._lease.ask(SQL("SELECT 1"))

    def copy(
        self,
        group: str,
        generation: int,
        table: str,
        into: StagedRef,
        namespace: str,
        without: Collection[int] = (),
    ) -> int:
        source = Identifier(*self._place(group, generation, table))
        target = Identifier(hidden_namespace(namespace), into.hidden_name)
        with speaking(self._address, f"copy {table}"):
            return copied(self._session(), self._hidden, target, source, into.table, without)

    def contents(self, group: str, generation: int) -> dict[str, str]:
        stored = catalogue.stored_generation(self.generations(group), group, generation)
        places = {table.name: self._place(group, generation, table.name) for table in stored.tables}
        with speaking(self._address, f"read generation {generation} of {group}"):
            return {name: fingerprint(self._session(), *place) for name, place in places.items()}

    def sizes(self) -> dict[tuple[str, int], int]:
        with speaking(self._address, "say how large its tables are"):
            rows = self._session().ask(
                SQL(
                    "SELECT table_schema, table_name, coalesce(data_length, 0) + coalesce(index_length, 0)"
                    " FROM information_schema.tables WHERE table_schema IN ({}, {})"
                ).format(Literal(self.namespace), Literal(self._hidden))
            )
        taken = {(str(schema), str(name)): _whole(size) for schema, name, size in rows}
        return {
            (g.group, g.number): sum(
                taken.get((self._hidden, t.hidden_name), 0)
                + (taken.get((self.namespace, t.name), 0) if g.state is State.LIVE else 0)
                for t in g.tables
            )
            for g in self.generations()
        }

    def discard(self) -> None:
        with speaking(self._address, "list tables"):
            found = inspect.tables(self._session(), self.namespace)
        if foreign := sorted(set(found) - catalogue.live_names(self.generations())):
            raise DestinationError(
                f"{self.namespace} holds what boardlift did not put there: {', '.join(foreign)}. {UNCHANGED}",
                hint="drop or move it, or drop the databases by hand",
            )
        with speaking(self._address, "drop its databases"):
            for database in (self.namespace, self._hidden):
                self._session().run(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(database)))

    def drop_staged(self) -> list[str]:
        known = {table.hidden_name for stored in self.generations() for table in stored.tables}
        with speaking(self._address, "drop staged tables"):
            found = inspect.tables(self._session(), self._hidden)
            strays = sorted(
                name
                for name, kind in found.items()
                if kind.endswith("BASE TABLE") and name not in known and name not in book.OWN_TABLES
            )
            for name in strays:
                self._session().run(SQL("DROP TABLE {}").format(Identifier(self._hidden, name)))
            if strays:
                made.forget(self._session(), self._hidden, strays)
        return strays

    def retain(self, group: str, keep: int) -> list[int]:
        going = catalogue.doomed(self.generations(group), group, keep)
        for generation in going:
            with speaking(self._address, f"drop generation {generation.number} of {group}"):
                # First out of the catalogue: what a crash leaves then is a stray, which the next run drops.
                self._session().run(
                    SQL("DELETE FROM {} WHERE group_key = {} AND generation = {}").format(
                        Identifier(self._hidden, CATALOGUE), Literal(group), Literal(generation.number)
                    )
                )
                for table in generation.tables:
                    place = Identifier(self._hidden, table.hidden_name)
                    self._session().run(SQL("DROP TABLE IF EXISTS {}").format(place))
                made.forget(self._session(), self._hidden, [table.hidden_name for table in generation.tables])
        return [generation.number for generation in going]

    # -- people

    def query(self, sql: str) -> tuple[list[str], Rows]:
        with speaking(self._address, "answer the query"):
            return read_only(self._session(), sql)

    def findings(self) -> list[Finding]:
        try:
            return examine(self._session(), self.identity, self._address, self._hidden)
        except DestinationError as error:
            return [Finding("destination", False, error.message, error.hint)]

    def close(self) -> None:
        if self._loader is not None:
            self._loader.close()
            self._loader = None
        if self._open is not None:
            self._open.close()
            self._open = None

    # -- inside

    def _connect(self) -> Session:
        return Session(self._address, _PROGRAM)

    def _session(self) -> Session:
        if self._open is None or self._open.closed:
            self._open = self._connect()
        return self._open

    def _place(self, group: str, number: int, table: str) -> tuple[str, str]:
        """Where the rows of a table of a stored generation are. Raises DestinationError when it is not stored."""
        known = self.generations(group)
        stored = catalogue.stored_table(known, group, number, table)
        if catalogue.stored_generation(known, group, number).state is State.LIVE:
            return self.namespace, table
        return self._hidden, stored.hidden_name


def _databases(session: Session) -> set[str]:
    return {str(name) for (name,) in session.ask(SQL("SELECT schema_name FROM information_schema.schemata"))}


def _whole(value: object) -> int:
    return int(str(value))
