"""SQL Server 2017 and later, and Azure SQL: a swap moves tables between two schemas in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

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
from boardlift.destinations.mssql import book as mssql_book
from boardlift.destinations.mssql import lease as leases
from boardlift.destinations.mssql.capabilities import CAPABILITIES
from boardlift.destinations.mssql.contents import contents_statement, fingerprint, table_sizes
from boardlift.destinations.mssql.ddl import create_statements, refuse_unfit
from boardlift.destinations.mssql.discard import drop_statements, strangers_statement
from boardlift.destinations.mssql.errors import DRIVER_ERRORS, speaking
from boardlift.destinations.mssql.findings import findings, refuse_old
from boardlift.destinations.mssql.inspect import Inspector, whole
from boardlift.destinations.mssql.load import Loading
from boardlift.destinations.mssql.objects import ColumnFact
from boardlift.destinations.mssql.plan import planned
from boardlift.destinations.mssql.query import read_only
from boardlift.destinations.mssql.refill import insert, insert_but_for
from boardlift.destinations.mssql.session import Connect, Rows, Session
from boardlift.destinations.mssql.session import connect as open_connection
from boardlift.destinations.mssql.sql import Name, Text, batch
from boardlift.destinations.mssql.swap import Swap, SwapPolicy
from boardlift.destinations.mssql.url import read_url
from boardlift.destinations.one_by_one import OneByOne
from boardlift.errors import UNCHANGED, DestinationError, LeaseHeld
from boardlift.shape.sql import COMMA, SQL, Composable
from boardlift.shape.table import Table


def connect(url: str, namespace: str) -> Destination:
    """The SQL Server that `url` names; nothing is opened yet. Raises ConfigError for a URL that cannot be meant."""
    return MSSQL(url, namespace)


class MSSQL(OneByOne):
    """One SQL Server database and one live schema in it."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        url: str,
        namespace: str,
        *,
        policy: SwapPolicy | None = None,
        clock: Clock | None = None,
        connector: Connect = open_connection,
    ) -> None:
        self._url = read_url(url)
        self._policy = policy or SwapPolicy()
        self._clock = clock or SystemClock()
        self._connector = connector
        self.namespace = namespace
        self._hidden = hidden_namespace(namespace)
        self._open: Session | None = None
        self._asking: Inspector | None = None
        self._lease: Session | None = None
        self._loading = Loading(self._hidden)

    @property
    def identity(self) -> str:
        return self._url.identity

    def address(self, table: str) -> str:
        return Name(self.namespace, table).text

    # -- the right to write

    @contextmanager
    def lease(self, holder: str) -> Iterator[None]:
        if self._lease is not None:
            raise LeaseHeld("this very program", None, hint="one program may hold one lease per database")
        session = Session(self._url, self._connector, holder)
        try:
            leases.take(session, self.namespace, self._clock)
            self._lease = session
            yield
        finally:
            held, self._lease = self._lease, None
            if held is not None:
                # Closing alone frees it a moment later, when the server has taken notice.
                with suppress(*DRIVER_ERRORS):
                    session.send(batch([leases.free_statement(self.namespace)]))
            session.close()

    # -- what is there

    def prepare(self) -> None:
        for schema in (self.namespace, self._hidden):
            if self._ask("be prepared", SQL("SELECT SCHEMA_ID({}) AS id").format(Text(schema))) == [(None,)]:
                self._ask("be prepared", SQL("CREATE SCHEMA {}").format(Name(schema)))
        if not self._has_catalogue():
            self._ask("be prepared", mssql_book.make_statement(self._hidden))

    def generations(self, group: str | None = None) -> list[Generation]:
        if not self._has_catalogue():
            return []
        rows = self._ask("read the catalogue of generations", mssql_book.read_statement(self._hidden, group))
        return catalogue.collect(mssql_book.read_row(row) for row in rows)

    def foreign_tables(self, names: Iterable[str]) -> list[str]:
        wanted = sorted(set(names))
        if not wanted:
            return []
        ours = catalogue.live_names(self.generations())
        # The server decides what is the same name: under most collations upper and lower case are.
        kinds = COMMA.join(SQL("({})").format(Text(name)) for name in wanted)
        rows = self._ask(
            "list tables",
            SQL(
                "SELECT w.name, RTRIM(o.type) FROM (VALUES {}) AS w (name) JOIN sys.objects AS o"
                " ON o.name = w.name COLLATE DATABASE_DEFAULT AND o.schema_id = SCHEMA_ID({})"
            ).format(kinds, Text(self.namespace)),
        )
        return sorted({str(name) for name, kind in rows if name not in ours or str(kind) != "U"})

    # -- a generation beside the live one

    def stage(self, group: str, generation: int, table: Table) -> StagedRef:
        refuse_unfit(table)
        place = catalogue.free_hidden_name(self.generations(), group, generation, table.name)
        target = Name(self._hidden, place)
        session = self._session()
        drop = SQL("DROP TABLE IF EXISTS {}").format(target)
        session.together(f"stage {table.name}", [drop, *create_statements(target, table)])
        self._loading.begin(place)
        return StagedRef(group, generation, table, place)

    def append(self, staged: StagedRef, rows: ArrowStream) -> int:
        with speaking(self._url, f"load {staged.table.name}"):
            return self._loading.append(self._session(), staged, rows)

    def measure(self, staged: StagedRef) -> TableFacts:
        target = Name(self._hidden, staged.hidden_name)
        action = f"measure {staged.table.name}"
        key = [Name(name) for name in staged.table.key]
        if not key:
            total = whole(self._ask(action, SQL("SELECT COUNT_BIG(*) FROM {}").format(target))[0][0])
            return TableFacts(total, 0, total)
        # COUNT(DISTINCT ...) takes one column only.
        statement = SQL(
            "SELECT COALESCE(SUM(k.n), 0), COALESCE(SUM(CASE WHEN k.bad = 1 THEN k.n ELSE 0 END), 0),"
            " COALESCE(SUM(CASE WHEN k.bad = 0 THEN 1 ELSE 0 END), 0) FROM (SELECT COUNT_BIG(*) AS n,"
            " CASE WHEN {null} THEN 1 ELSE 0 END AS bad FROM {target} GROUP BY {key}) AS k"
        ).format(
            null=SQL(" OR ").join(SQL("{} IS NULL").format(name) for name in key), target=target, key=COMMA.join(key)
        )
        rows, null_keys, distinct = self._ask(action, statement)[0]
        return TableFacts(whole(rows), whole(null_keys), whole(distinct))

    # -- live

    def replacements(self, group: str, tables: Sequence[Table], replace: Replace) -> list[Replacement]:
        known = self.generations()
        live = next((g for g in known if g.group == group and g.state is State.LIVE), None)
        names = [table.name for table in tables] + [table.name for table in (live.tables if live else ())]
        taken = {name: self._taken([name]) for name in self.foreign_tables(names)}
        claimed = catalogue.live_names(g for g in known if g.group != group)
        taken |= {t.name: f"{self.address(t.name)} is another board's table" for t in tables if t.name in claimed}
        session = self._session()
        with speaking(self._url, "plan the swap"):
            return planned(
                session, self._inspector(), self.namespace, tables, live, self._hidden_tables(), taken, replace
            )

    def promote(self, run_id: str, groups: Sequence[StagedGroup]) -> SwapOutcome:
        plan = catalogue.plan_promotion(run_id, self.generations(), groups, self._clock.now())
        return self._swap(plan, {group.group: group.replace for group in groups})

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        plan = catalogue.plan_rollback(run_id, self.generations(), targets, self._clock.now())
        sealed = self._hidden_tables()
        held = [g.group for g in plan.leaving if any(table.hidden_name in sealed for table in g.tables)]
        return self._swap(plan, dict.fromkeys(held, Replace.IN_PLACE))

    def _swap(self, plan: SwapPlan, ways: dict[str, Replace]) -> SwapOutcome:
        if self._lease is not None:
            with speaking(self._url, "confirm the right to write, so nothing was swapped"):
                held = leases.is_held(self._lease, self.namespace)
            if not held:
                raise DestinationError(
                    f"{self.identity} has given the right to write away, so nothing was swapped. {UNCHANGED}",
                    hint="run the same command again",
                )
        foreign = self.foreign_tables(slot.name for slot in (*plan.incoming, *plan.outgoing))
        catalogue.refuse_foreign(self.namespace, foreign)
        swap = Swap(self._session(), self._inspector(), (self.namespace, self._hidden), self._policy, self._clock)
        return swap.run(plan, ways, self._hidden_tables())

    def _taken(self, names: Sequence[str]) -> str:
        return f"{self.namespace} holds a table that boardlift did not put there: {', '.join(names)}"

    # -- stored generations

    def copy(
        self,
        group: str,
        generation: int,
        table: str,
        into: StagedRef,
        namespace: str,
        without: Collection[int] = (),
    ) -> int:
        source, columns = self._stored(group, generation, table)
        target = Name(hidden_namespace(namespace), into.hidden_name)
        ours = {column.name for column in into.table.columns}  # a person may have put others beside them
        stored = [column for column in columns if column.name in ours and not column.computed]
        fill = (
            insert_but_for(target, Name(*source), stored, without) if without else insert(target, Name(*source), stored)
        )
        return whole(self._ask(f"copy {table}", fill)[0][0])

    def contents(self, group: str, generation: int) -> dict[str, str]:
        found = {}
        for table in catalogue.stored_generation(self.generations(), group, generation).tables:
            source, columns = self._stored(group, generation, table.name)
            rows = self._ask(f"read {table.name}", contents_statement(Name(*source), columns))
            found[table.name] = fingerprint(columns, rows)
        return found

    def _stored(self, group: str, generation: int, table: str) -> tuple[tuple[str, str], tuple[ColumnFact, ...]]:
        """Where a stored table lies, as (schema, name), and its columns."""
        known = self.generations()
        stored = catalogue.stored_table(known, group, generation, table)
        live = catalogue.stored_generation(known, group, generation).state is State.LIVE
        schema, name = (self.namespace, stored.name) if live else (self._hidden, stored.hidden_name)
        with speaking(self._url, f"read {table}"):
            found = self._inspector().tables(schema, [name])
        if name not in found:
            raise DestinationError(
                f"The table {name} of generation {generation} of {group} is missing in {schema}.",
                hint="run `boardlift sync` to make the next generation",
            )
        return (schema, name), found[name].columns

    def sizes(self) -> dict[tuple[str, int], int]:
        if not self._has_catalogue():
            return {}
        bytes_of = table_sizes(self._session(), (self.namespace, self._hidden))
        found = {}
        for stored in self.generations():
            places = [(self._hidden, table.hidden_name) for table in stored.tables]
            if stored.state is State.LIVE:
                places += [(self.namespace, table.name) for table in stored.tables]
            found[stored.group, stored.number] = sum(bytes_of.get(place, 0) for place in places)
        return found

    def drop_staged(self) -> list[str]:
        known = {table.hidden_name for stored in self.generations() for table in stored.tables}
        strays = sorted(name for name in self._hidden_tables() if name not in known and name != CATALOGUE)
        drops = [SQL("DROP TABLE {}").format(Name(self._hidden, name)) for name in strays]
        self._session().together("drop staged tables", drops)
        return strays

    def retain(self, group: str, keep: int) -> list[int]:
        def drop(generation: Generation) -> None:
            forget = mssql_book.forget_statement(self._hidden, group, generation.number)
            drops = [
                SQL("DROP TABLE IF EXISTS {}").format(Name(self._hidden, table.hidden_name))
                for table in generation.tables
            ]
            self._session().together(f"drop generation {generation.number} of {group}", [forget, *drops])

        return catalogue.retire(self.generations(group), group, keep, drop)

    def discard(self) -> None:
        ours = catalogue.live_names(self.generations())
        strangers = [str(name) for (name,) in self._ask("list tables", strangers_statement(self.namespace, ours))]
        if strangers:
            raise DestinationError(
                f"{self._taken(strangers)}; nothing was dropped. {UNCHANGED}", hint="drop or move it, then try again"
            )
        statements = drop_statements(self.namespace, self._hidden, sorted(ours), self._hidden_tables())
        self._session().together("be cleared", statements)

    # -- people

    def query(self, sql: str) -> tuple[list[str], Rows]:
        statement = read_only(sql)
        session = self._session()
        with speaking(self._url, "answer the query"):
            try:
                session.send(batch([SQL("BEGIN TRANSACTION")]))
                found = session.sets(statement)
            finally:
                session.undo()
        if len(found) != 1:
            raise DestinationError("Only a statement that reads can be run here.", hint="write a single SELECT")
        return found[0]

    def findings(self) -> list[Finding]:
        try:
            session = self._session()
            with speaking(self._url, "be examined"):
                return findings(session, (self.namespace, self._hidden))
        except DestinationError as error:
            return [Finding("destination", False, error.message, error.hint)]

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = self._asking = None

    # -- inside

    def _session(self) -> Session:
        if self._open is None or not self._open.alive:
            self.close()
            self._open = Session(self._url, self._connector)
            refuse_old(self._open)
        return self._open

    def _inspector(self) -> Inspector:
        session = self._session()
        if self._asking is None:
            with speaking(self._url, "read its catalogue"):
                self._asking = Inspector(session)
        return self._asking

    def _ask(self, action: str, statement: Composable) -> Rows:
        return self._session().ask(action, batch([statement]))

    def _has_catalogue(self) -> bool:
        asked = SQL("SELECT OBJECT_ID({}, N'U') AS id").format(Text(Name(self._hidden, CATALOGUE).text))
        return self._ask("read the catalogue of generations", asked) != [(None,)]

    def _hidden_tables(self) -> set[str]:
        asked = SQL("SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID({})").format(Text(self._hidden))
        return {str(name) for (name,) in self._ask("list tables", asked)}
