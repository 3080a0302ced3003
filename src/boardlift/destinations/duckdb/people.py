"""What people built on live tables in DuckDB, and whether it survives a new shape.

DuckDB binds a view or a macro by name each time it runs, so nothing has to be carried over when a live view is pointed
elsewhere; but what reads a column that is gone fails. DuckDB keeps no record of who reads what. So the new shape is
tried on them, in a transaction that is rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import duckdb

from boardlift.destinations.catalogue import CATALOGUE
from boardlift.destinations.duckdb.session import Run, Session
from boardlift.destinations.interface import State, hidden_namespace
from boardlift.shape.sql import COMMA, SQL, Composable

_ARGUMENTS: tuple[Composable, ...] = (SQL("NULL"), SQL("1"), SQL("'a'"), SQL("DATE '2000-01-01'"), SQL("true"))


@dataclass(frozen=True)
class PeoplesObject:
    """A view or macro of somebody. `ways` are statements that bind it; the first that works now is the one to try."""

    kind: str
    name: str
    text: str
    ways: tuple[Composable, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def peoples_objects(session: Session, namespaces: Collection[str], ours: Collection[str]) -> list[PeoplesObject]:
    """Every view and macro of this database but boardlift's live views: `ours` in the first of `namespaces`.

    Those of other namespaces that boardlift filled (a test, a rehearsal) are boardlift's as well.
    """
    live, hidden = namespaces
    elsewhere = _live_elsewhere(session, hidden)
    views = session.ask(
        SQL(
            "SELECT schema_name, view_name, sql FROM duckdb_views()"
            " WHERE database_name = current_database() AND NOT internal AND schema_name <> $1 ORDER BY ALL"
        ),
        [hidden],
    )
    found = [
        PeoplesObject(
            "view", f"{schema}.{name}", str(text), (SQL("EXPLAIN FROM {}").format(session.at(str(schema), str(name))),)
        )
        for schema, name, text in views
        if (name not in ours if schema == live else (schema, name) not in elsewhere)
    ]
    macros = session.ask(
        SQL(
            "SELECT schema_name, function_name, function_type, parameters, macro_definition FROM duckdb_functions()"
            " WHERE database_name = current_database() AND NOT internal AND macro_definition IS NOT NULL ORDER BY ALL"
        )
    )
    return found + [
        PeoplesObject("macro", f"{schema}.{name}", str(text), _calls(session, str(schema), str(name), kind, parameters))
        for schema, name, kind, parameters, text in macros
    ]


def _live_elsewhere(session: Session, hidden: str) -> set[tuple[str, str]]:
    """(namespace, name) of the live tables of the other namespaces that boardlift filled."""
    suffix = hidden_namespace("")
    books = session.ask(
        SQL(
            "SELECT schema_name FROM duckdb_tables() WHERE database_name = current_database() AND table_name = $1"
            " AND ends_with(schema_name, $2) AND schema_name <> $3"
        ),
        [CATALOGUE, suffix, hidden],
    )
    found: set[tuple[str, str]] = set()
    for (book,) in books:
        columns = session.ask(
            SQL(
                "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database()"
                " AND schema_name = $1 AND table_name = $2 AND column_name IN ('table_name', 'state')"
            ),
            [book, CATALOGUE],
        )
        if len(columns) == 2:  # else somebody's own table of that name
            statement = SQL("SELECT table_name FROM {} WHERE state = $1").format(session.at(str(book), CATALOGUE))
            names = session.ask(statement, [State.LIVE.value])
            found |= {(str(book).removesuffix(suffix), str(name)) for (name,) in names}
    return found


def _calls(session: Session, schema: str, name: str, kind: object, parameters: object) -> tuple[Composable, ...]:
    assert isinstance(parameters, list)
    head = SQL("EXPLAIN FROM {}({})") if kind == "table_macro" else SQL("EXPLAIN SELECT {}({})")
    target = session.at(schema, name)
    tries = [COMMA.join([argument] * len(parameters)) for argument in (_ARGUMENTS if parameters else _ARGUMENTS[:1])]
    return tuple(head.format(target, each) for each in tries)


def readers_of(names: Collection[str], objects: Sequence[PeoplesObject]) -> list[PeoplesObject]:
    """Those whose text speaks of one of these names, or of another object that does; rather too many than too few."""
    words = {*names}
    found: dict[str, PeoplesObject] = {}
    while True:
        fresh = {
            str(each): each
            for each in objects
            if str(each) not in found and any(_speaks_of(each.text, word) for word in words)
        }
        if not fresh:
            return [each for each in objects if str(each) in found]
        found |= fresh
        words |= {each.name.partition(".")[2] for each in fresh.values()}


def _speaks_of(text: str, name: str) -> bool:
    """Whether the name stands there as a whole, in quotes or not, in whatever case."""
    written = re.escape(name.replace('"', '""').casefold())
    return re.search(rf"(?<!\w){written}(?!\w)", text.casefold()) is not None


def broken_by(
    session: Session, reshape: Callable[[Run], None], objects: Sequence[PeoplesObject]
) -> dict[PeoplesObject, str]:
    """The objects that can be bound now and could not after `reshape`, each with DuckDB's words. Changes nothing."""
    ways = {each: way for each in objects if (way := _working_way(session, each)) is not None}
    waiting, broken = list(ways), {}
    while waiting:
        with session.transaction("try the new shape", keep=False) as run:
            reshape(run)
            while waiting:
                each = waiting.pop(0)
                error = _failure(run, ways[each])
                if error is not None:
                    broken[each] = str(error).strip().splitlines()[0]
                    break  # DuckDB has given the transaction up; the rest is tried in another
    return broken


def _working_way(session: Session, each: PeoplesObject) -> Composable | None:
    """How it can be bound now; None when it cannot: then it is not we who break it."""
    for way in each.ways:
        with session.transaction("look at what reads its tables", keep=False) as run:
            if _failure(run, way) is None:
                return way
    return None


def _failure(run: Run, way: Composable) -> duckdb.Error | None:
    try:
        run(way)
    except duckdb.Error as error:
        return error
    return None


def told(each: PeoplesObject, table: str, words: str) -> str:
    """An obstacle, with the way out."""
    reason = words.partition(": ")[2] or words
    return (
        f"the {each} reads {table} and would fail on its new columns ({reason.rstrip('!. ')}); "
        f"change or drop the {each.kind}, or keep the column under its name in boardlift.yaml"
    )
