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
        found: list[TableFacts] = []
        for start in range(0, len(staged), _MEASURED_TOGETHER):
            some = staged[start : start + _MEASURED_TOGETHER]
            parts = [self._measurement(number, ref, sealed) for number, ref in enumerate(some)]
            rows = self._session.ask(SQL(" UNION ALL ").join(parts))
            found += [
                TableFacts(whole(total), whole(null_keys), whole(distinct))
                for _, total, null_keys, distinct in sorted(rows, key=lambda row: whole(row[0]))
            ]
        return found

    def _measurement(self, number: int, ref: StagedRef, sealed: Collection[str]) -> Composable:
        key = [Identifier(name) for name in ref.table.key]
        if not key or ref.hidden_name in sealed:
            return SQL("SELECT {}, count(*), 0, count(*) FROM {}").format(Literal(number), self._at(ref))
        null = SQL(" OR ").join(SQL("{} IS NULL").format(name) for name in key)
        value = key[0] if len(key) == 1 else SQL("({})").format(COMMA.join(key))
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


def whole(value: object) -> int:
    """A count, as DuckDB gives it."""
    assert isinstance(value, int)
    return value
