"""PostgreSQL 15 and later: live tables are real tables; a swap moves tables between two schemas in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.string import TextLoader

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
from boardlift.destinations.one_by_one import OneByOne
from boardlift.destinations.postgres import book, contents, staging, stored
from boardlift.destinations.postgres import lease as leases
from boardlift.destinations.postgres.distribute import distribute
from boardlift.destinations.postgres.errors import built_upon, read_url, speaking
from boardlift.destinations.postgres.foresight import foresee
from boardlift.destinations.postgres.inspect import Rows
from boardlift.destinations.postgres.load import Bulk
from boardlift.destinations.postgres.load import Error as BulkError
from boardlift.destinations.postgres.promises import CAPABILITIES
from boardlift.destinations.postgres.session import Session, come_to_rest, script
from boardlift.destinations.postgres.swap import Swap, SwapPolicy
from boardlift.errors import CapabilityMissing, DestinationError, LeaseHeld
from boardlift.shape.sql import SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table

_OLDEST = 150_000  # PostgreSQL 15
_NEWER = SQL("SELECT FROM pg_attribute WHERE attrelid = to_regclass({}) AND attname = 'made'")
_COLUMNS = SQL("SELECT attname FROM pg_attribute WHERE attrelid = to_regclass({}) AND attnum > 0 AND NOT attisdropped")


def connect(url: str, namespace: str) -> Destination:
    """The PostgreSQL that `url` names; nothing is opened yet. Raises ConfigError for a URL that libpq cannot read."""
    return Postgres(url, namespace)


class Postgres(OneByOne):
    """One PostgreSQL database and one live namespace in it."""

    capabilities = CAPABILITIES

    def __init__(
        self, url: str, namespace: str, *, policy: SwapPolicy | None = None, clock: Clock | None = None
    ) -> None:
        self._address = read_url(url)
        self._policy = policy or SwapPolicy()
        self._clock = clock or SystemClock()
        self.namespace = namespace
        self._hidden = hidden_namespace(namespace)
        self._open: psycopg.Connection | None = None
        self._bulk: Bulk | None = None
        self._lease: psycopg.Connection | None = None

    @property
    def identity(self) -> str:
        return self._address.identity

    def address(self, table: str) -> str:
        return Identifier(self.namespace, table).text

    # -- the right to write

    @contextmanager
    def lease(self, holder: str) -> Iterator[None]:
        if self._lease is not None:
            raise LeaseHeld("this very program", None, hint="one program may hold one lease per database")
        connection = self._connect(f"{leases.PROGRAM} {holder}")
        try:
            with speaking(self._address, "give out the right to write"):
                leases.take(connection, self.namespace, self._clock)
            self._lease = connection
            yield
        finally:
            self._lease = None
            # Closing alone frees it a moment later, when the server has taken notice.
            with suppress(psycopg.Error):
                connection.execute("SELECT pg_advisory_unlock_all()")
            connection.close()

    # -- what is there

    def prepare(self) -> None:
        with speaking(self._address, "be prepared"):
            for schema in (self.namespace, self._hidden):
                # CREATE SCHEMA IF NOT EXISTS wants the right to create even where nothing is to be made.
                if not self._ask(SQL("SELECT FROM pg_namespace WHERE nspname = {}").format(Literal(schema))):
                    self._do(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
            if not self._has_catalogue():
                self._do(book.create_statement(self._hidden))
            elif not self._ask(_NEWER.format(Literal(self._book.text))):
                self._do(SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS made jsonb").format(self._book))

    def generations(self, group: str | None = None) -> list[Generation]:
        self._connection()
        with speaking(self._address, "read the catalogue of generations"):
            if not self._has_catalogue():
                return []
            only = SQL(" WHERE group_key = {}").format(Literal(group)) if group is not None else SQL("")
            rows = self._ask(
                SQL(
                    "SELECT group_key, generation, ordinal, table_name, hidden_name, state, run_id, rows, fingerprint,"
                    " promoted_at FROM {}{}"
                ).format(self._book, only)
            )
        return catalogue.collect(book.catalogue_row(row) for row in rows)

    def foreign_tables(self, names: Iterable[str]) -> list[str]:
        wanted = sorted(set(names))
        if not wanted:
            return []
        ours = catalogue.live_names(self.generations())
        with speaking(self._address, "list tables"):
            rows = stored.taken(self._ask, self.namespace, wanted)
        return list(dict.fromkeys(str(name) for name, kind in rows if name not in ours or kind != "r"))

    # -- a generation beside the live one

    def stage(self, group: str, generation: int, table: Table) -> StagedRef:
        return self.stage_all([(group, generation, table)])[0]

    def stage_all(self, wanted: Sequence[tuple[str, int, Table]]) -> list[StagedRef]:
        places = catalogue.free_hidden_names(self.generations(), [(g, number, t.name) for g, number, t in wanted])
        refs = [StagedRef(*one, place) for one, place in zip(wanted, places, strict=True)]
        with speaking(self._address, f"stage {', '.join(table.name for _, _, table in wanted[:3])}"):
            for script in staging.making(self._hidden, refs):
                self._do(script)
        return refs

    def append(self, staged: StagedRef, rows: ArrowStream) -> int:
        with speaking(self._address, f"load {staged.table.name}"):
            if self._bulk is None:
                self._bulk = Bulk(self._address.url)
            try:
                return self._bulk.load(self._hidden, staged.hidden_name, staged.table, rows)
            except BulkError:
                self._close_bulk()  # it may be the connection that is broken
                raise

    def distribute(self, staged: Mapping[int, StagedRef], rows: ArrowStream) -> dict[int, int]:
        with speaking(self._address, f"load {next(iter(staged.values())).table.name}"):
            return distribute(self._connection(), self._hidden, staged, rows)

    def measure(self, staged: StagedRef) -> TableFacts:
        return self.measure_all([staged])[0]

    def measure_all(self, staged: Sequence[StagedRef]) -> list[TableFacts]:
        with speaking(self._address, f"measure {', '.join(ref.table.name for ref in staged[:3])}"):
            rows = [row for question in staging.measuring(self._hidden, staged) for row in self._ask(question)]
        return [TableFacts(_whole(total), _whole(null), _whole(distinct)) for _, total, null, distinct in rows]

    # -- live

    def replacements(self, group: str, tables: Sequence[Table], replace: Replace) -> list[Replacement]:
        return self.replacements_all([(group, tables, replace)])[0]

    def replacements_all(self, groups: Sequence[tuple[str, Sequence[Table], Replace]]) -> list[list[Replacement]]:
        live = {one.group: one for one in self.generations() if one.state is State.LIVE}
        with speaking(self._address, "say how the tables would go live"):
            made = book.read_made(self._ask, self._hidden) if live else {}
            session = Session(self._connection())
            wanted = [(tables, live.get(group), replace) for group, tables, replace in groups]
            found = foresee(session, self.namespace, wanted, made)
        foreign = set(self.foreign_tables(table.name for _, tables, _ in groups for table in tables))
        out = "rename or drop it, or give the board another `table:` name in boardlift.yaml"
        return [
            [
                Replacement(one.table, replace, one.why, obstacles=(f"boardlift did not put {one.table} there: {out}",))
                if one.table in foreign
                else one
                for one in replacements
            ]
            for (_, _, replace), replacements in zip(groups, found, strict=True)
        ]

    def tied_tables(self) -> list[tuple[str, str]]:
        with speaking(self._address, "say which tables are tied"):
            return stored.tied(self._ask, self.namespace)

    def promote(self, run_id: str, groups: Sequence[StagedGroup]) -> SwapOutcome:
        plan = catalogue.plan_promotion(run_id, self.generations(), groups, self._clock.now())
        return self._swap(plan, {group.group for group in groups if group.replace is Replace.IN_PLACE})

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        plan = catalogue.plan_rollback(run_id, self.generations(), targets, self._clock.now())
        with speaking(self._address, "look for copies of live tables"):
            hidden = {name for schema, name, _, _ in self._relations() if schema == self._hidden}
        in_place = {g.group for g in plan.leaving if any(table.hidden_name in hidden for table in g.tables)}
        return self._swap(plan, in_place)

    def _swap(self, plan: SwapPlan, in_place: set[str]) -> SwapOutcome:
        self._refuse_without_lease()
        foreign = self.foreign_tables(slot.name for slot in (*plan.incoming, *plan.outgoing))
        catalogue.refuse_foreign(self.namespace, foreign)
        session, namespaces = Session(self._connection()), (self.namespace, self._hidden)
        return Swap(session, self._address, namespaces, self._policy, self._clock).run(plan, in_place)

    def _refuse_without_lease(self) -> None:
        """A lease that broke on the way may be held by somebody else now."""
        if self._lease is not None:
            with speaking(self._address, "confirm the right to write, so nothing was swapped"):
                self._lease.execute("SELECT 1")

    # -- stored

    def copy(
        self,
        group: str,
        generation: int,
        table: str,
        into: StagedRef,
        namespace: str,
        without: Collection[int] = (),
    ) -> int:
        source, _ = self._source(group, generation, table)
        target = Identifier(hidden_namespace(namespace), into.hidden_name)
        with speaking(self._address, f"copy {table}"):
            statement = stored.copy_statement(target, source, into.table, without)
            return self._connection().execute(statement.text.encode()).rowcount

    def contents(self, group: str, generation: int) -> dict[str, str]:
        found = {}
        for table in catalogue.stored_generation(self.generations(), group, generation).tables:
            source, columns = self._source(group, generation, table.name)
            with speaking(self._address, f"read {table.name}"):
                found[table.name] = contents.fingerprint(self._ask, SQL("ONLY ") + source, sorted(columns))
        return found

    def _source(self, group: str, generation: int, table: str) -> tuple[Composable, list[str]]:
        """Where the rows of a stored table are, and the names of its columns."""
        known = self.generations()
        live = catalogue.stored_generation(known, group, generation).state is State.LIVE
        name = table if live else catalogue.stored_table(known, group, generation, table).hidden_name
        place = Identifier(self.namespace if live else self._hidden, name)
        with speaking(self._address, f"read {table}"):
            columns = [str(column) for (column,) in self._ask(_COLUMNS.format(Literal(place.text)))]
            made = book.read_made(self._ask, self._hidden).get((group, generation, table))
        # A person may have put columns beside ours on a live table.
        return place, [column for column in columns if made is None or column in made.columns]

    def sizes(self) -> dict[tuple[str, int], int]:
        known = self.generations()
        with speaking(self._address, "say how large the generations are"):
            return stored.sizes(self._relations(), self.namespace, self._hidden, known)

    def discard(self) -> None:
        ours = catalogue.live_names(self.generations())
        with speaking(self._address, f"drop {self.namespace}"):
            mine = stored.schemas(self._ask, [self.namespace, self._hidden])
            statements = stored.discarding(self._relations(), self.namespace, self._hidden, ours, mine)
            if statements:
                self._do(script([SQL("BEGIN"), *statements, SQL("COMMIT")]))

    def drop_staged(self) -> list[str]:
        known = self.generations()
        with speaking(self._address, "drop staged tables"):
            strays = stored.strays(self._relations(), self._hidden, known)
            for _, statement in strays:
                self._do(statement)
        return [name for name, _ in strays]

    def retain(self, group: str, keep: int) -> list[int]:
        def drop(generation: Generation) -> None:
            with speaking(self._address, f"drop generation {generation.number} of {group}", built_upon):
                forget = SQL("DELETE FROM {} WHERE group_key = {} AND generation = {}").format(
                    self._book, Literal(group), Literal(generation.number)
                )
                drops = [
                    SQL("DROP TABLE IF EXISTS {}").format(Identifier(self._hidden, table.hidden_name))
                    for table in generation.tables
                ]
                self._do(SQL("; ").join([SQL("BEGIN"), forget, *drops, SQL("COMMIT")]))

        return catalogue.retire(self.generations(group), group, keep, drop)

    # -- people

    def query(self, sql: str) -> tuple[list[str], Rows]:
        connection = self._connection()
        with speaking(self._address, "answer the query"):
            connection.execute("BEGIN READ ONLY")
            try:
                # A prepared statement is one statement: nothing can follow it behind a semicolon.
                cursor = connection.execute(sql.encode(), prepare=True)
                if cursor.description is None:
                    raise DestinationError("Only a statement that reads can be run here.", hint="write a single SELECT")
                return [column.name for column in cursor.description], cursor.fetchall()
            finally:
                if not connection.closed:
                    connection.rollback()

    def findings(self) -> list[Finding]:
        try:
            self._connection()
            with speaking(self._address, "be examined"):
                version, writable = stored.access(self._ask, [self.namespace, self._hidden])
        except DestinationError as error:
            return [Finding("destination", False, error.message, error.hint)]
        return [
            Finding("destination", True, f"PostgreSQL {version} at {self.identity} is reachable"),
            Finding(
                "destination access",
                writable,
                "schemas and tables can be made" if writable else "this user may make neither schemas nor tables here",
                "" if writable else "GRANT CREATE ON DATABASE <database> TO <user>",
            ),
        ]

    def close(self) -> None:
        self._close_bulk()
        if self._open is not None:
            self._open.close()
            self._open = None

    # -- inside

    def _connect(self, program: str) -> psycopg.Connection:
        with speaking(self._address, "be reached"):
            connection = psycopg.connect(
                self._address.url,
                autocommit=True,
                client_encoding="UTF8",
                application_name=program,
                connect_timeout=15,
                cursor_factory=psycopg.RawCursor,
            )
            if connection.info.server_version < _OLDEST:
                version = connection.info.server_version // 10_000
                connection.close()
                raise CapabilityMissing(
                    f"{self.identity} is PostgreSQL {version}; boardlift needs 15 or later.",
                    hint="upgrade the server",
                )
            connection.execute("SET TimeZone = 'UTC'; SET standard_conforming_strings = on; SET DateStyle = 'ISO'")
            for name in ("json", "jsonb"):
                connection.adapters.register_loader(name, TextLoader)
        return connection

    def _connection(self) -> psycopg.Connection:
        if self._open is None or self._open.closed:
            self._open = self._connect(leases.PROGRAM)
        if self._open.info.transaction_status is TransactionStatus.ACTIVE:  # Ctrl-C in the middle of a statement
            come_to_rest(self._open)
        return self._open

    def _close_bulk(self) -> None:
        if self._bulk is not None:
            self._bulk.close()
            self._bulk = None

    @property
    def _book(self) -> Composable:
        return Identifier(self._hidden, CATALOGUE)

    def _relations(self) -> Rows:
        return stored.relations(self._ask, self.namespace, self._hidden)

    def _has_catalogue(self) -> bool:
        place = Literal(self._book.text)
        return self._ask(SQL("SELECT to_regclass({}) IS NOT NULL").format(place)) == [(True,)]

    def _ask(self, statement: Composable) -> Rows:
        return self._connection().execute(statement.text.encode()).fetchall()

    def _do(self, statements: Composable) -> None:
        connection = self._connection()
        try:
            connection.execute(statements.text.encode())
        except BaseException:
            come_to_rest(connection)
            raise


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
