"""DuckDB: generations are tables of the hidden schema, a live table is a view on one of them.

DuckDB cannot move a table between schemas, but it can point many views elsewhere in one transaction. Users' queries
and views bind by name each time they run, so they follow. The database file's own lock is the lease between processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import duckdb

from boardlift.clock import Clock, SystemClock
from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import CATALOGUE, CatalogueRow, SwapPlan
from boardlift.destinations.duckdb_ddl import create_statement, seal_statements, view_statements
from boardlift.destinations.duckdb_file import FileLocked, read_url, speaking
from boardlift.destinations.duckdb_query import Rows, read_only
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
from boardlift.errors import UNCHANGED, DestinationError, LeaseHeld, PromotionConflict
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table

CAPABILITIES = Capabilities(
    engine="DuckDB",
    transactional_ddl=True,
    one_commit_for_many_boards=True,
    column_comments=True,
    max_columns=10_000,
    max_identifier_bytes=255,
    swap="Live tables are views; one transaction points all of them at the new generation, and no reader waits.",
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROWS = "boardlift_rows"  # the name under which a stream of rows is known while it is appended

_UNWRITTEN = 100  # tables filled or sealed between two checkpoints

_leases: dict[tuple[str, str], tuple[str, datetime]] = {}
_leases_guard = threading.Lock()


def connect(url: str, namespace: str) -> Destination:
    """The DuckDB that `url` names; nothing is opened yet. Raises ConfigError for a URL that cannot be meant."""
    return DuckDB(url, namespace)


class DuckDB:
    """One DuckDB file (or one database in memory) and one live namespace in it."""

    capabilities = CAPABILITIES

    def __init__(self, url: str, namespace: str, clock: Clock | None = None) -> None:
        self._file = read_url(url, namespace)
        self._clock = clock or SystemClock()
        self.namespace = namespace
        self._hidden = hidden_namespace(namespace)
        self._open: duckdb.DuckDBPyConnection | None = None
        self._widest = 0
        self._unwritten = 0

    @property
    def identity(self) -> str:
        return self._file.identity

    # -- the right to write

    @contextmanager
    def lease(self, holder: str) -> Iterator[None]:
        where = self.identity if self._file.path else f"{self.identity}#{id(self)}"
        key = (where, self.namespace)
        try:
            self._connection()
        except FileLocked as locked:
            raise LeaseHeld(locked.holder, None, hint=locked.hint) from locked
        with _leases_guard:
            if key in _leases:
                by, since = _leases[key]
                raise LeaseHeld(by, since, hint="wait until that run ends; one program may hold one lease per database")
            _leases[key] = (holder, self._clock.now())
        try:
            yield
        finally:
            with _leases_guard:
                del _leases[key]
            if self._file.path:
                self.close()  # DuckDB locks the file for as long as it is open

    # -- what is there

    def prepare(self) -> None:
        with self._transaction("be prepared") as run:
            run(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(self._at(self.namespace)))
            run(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(self._at(self._hidden)))
            run(
                SQL(
                    "CREATE TABLE IF NOT EXISTS {} (group_key VARCHAR NOT NULL, generation BIGINT NOT NULL,"
                    " ordinal INTEGER NOT NULL, table_name VARCHAR NOT NULL, hidden_name VARCHAR NOT NULL,"
                    " state VARCHAR NOT NULL, run_id VARCHAR NOT NULL, rows BIGINT NOT NULL,"
                    " fingerprint VARCHAR NOT NULL, promoted_at TIMESTAMPTZ NOT NULL,"
                    " PRIMARY KEY (group_key, generation, ordinal))"
                ).format(self._at(self._hidden, CATALOGUE))
            )

    def generations(self, group: str | None = None) -> list[Generation]:
        if self._missing() or not self._tables(self._hidden, [CATALOGUE]):
            return []
        statement = SQL(
            "SELECT group_key, generation, ordinal, table_name, hidden_name, state, run_id, rows, fingerprint,"
            " epoch_us(promoted_at) FROM {} WHERE group_key = coalesce($1, group_key)"
        ).format(self._at(self._hidden, CATALOGUE))
        return catalogue.collect(_catalogue_row(row) for row in self._run(statement, [group]))

    def foreign_tables(self, names: Iterable[str]) -> list[str]:
        wanted = sorted(set(names))
        if not wanted or self._missing():
            return []
        ours = catalogue.live_names(self.generations())
        found = self._tables(self.namespace, wanted)
        return [name for name in wanted if name in found and (name not in ours or found[name] != "VIEW")]

    # -- a generation beside the live one

    def stage(self, group: str, generation: int, table: Table) -> StagedRef:
        place = catalogue.free_hidden_name(self.generations(), group, generation, table.name)
        target = self._at(self._hidden, place)
        if len(table.columns) > self._widest:
            self._widest = len(table.columns)
            self._make_room(self._connection())
        with self._transaction(f"stage {table.name}") as run:
            run(SQL("DROP TABLE IF EXISTS {}").format(target))
            run(create_statement(target, table))
        return StagedRef(group, generation, table, place)

    def append(self, staged: StagedRef, rows: ArrowStream) -> int:
        connection = self._connection()
        statement = SQL("INSERT INTO {} SELECT * FROM {}").format(
            self._at(self._hidden, staged.hidden_name), Identifier(_ROWS)
        )
        with speaking(self.identity, f"load {staged.table.name}"):
            # The capsule itself: DuckDB would ask the object for its stream several times, and some have only one.
            connection.register(_ROWS, rows.__arrow_c_stream__())
            try:
                added = int(connection.execute(statement.text).fetchall()[0][0])
            finally:
                connection.unregister(_ROWS)
        self._relieve()
        return added

    def measure(self, staged: StagedRef) -> TableFacts:
        target = self._at(self._hidden, staged.hidden_name)
        key = [Identifier(name) for name in staged.table.key]
        if not key:
            total = _count(self._run(SQL("SELECT count(*) FROM {}").format(target))[0][0])
            return TableFacts(total, 0, total)
        null = SQL(" OR ").join(SQL("{} IS NULL").format(name) for name in key)
        value = key[0] if len(key) == 1 else SQL("({})").format(COMMA.join(key))
        statement = SQL(
            "SELECT count(*), count(*) FILTER (WHERE {null}), count(DISTINCT {value}) FILTER (WHERE NOT ({null}))"
            " FROM {target}"
        ).format(null=null, value=value, target=target)
        rows, null_keys, distinct = self._run(statement)[0]
        return TableFacts(_count(rows), _count(null_keys), _count(distinct))

    # -- live

    def promote(self, run_id: str, groups: Sequence[StagedGroup]) -> SwapOutcome:
        plan = catalogue.plan_promotion(run_id, self.generations(), groups, self._clock.now())
        self._refuse_foreign(plan)
        self._seal(plan)
        return self._swap(plan)

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        plan = catalogue.plan_rollback(run_id, self.generations(), targets, self._clock.now())
        self._refuse_foreign(plan)
        return self._swap(plan)

    def drop_staged(self) -> list[str]:
        known = {table.hidden_name for stored in self.generations() for table in stored.tables}
        if self._missing():
            return []
        strays = sorted(name for name in self._tables(self._hidden) if name not in known and name != CATALOGUE)
        with self._transaction("drop staged tables") as run:
            for name in strays:
                run(SQL("DROP TABLE {}").format(self._at(self._hidden, name)))
        return strays

    def retain(self, group: str, keep: int) -> list[int]:
        going = catalogue.doomed(self.generations(group), group, keep)
        with self._transaction("drop old generations") as run:
            for generation in going:
                for table in generation.tables:
                    run(SQL("DROP TABLE IF EXISTS {}").format(self._at(self._hidden, table.hidden_name)))
                run(
                    SQL("DELETE FROM {} WHERE group_key = {} AND generation = {}").format(
                        self._at(self._hidden, CATALOGUE), Literal(group), Literal(generation.number)
                    )
                )
        return [generation.number for generation in going]

    # -- people

    def query(self, sql: str) -> tuple[list[str], Rows]:
        connection = self._connection()
        with speaking(self.identity, "answer the query"):
            return read_only(connection, sql)

    def findings(self) -> list[Finding]:
        try:
            with self._transaction("be written", keep=False) as run:
                version = run(SQL("SELECT version()"))[0][0]
                run(SQL("CREATE TABLE {} (x INTEGER)").format(Identifier("main", "boardlift_probe")))
        except DestinationError as error:
            return [Finding("destination", False, error.message, error.hint)]
        return [
            Finding("destination", True, f"DuckDB {version} at {self.identity} is reachable"),
            Finding("destination access", True, "tables can be made"),
        ]

    def close(self) -> None:
        if self._open is not None:
            connection, self._open = self._open, None
            with speaking(self.identity, "be closed"):
                connection.close()

    # -- inside

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._open is None:
            self._open = self._file.open()
            self._make_room(self._open)
        return self._open

    def _make_room(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let DuckDB reserve what the widest table of this run needs: it writes all columns of a table at once."""
        with speaking(self.identity, "set its memory limit"):
            connection.execute(SQL("SET memory_limit = {}").format(Literal(self._file.limit(self._widest))).text)

    def _missing(self) -> bool:
        return self._open is None and self._file.path is not None and not self._file.path.exists()

    def _at(self, *names: str) -> Identifier:
        """A path that begins with the database, so that no schema of the same name can come between."""
        with speaking(self.identity, "be read"):
            found = self._connection().execute("SELECT current_database()").fetchall()
        return Identifier(str(found[0][0]), *names)

    def _run(self, statement: Composable, values: Sequence[object] = ()) -> Rows:
        with speaking(self.identity, "be read"):
            return self._connection().execute(statement.text, list(values)).fetchall()

    @contextmanager
    def _transaction(self, action: str, *, keep: bool = True) -> Iterator[Callable[..., Rows]]:
        """Run statements together; all of them or none. `keep=False` tries and undoes."""
        connection = self._connection()

        def run(statement: Composable, values: Sequence[object] = ()) -> Rows:
            return connection.execute(statement.text, list(values)).fetchall()

        with speaking(self.identity, action):
            try:
                connection.execute("BEGIN TRANSACTION")
                yield run
                connection.execute("COMMIT" if keep else "ROLLBACK")
            except BaseException:
                self._abandon(connection)
                raise

    def _abandon(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            connection.execute("ROLLBACK")
        except duckdb.Error:
            self._open = None  # after a fatal error or a failed commit; the next call opens the file again
            connection.close()

    def _tables(self, namespace: str, names: Sequence[str] | None = None) -> dict[str, str]:
        """Names in a schema of this database -> what they are (`BASE TABLE`, `VIEW`)."""
        statement = SQL(
            "SELECT table_name, table_type FROM information_schema.tables"
            " WHERE table_catalog = current_database() AND table_schema = $1"
        )
        found = {str(name): str(kind) for name, kind in self._run(statement, [namespace])}
        return found if names is None else {name: kind for name, kind in found.items() if name in names}

    def _refuse_foreign(self, plan: SwapPlan) -> None:
        if foreign := self.foreign_tables(slot.name for slot in (*plan.incoming, *plan.outgoing)):
            raise PromotionConflict(
                f"{self.namespace} holds a table that boardlift did not put there: {', '.join(foreign)}. {UNCHANGED}",
                hint="rename or drop it, or give the board another `table:` name in boardlift.yaml",
            )

    def _seal(self, plan: SwapPlan) -> None:
        """Key, NOT NULL and labels, on tables that nobody reads yet."""
        for slot in plan.incoming:
            if slot.table is not None and not self._is_sealed(slot.hidden_name, slot.table):
                target = self._at(self._hidden, slot.hidden_name)
                with self._transaction(f"seal {slot.name}") as run:
                    for statement in seal_statements(target, slot.table):
                        run(statement)
                self._relieve()

    def _relieve(self) -> None:
        """Let go of memory: every key holds 256 KB and every new column 4 KB until they are written to the file."""
        self._unwritten += 1
        if self._file.path is None or self._unwritten < _UNWRITTEN:
            return
        self._unwritten = 0
        with suppress(duckdb.Error):  # somebody else is writing; the next time will do
            self._connection().execute("CHECKPOINT")

    def _is_sealed(self, place: str, table: Table) -> bool:
        statement = SQL(
            "SELECT count(*) FROM duckdb_constraints() WHERE database_name = current_database()"
            " AND schema_name = $1 AND table_name = $2"
        )
        return _count(self._run(statement, [self._hidden, place])[0][0]) > 0 and bool(table.key)

    def _swap(self, plan: SwapPlan) -> SwapOutcome:
        moment = max((generation.promoted_at for generation in plan.entering), default=self._clock.now())
        if not plan.entering:
            return SwapOutcome(moment, 0, 0.0)
        book = self._at(self._hidden, CATALOGUE)
        with self._transaction("swap the tables in") as run:
            for name in plan.vanishing:
                run(SQL("DROP VIEW IF EXISTS {}").format(self._at(self.namespace, name)))
            for slot in plan.incoming:
                for statement in self._view(slot.name, slot.hidden_name, run):
                    run(statement)
            mark = SQL("UPDATE {} SET state = $1 WHERE group_key = $2 AND generation = $3").format(book)
            for generation in plan.leaving:
                run(mark, [State.KEPT.value, generation.group, generation.number])
            self._record(plan, book, run)
        # Readers see the old views until the commit and the new ones after it; they wait for neither.
        return SwapOutcome(moment, 1, 0.0)

    def _record(self, plan: SwapPlan, book: Composable, run: Callable[..., Rows]) -> None:
        if plan.new:
            insert = SQL("INSERT INTO {} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)").format(book)
            for row in catalogue.catalogue_rows(plan):
                run(
                    insert,
                    [
                        *(row.group, row.generation, row.ordinal, row.name, row.hidden_name),
                        *(row.state.value, row.run_id, row.rows, row.fingerprint, row.promoted_at),
                    ],
                )
            return
        update = SQL(
            "UPDATE {} SET state = $1, run_id = $2, promoted_at = $3 WHERE group_key = $4 AND generation = $5"
        ).format(book)
        for generation in plan.entering:
            run(update, [State.LIVE.value, plan.run_id, generation.promoted_at, generation.group, generation.number])

    def _view(self, name: str, place: str, run: Callable[..., Rows]) -> list[Composable]:
        """Statements that point a live name at a table of the hidden schema and carry its labels over."""
        found = run(
            SQL(
                "SELECT c.column_name, c.comment, t.comment"
                " FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid)"
                " WHERE t.database_name = current_database() AND c.database_name = t.database_name"
                " AND t.schema_name = $1 AND t.table_name = $2 ORDER BY c.column_index"
            ),
            [self._hidden, place],
        )
        if not found:
            raise DestinationError(
                f"The table {place} of {name} is missing in {self._hidden}. {UNCHANGED}",
                hint="run `boardlift sync` to stage it anew",
            )
        # The file may be renamed or attached under another name: inside the view the table goes by schema alone.
        stored = Identifier(self._hidden, place)
        columns = [(str(column), str(label or "")) for column, label, _ in found]
        return view_statements(self._at(self.namespace, name), stored, columns, str(found[0][2] or ""))


def _catalogue_row(row: Sequence[object]) -> CatalogueRow:
    return CatalogueRow(
        group=str(row[0]),
        generation=_count(row[1]),
        ordinal=_count(row[2]),
        name=str(row[3]),
        hidden_name=str(row[4]),
        state=State(row[5]),
        run_id=str(row[6]),
        rows=_count(row[7]),
        fingerprint=str(row[8]),
        promoted_at=_EPOCH + timedelta(microseconds=_count(row[9])),
    )


def _count(value: object) -> int:
    assert isinstance(value, int)
    return value
