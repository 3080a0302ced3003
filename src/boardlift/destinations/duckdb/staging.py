"""Staged tables in DuckDB: made, filled and measured beside the live ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from boardlift.destinations.duckdb.ddl import create_statement
from boardlift.destinations.duckdb.file import speaking
from boardlift.destinations.duckdb.session import Session
from boardlift.destinations.interface import ArrowStream, StagedRef, TableFacts, hidden_namespace
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_ROWS_NAME = "boardlift_rows"  # the name under which a stream of rows is known while it is appended
_ROWS = Identifier(_ROWS_NAME)
_MIXED = Identifier("temp", "main", "boardlift_mixed_rows")
_WHICH = Identifier("which")
_MEASURED_TOGETHER = 24
"""The plan of a statement grows with its parts; from here on it takes longer than the statements by themselves."""


_COUNTED_AT_ONCE = 100_000
"""Keys are held in memory until they are counted."""


class Staging:
    """What staging needs of one database and one namespace."""

    def __init__(self, session: Session, namespace: str) -> None:
        self._session = session
        self._hidden = hidden_namespace(namespace)

    def create(self, refs: Sequence[StagedRef]) -> None:
        """Empty tables; leftovers of the same name go."""
        there = self._session.tables(self._hidden)
        with self._session.transaction(f"stage {refs[0].table.name}") as run:
            for ref in refs:
                if ref.hidden_name in there:
                    run(SQL("DROP TABLE IF EXISTS {}").format(self._at(ref)))
                run(create_statement(self._at(ref), ref.table))

    def append(self, staged: StagedRef, rows: ArrowStream) -> int:
        """Add rows to one table."""
        connection = self._session.open()
        statement = SQL("INSERT INTO {} SELECT * FROM {}").format(self._at(staged), _ROWS)
        with speaking(self._session.identity, f"load {staged.table.name}"), self._known(rows):
            added = int(connection.execute(statement.text).fetchall()[0][0])
        self._session.relieve()
        return added

    def distribute(self, staged: Mapping[int, StagedRef], rows: ArrowStream) -> dict[int, int]:
        """Add rows to tables of the same columns; the first column of the stream is the number in `staged`."""
        first = next(iter(staged.values())).table
        columns = [Identifier(f"c{number}") for number in range(len(first.columns))]
        connection = self._session.open()
        with speaking(self._session.identity, f"load {first.name}"), self._known(rows):
            mix = SQL("CREATE OR REPLACE TEMP TABLE {} AS FROM {} AS given({})")
            connection.execute(mix.format(_MIXED, _ROWS, COMMA.join([_WHICH, *columns])).text).fetchall()
        with self._session.transaction(f"load {first.name}") as run:
            insert = SQL("INSERT INTO {} SELECT {} FROM {} WHERE {} = {}")
            added = {
                number: whole(
                    run(insert.format(self._at(ref), COMMA.join(columns), _MIXED, _WHICH, Literal(number)))[0][0]
                )
                for number, ref in staged.items()
            }
        self._session.ask(SQL("DROP TABLE {}").format(_MIXED))
        self._session.relieve(len(staged))
        return added

    def measure(self, staged: Sequence[StagedRef], *, sealed: Collection[str] = ()) -> list[TableFacts]:
        """Count tables, some of them in one statement; facts in their order.

        Those whose hidden names are in `sealed` have a key that DuckDB itself holds unique and without nulls.
        """
        long = self._long()
        apart = [ref for ref in staged if ref.hidden_name in long and ref.table.key and ref.hidden_name not in sealed]
        found = {ref.hidden_name: self._measured_in_parts(ref, long[ref.hidden_name]) for ref in apart}
        short = [ref for ref in staged if ref.hidden_name not in found]
        for start in range(0, len(short), _MEASURED_TOGETHER):
            some = short[start : start + _MEASURED_TOGETHER]
            parts = [self._measurement(number, ref, sealed) for number, ref in enumerate(some)]
            for number, *facts in self._session.ask(SQL(" UNION ALL ").join(parts)):
                found[some[whole(number)].hidden_name] = TableFacts(*map(whole, facts))
        return [found[ref.hidden_name] for ref in staged]

    def _long(self) -> dict[str, int]:
        """Hidden tables of very many rows, about how many."""
        statement = SQL(
            "SELECT table_name, estimated_size FROM duckdb_tables() WHERE database_name = current_database()"
            " AND schema_name = $1 AND estimated_size > $2"
        )
        return {str(name): whole(rows) for name, rows in self._session.ask(statement, [self._hidden, _COUNTED_AT_ONCE])}

    def _measured_in_parts(self, ref: StagedRef, rows: int) -> TableFacts:
        """Each key falls into one of so many parts; the distinct keys of each are counted by themselves."""
        value, null = _key(ref)
        target, parts = self._at(ref), Literal(-(-rows // _COUNTED_AT_ONCE))
        counts = SQL("SELECT count(*), count(*) FILTER (WHERE {}) FROM {}").format(null, target)
        ((total, null_keys),) = self._session.ask(counts)
        distinct = SQL("SELECT count(DISTINCT {}) FROM {} WHERE NOT ({}) AND hash({}) % {} = {}")
        found = [
            self._session.ask(distinct.format(value, target, null, value, parts, Literal(part)))[0][0]
            for part in range(-(-rows // _COUNTED_AT_ONCE))
        ]
        return TableFacts(whole(total), whole(null_keys), sum(map(whole, found)))

    def _measurement(self, number: int, ref: StagedRef, sealed: Collection[str]) -> Composable:
        if not ref.table.key or ref.hidden_name in sealed:
            return SQL("SELECT {}, count(*), 0, count(*) FROM {}").format(Literal(number), self._at(ref))
        value, null = _key(ref)
        return SQL(
            "SELECT {number}, count(*), count(*) FILTER (WHERE {null}),"
            " count(DISTINCT {value}) FILTER (WHERE NOT ({null})) FROM {target}"
        ).format(number=Literal(number), null=null, value=value, target=self._at(ref))

    def _at(self, ref: StagedRef) -> Identifier:
        return self._session.at(self._hidden, ref.hidden_name)

    @contextmanager
    def _known(self, rows: ArrowStream) -> Iterator[None]:
        """The stream under a name that statements know."""
        connection = self._session.open()
        # The capsule itself: DuckDB would ask the object for its stream several times, and some have only one.
        connection.register(_ROWS_NAME, rows.__arrow_c_stream__())
        try:
            yield
        finally:
            connection.unregister(_ROWS_NAME)


def _key(ref: StagedRef) -> tuple[Composable, Composable]:
    """The key of a table as one value, and whether any of it is NULL."""
    key = [Identifier(name) for name in ref.table.key]
    value = key[0] if len(key) == 1 else SQL("({})").format(COMMA.join(key))
    return value, SQL(" OR ").join(SQL("{} IS NULL").format(name) for name in key)


def whole(value: object) -> int:
    """A count, as DuckDB gives it."""
    assert isinstance(value, int)
    return value
