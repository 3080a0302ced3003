"""DuckDB: generations are tables of the hidden schema, a live table is a view on one of them.

DuckDB cannot move a table between schemas, but it can point many views elsewhere in one transaction. Users' queries
and views bind by name each time they run, so they follow. The database file's own lock is the lease between processes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import duckdb

from boardlift.clock import Clock, SystemClock
from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import CATALOGUE, CatalogueRow, SwapPlan
from boardlift.destinations.duckdb import contents as duckdb_contents
from boardlift.destinations.duckdb.file import FileLocked, read_url, speaking
from boardlift.destinations.duckdb.query import Rows, read_only
from boardlift.destinations.duckdb.seal import Filled, Seals
from boardlift.destinations.duckdb.session import Session
from boardlift.destinations.duckdb.staging import Staging
from boardlift.destinations.duckdb.swap import Seen, Swaps, foreign
from boardlift.destinations.interface import (
    ArrowStream,
    Capabilities,
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
from boardlift.errors import UNCHANGED, CapabilityMissing, DestinationError, LeaseHeld
from boardlift.shape.sql import SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table

CAPABILITIES = Capabilities(
    engine="DuckDB",
    transactional_ddl=True,
    one_commit_for_many_boards=True,
    column_comments=True,
    max_columns=10_000,
    max_identifier_bytes=255,
    swap="Live tables are views; one transaction points all of them at the new generation, and no reader waits.",
    crash="The transaction is in the file's log or it is not: either the old tables are live or the new ones, whole.",
    in_place="",
    keeps=(
        "views and macros in any schema, which bind by name each time they run; one that the new columns would break "
        "stops the run before the swap",
        "comments that people gave a live table or its columns",
    ),
    limits=(
        "a live table is a view, so nothing can be written to it and `replace: in_place` has nothing to refill",
        "one process at a time has the file open for writing",
        "a table of more than 500,000 rows has no primary key and no index but unique ones: the gate has counted that"
        " its key is one, and to declare it would take DuckDB hundreds of megabytes of memory",
        "a link table of up to 2,048 rows has no index that boardlift.yaml does not name: DuckDB reads it in one step",
    ),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = 1.0  # seconds for which a look at the catalogue of DuckDB serves a plan

_leases: dict[tuple[str, str], tuple[str, datetime]] = {}
_leases_guard = threading.Lock()


def connect(url: str, namespace: str) -> Destination:
    """The DuckDB that `url` names; nothing is opened yet. Raises ConfigError for a URL that cannot be meant."""
    return DuckDB(url, namespace)


class DuckDB(OneByOne):
    """One DuckDB file (or one database in memory) and one live namespace in it."""

    capabilities = CAPABILITIES

    def __init__(self, url: str, namespace: str, clock: Clock | None = None) -> None:
        self._file = read_url(url, namespace)
        self._session = Session(self._file)
        self._clock = clock or SystemClock()
        self.namespace = namespace
        self._hidden = hidden_namespace(namespace)
        self._swaps = Swaps(self._session, namespace)
        self._staging = Staging(self._session, namespace)
        self._seals = Seals(self._session, self._hidden)
        self._seen: Seen | None = None

    @property
    def identity(self) -> str:
        return self._file.identity

    def address(self, table: str) -> str:
        return Identifier(self.namespace, table).text

    # -- the right to write

    @contextmanager
    def lease(self, holder: str) -> Iterator[None]:
        where = self.identity if self._file.path else f"{self.identity}#{id(self)}"
        key = (where, self.namespace)
        try:
            self._session.open()
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
        with self._session.transaction("be prepared") as run:
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

        self._label()

    def _label(self) -> None:
        """The rows are live whatever becomes of the labels; the next run adds those that are missing."""
        with suppress(DestinationError):
            self._swaps.label(one for one in self.generations() if one.state is State.LIVE)

    def generations(self, group: str | None = None) -> list[Generation]:
        return self._stored(SQL("group_key = coalesce($1, group_key)"), [group])

    def foreign_tables(self, names: Iterable[str]) -> list[str]:
        wanted = sorted(set(names))
        if not wanted or self._session.missing:
            return []
        return foreign(wanted, self._session.tables(self.namespace), catalogue.live_names(self.generations()))

    # -- a generation beside the live one

    def stage(self, group: str, generation: int, table: Table) -> StagedRef:
        return self.stage_all([(group, generation, table)])[0]

    def stage_all(self, wanted: Sequence[tuple[str, int, Table]]) -> list[StagedRef]:
        places = catalogue.free_hidden_names(self.generations(), [(g, number, t.name) for g, number, t in wanted])
        refs = [StagedRef(*one, place) for one, place in zip(wanted, places, strict=True)]
        if refs:
            self._session.make_room(max(len(ref.table.columns) for ref in refs))
            self._staging.create(refs)
            self._seals.forget([ref.hidden_name for ref in refs])
        return refs

    def append(self, staged: StagedRef, rows: ArrowStream) -> int:
        return self._staging.append(staged, rows)

    def distribute(self, staged: Mapping[int, StagedRef], rows: ArrowStream) -> dict[int, int]:
        return self._staging.distribute(staged, rows)

    def complete(self, staged: Sequence[tuple[StagedRef, int]]) -> None:
        self._seals.seal_ahead([Filled(ref.hidden_name, ref.table, rows) for ref, rows in staged])

    def measure(self, staged: StagedRef) -> TableFacts:
        return self.measure_all([staged])[0]

    def measure_all(self, staged: Sequence[StagedRef]) -> list[TableFacts]:
        return self._staging.measure(staged, sealed=self._seals.done)

    # -- live

    def replacements(self, group: str, tables: Sequence[Table], replace: Replace) -> list[Replacement]:
        return self.replacements_all([(group, tables, replace)])[0]

    def replacements_all(self, groups: Sequence[tuple[str, Sequence[Table], Replace]]) -> list[list[Replacement]]:
        for group, _, replace in groups:
            self._refuse_in_place(group, replace)
        seen = self._look()
        live = {g.group: g for g in seen.known if g.state is State.LIVE}
        owners = {table.name: g.group for g in live.values() for table in g.tables}
        return [self._replacements(group, tables, live.get(group), owners, seen) for group, tables, _ in groups]

    def _replacements(
        self, group: str, tables: Sequence[Table], live: Generation | None, owners: Mapping[str, str], seen: Seen
    ) -> list[Replacement]:
        """How the tables of one group would go live; `owners` are the groups of all live tables."""
        names = [table.name for table in tables] + [table.name for table in (live.tables if live else ())]
        taken = {
            name: f"{self.namespace}.{name} was not made by boardlift; rename or drop it, or set another `table:`"
            for name in foreign(names, seen.tables, owners.keys())
        } | {
            table.name: f"another board's live table is called {table.name}; set another `table:` for one of the two"
            for table in tables
            if owners.get(table.name, group) != group
        }
        return self._swaps.replacements(tables, live, taken, seen.objects)

    def promote(self, run_id: str, groups: Sequence[StagedGroup]) -> SwapOutcome:
        for group in groups:
            self._refuse_in_place(group.group, group.replace)
        known = self.generations()
        return self._swap(catalogue.plan_promotion(run_id, known, groups, self._clock.now()), known)

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        known = self.generations()
        return self._swap(catalogue.plan_rollback(run_id, known, targets, self._clock.now()), known)

    def drop_staged(self) -> list[str]:
        known = {table.hidden_name for stored in self.generations() for table in stored.tables}
        if self._session.missing:
            return []
        strays = sorted(n for n in self._session.tables(self._hidden) if n not in known and n != CATALOGUE)
        with self._session.transaction("drop staged tables") as run:
            for name in strays:
                run(SQL("DROP TABLE {}").format(self._at(self._hidden, name)))
        return strays

    def retain(self, group: str, keep: int) -> list[int]:
        going = catalogue.doomed(self.generations(group), group, keep)
        if not going:
            return []
        with self._session.transaction("drop old generations") as run:
            for generation in going:
                for table in generation.tables:
                    run(SQL("DROP TABLE IF EXISTS {}").format(self._at(self._hidden, table.hidden_name)))
                run(
                    SQL("DELETE FROM {} WHERE group_key = {} AND generation = {}").format(
                        self._at(self._hidden, CATALOGUE), Literal(group), Literal(generation.number)
                    )
                )
        return [generation.number for generation in going]

    # -- whole generations

    def copy(
        self,
        group: str,
        generation: int,
        table: str,
        into: StagedRef,
        namespace: str,
        without: Collection[int] = (),
    ) -> int:
        stored = catalogue.stored_table(self.generations(group), group, generation, table)
        source = self._at(self._hidden, stored.hidden_name)
        target = self._at(hidden_namespace(namespace), into.hidden_name)
        room = self._session.roomy(len(into.table.columns))
        with room, self._session.transaction(f"copy {table}") as run:
            if without:
                statement = SQL(
                    "INSERT INTO {} SELECT s.* FROM {} AS s ANTI JOIN (SELECT unnest($1::BIGINT[]) AS item_id) AS w"
                    " USING (item_id)"
                ).format(target, source)
                copied = _count(run(statement, [list(without)])[0][0])
            else:
                copied = _count(run(SQL("INSERT INTO {} FROM {}").format(target, source))[0][0])
        self._session.relieve()
        return copied

    def contents(self, group: str, generation: int) -> dict[str, str]:
        stored = catalogue.stored_generation(self.generations(group), group, generation)
        return {t.name: duckdb_contents.fingerprint(self._session, self._hidden, t.hidden_name) for t in stored.tables}

    def sizes(self) -> dict[tuple[str, int], int]:
        return duckdb_contents.bytes_taken(self._session, self._hidden, self.generations())

    def discard(self) -> None:
        if self._session.missing:
            return
        strange = duckdb_contents.strange_objects(
            self._session, self.namespace, self._hidden, catalogue.live_names(self.generations())
        )
        if strange:
            raise DestinationError(
                f"{self.namespace} holds what boardlift did not put there: {', '.join(strange)}. Nothing was dropped.",
                hint="move or drop it, then run the same command again",
            )
        with self._session.transaction("be cleared") as run:
            for schema in (self.namespace, self._hidden):
                run(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(self._at(schema)))

    # -- people

    def query(self, sql: str) -> tuple[list[str], Rows]:
        connection = self._session.open()
        with speaking(self.identity, "answer the query"):
            return read_only(connection, sql)

    def findings(self) -> list[Finding]:
        try:
            with self._session.transaction("be written", keep=False) as run:
                version = run(SQL("SELECT version()"))[0][0]
                run(SQL("CREATE TABLE {} (x INTEGER)").format(Identifier("main", "boardlift_probe")))
        except DestinationError as error:
            return [Finding("destination", False, error.message, error.hint)]
        return [
            Finding("destination", True, f"DuckDB {version} at {self.identity} is reachable"),
            Finding("destination access", True, "tables can be made"),
        ]

    def close(self) -> None:
        self._session.close()

    # -- inside

    def _at(self, *names: str) -> Identifier:
        return self._session.at(*names)

    def _stored(self, condition: Composable, values: Sequence[object]) -> list[Generation]:
        """Generations of which a row of the catalogue fits; none before the first run."""
        if self._session.missing:
            return []
        statement = SQL(
            "SELECT group_key, generation, ordinal, table_name, hidden_name, state, run_id, rows, fingerprint,"
            " epoch_us(promoted_at) FROM {} WHERE {}"
        ).format(self._at(self._hidden, CATALOGUE), condition)
        try:
            rows = self._session.ask(statement, values)
        except DestinationError as error:
            if isinstance(error.__cause__, duckdb.CatalogException):
                return []
            raise
        return catalogue.collect(_catalogue_row(row) for row in rows)

    def _look(self) -> Seen:
        """What is there. Boards are asked about one after the other, so what was seen a moment ago will do for a plan.

        A promotion looks for itself.
        """
        now = time.monotonic()
        if self._seen is None or now - self._seen.moment > _MOMENT:
            known = self.generations()
            there = not self._session.missing
            self._seen = Seen(
                moment=now,
                known=known,
                tables=self._session.tables(self.namespace) if there else {},
                objects=self._swaps.peoples_objects(known) if there else [],
            )
        return self._seen

    def _swap(self, plan: SwapPlan, known: Sequence[Generation]) -> SwapOutcome:
        foreign = self.foreign_tables(slot.name for slot in (*plan.incoming, *plan.outgoing))
        catalogue.refuse_foreign(self.namespace, foreign)
        self._seen = None
        if not plan.entering:
            return SwapOutcome(self._clock.now(), 0, 0.0)
        if plan.new:
            self._seals.seal(self._swaps.unsealed(plan))
        shown = self._swaps.shown(plan)
        self._swaps.refuse_losses(plan, known, shown)
        self._swaps.carry_out(plan, shown)
        self._label()
        # Readers see the old views until the commit and the new ones after it; they wait for neither.
        return SwapOutcome(plan.entering[0].promoted_at, 1, 0.0)

    def _refuse_in_place(self, group: str, replace: Replace) -> None:
        if replace is Replace.IN_PLACE:
            raise CapabilityMissing(
                f"DuckDB cannot replace the tables of board {group} in place: a live table is a view. {UNCHANGED}",
                hint="take `replace: in_place` out of boardlift.yaml; views and macros of people follow a swap by name",
            )


def _catalogue_row(row: Sequence[object]) -> CatalogueRow:
    return catalogue.read_row(row, _EPOCH + timedelta(microseconds=_count(row[9])))


def _count(value: object) -> int:
    assert isinstance(value, int)
    return value
