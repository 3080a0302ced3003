"""PostgreSQL 15 and later: live tables are real tables; a swap moves tables between two schemas in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.string import TextLoader

from boardlift.clock import Clock, SystemClock
from boardlift.destinations import catalogue
from boardlift.destinations import postgres_inspect as inspect
from boardlift.destinations.catalogue import CATALOGUE, CatalogueRow, SwapPlan
from boardlift.destinations.interface import (
    ArrowStream,
    Capabilities,
    Destination,
    Finding,
    Generation,
    StagedGroup,
    StagedRef,
    State,
    SwapOutcome,
    TableFacts,
    hidden_namespace,
)
from boardlift.destinations.postgres_ddl import create_statement
from boardlift.destinations.postgres_errors import read_url, speaking
from boardlift.destinations.postgres_inspect import Rows
from boardlift.destinations.postgres_load import Bulk
from boardlift.destinations.postgres_load import Error as BulkError
from boardlift.destinations.postgres_swap import Swap, SwapPolicy, come_to_rest
from boardlift.errors import UNCHANGED, CapabilityMissing, DestinationError, LeaseHeld, PromotionConflict
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table

CAPABILITIES = Capabilities(
    engine="PostgreSQL",
    transactional_ddl=True,
    one_commit_for_many_boards=True,
    column_comments=True,
    max_columns=1600,
    max_identifier_bytes=63,
    swap="One transaction moves the old tables out and the new ones in; a reader may wait for some milliseconds.",
)
_OLDEST = 150_000  # PostgreSQL 15
_PROGRAM = "boardlift"
_LEASE_LOOKS = 5
_LEASE_HOLDER = b"""
    SELECT a.application_name, a.pid, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.classid::bigint = ($1::bigint >> 32) & 4294967295 AND l.objid::bigint = $1::bigint & 4294967295
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def connect(url: str, namespace: str) -> Destination:
    """The PostgreSQL that `url` names; nothing is opened yet. Raises ConfigError for a URL that libpq cannot read."""
    return Postgres(url, namespace)


class Postgres:
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

    # -- the right to write

    @contextmanager
    def lease(self, holder: str) -> Iterator[None]:
        if self._lease is not None:
            raise LeaseHeld("this very program", None, hint="one program may hold one lease per database")
        connection = self._connect(f"{_PROGRAM} {holder}")
        try:
            with speaking(self._address, "give out the right to write"):
                self._take_lease(connection)
            self._lease = connection
            yield
        finally:
            self._lease = None
            # Closing alone frees it a moment later, when the server has taken notice.
            with suppress(psycopg.Error):
                connection.execute("SELECT pg_advisory_unlock_all()")
            connection.close()

    def _take_lease(self, connection: psycopg.Connection) -> None:
        # A machine that vanishes without a word must not hold the lease for the two hours that TCP waits by default.
        for setting in ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3"):
            connection.execute(f"SET {setting}".encode())
        key = _lease_key(self.namespace)
        for _ in range(_LEASE_LOOKS):
            if connection.execute(b"SELECT pg_try_advisory_lock($1)", [key]).fetchall() == [(True,)]:
                return
            held = connection.execute(_LEASE_HOLDER, [key]).fetchall()
            if held:
                name, pid, since = held[0]
                holder = str(name).removeprefix(f"{_PROGRAM} ") or "an unnamed session"
                raise LeaseHeld(
                    f"{holder} (pid {pid})",
                    since if isinstance(since, datetime) else None,
                    hint="wait until that run ends; a run that was killed frees it by itself",
                )
            self._clock.sleep(0.05)  # the holder ended between the two questions
        raise LeaseHeld("a session that cannot be seen", None, hint="run the same command again in a minute")

    # -- what is there

    def prepare(self) -> None:
        connection = self._connection()
        with speaking(self._address, "be prepared"):
            for schema in (self.namespace, self._hidden):
                # CREATE SCHEMA IF NOT EXISTS wants the right to create even where nothing is to be made.
                if not self._ask(SQL("SELECT FROM pg_namespace WHERE nspname = {}").format(Literal(schema))):
                    self._do(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
            if not self._has_catalogue():
                connection.execute(
                    SQL(
                        "CREATE TABLE IF NOT EXISTS {} (group_key text NOT NULL, generation bigint NOT NULL,"
                        " ordinal integer NOT NULL, table_name text NOT NULL, hidden_name text NOT NULL,"
                        " state text NOT NULL CHECK (state IN ('live', 'kept')), run_id text NOT NULL,"
                        " rows bigint NOT NULL, fingerprint text NOT NULL, promoted_at timestamptz NOT NULL,"
                        " PRIMARY KEY (group_key, generation, ordinal))"
                    )
                    .format(Identifier(self._hidden, CATALOGUE))
                    .text.encode()
                )

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
                ).format(Identifier(self._hidden, CATALOGUE), only)
            )
        return catalogue.collect(_catalogue_row(row) for row in rows)

    def foreign_tables(self, names: Iterable[str]) -> list[str]:
        wanted = sorted(set(names))
        if not wanted:
            return []
        ours = catalogue.live_names(self.generations())
        with speaking(self._address, "list tables"):
            rows = self._ask(
                SQL(
                    "SELECT c.relname, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE n.nspname = {} AND c.relname = ANY({}) ORDER BY 1"
                ).format(Literal(self.namespace), inspect.array(wanted))
            )
        return [str(name) for name, kind in rows if name not in ours or kind != "r"]

    # -- a generation beside the live one

    def stage(self, group: str, generation: int, table: Table) -> StagedRef:
        place = catalogue.free_hidden_name(self.generations(), group, generation, table.name)
        target = Identifier(self._hidden, place)
        with speaking(self._address, f"stage {table.name}"):
            self._do(SQL("DROP TABLE IF EXISTS {}; {}").format(target, create_statement(target, table)))
        return StagedRef(group, generation, table, place)

    def append(self, staged: StagedRef, rows: ArrowStream) -> int:
        with speaking(self._address, f"load {staged.table.name}"):
            if self._bulk is None:
                self._bulk = Bulk(self._address.url)
            try:
                return self._bulk.load(self._hidden, staged.hidden_name, staged.table, rows)
            except BulkError:
                self._close_bulk()  # it may be the connection that is broken
                raise

    def measure(self, staged: StagedRef) -> TableFacts:
        target = Identifier(self._hidden, staged.hidden_name)
        key = [Identifier(name) for name in staged.table.key]
        with speaking(self._address, f"measure {staged.table.name}"):
            if not key:
                total = _whole(self._ask(SQL("SELECT count(*) FROM {}").format(target))[0][0])
                return TableFacts(total, 0, total)
            # Grouping may spread over processes and disk, which count(DISTINCT ...) never does.
            statement = SQL(
                "SELECT coalesce(sum(n), 0)::bigint, coalesce(sum(n) FILTER (WHERE bad), 0)::bigint,"
                " count(*) FILTER (WHERE NOT bad) FROM"
                " (SELECT count(*) AS n, {null} AS bad FROM {target} GROUP BY {key}) AS keys"
            ).format(
                null=SQL(" OR ").join(SQL("{} IS NULL").format(name) for name in key),
                target=target,
                key=COMMA.join(key),
            )
            rows, null_keys, distinct = self._ask(statement)[0]
        return TableFacts(_whole(rows), _whole(null_keys), _whole(distinct))

    # -- live

    def promote(self, run_id: str, groups: Sequence[StagedGroup]) -> SwapOutcome:
        return self._swap(catalogue.plan_promotion(run_id, self.generations(), groups, self._clock.now()))

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        return self._swap(catalogue.plan_rollback(run_id, self.generations(), targets, self._clock.now()))

    def _swap(self, plan: SwapPlan) -> SwapOutcome:
        self._refuse_without_lease()
        if foreign := self.foreign_tables(slot.name for slot in (*plan.incoming, *plan.outgoing)):
            raise PromotionConflict(
                f"{self.namespace} holds a table that boardlift did not put there: {', '.join(foreign)}. {UNCHANGED}",
                hint="rename or drop it, or give the board another `table:` name in boardlift.yaml",
            )
        namespaces = (self.namespace, self._hidden)
        return Swap(self._connection(), self._address, namespaces, self._policy, self._clock).run(plan)

    def _refuse_without_lease(self) -> None:
        """A lease that broke on the way may be held by somebody else now."""
        if self._lease is not None:
            with speaking(self._address, "confirm the right to write, so nothing was swapped"):
                self._lease.execute("SELECT 1")

    def drop_staged(self) -> list[str]:
        known = {table.hidden_name for stored in self.generations() for table in stored.tables}
        with speaking(self._address, "drop staged tables"):
            rows = self._ask(
                SQL(
                    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE n.nspname = {} AND c.relkind IN ('r', 'p') ORDER BY 1"
                ).format(Literal(self._hidden))
            )
            strays = [str(name) for (name,) in rows if name not in known and name != CATALOGUE]
            for name in strays:
                self._do(SQL("DROP TABLE {}").format(Identifier(self._hidden, name)))
        return strays

    def retain(self, group: str, keep: int) -> list[int]:
        going = catalogue.doomed(self.generations(group), group, keep)
        for generation in going:
            with speaking(self._address, f"drop generation {generation.number} of {group}"):
                forget = SQL("DELETE FROM {} WHERE group_key = {} AND generation = {}").format(
                    Identifier(self._hidden, CATALOGUE), Literal(group), Literal(generation.number)
                )
                drops = [
                    SQL("DROP TABLE IF EXISTS {}").format(Identifier(self._hidden, table.hidden_name))
                    for table in generation.tables
                ]
                self._do(SQL("; ").join([SQL("BEGIN"), forget, *drops, SQL("COMMIT")]))
        return [generation.number for generation in going]

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
                ((version, may_create, schemas),) = self._ask(
                    SQL(
                        "SELECT current_setting('server_version'),"
                        " has_database_privilege(current_database(), 'CREATE'), count(*) FILTER"
                        " (WHERE has_schema_privilege(n.oid, 'CREATE')) FROM pg_namespace n WHERE n.nspname = ANY({})"
                    ).format(inspect.array([self.namespace, self._hidden]))
                )
        except DestinationError as error:
            return [Finding("destination", False, error.message, error.hint)]
        writable = bool(may_create) or schemas == 2
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
            self._open = self._connect(_PROGRAM)
        if self._open.info.transaction_status is TransactionStatus.ACTIVE:  # Ctrl-C in the middle of a statement
            come_to_rest(self._open)
        return self._open

    def _close_bulk(self) -> None:
        if self._bulk is not None:
            self._bulk.close()
            self._bulk = None

    def _has_catalogue(self) -> bool:
        place = Literal(Identifier(self._hidden, CATALOGUE).text)
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


def _lease_key(namespace: str) -> int:
    """Advisory locks are numbers of 64 bits within one database."""
    return int.from_bytes(hashlib.sha256(f"boardlift lease {namespace}".encode()).digest()[:8], "big", signed=True)


def _catalogue_row(row: Sequence[object]) -> CatalogueRow:
    assert isinstance(row[9], datetime)
    return CatalogueRow(
        group=str(row[0]),
        generation=_whole(row[1]),
        ordinal=_whole(row[2]),
        name=str(row[3]),
        hidden_name=str(row[4]),
        state=State(row[5]),
        run_id=str(row[6]),
        rows=_whole(row[7]),
        fingerprint=str(row[8]),
        promoted_at=row[9],
    )


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
