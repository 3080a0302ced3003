"""What people built on live tables in DuckDB, and whether it survives a new shape.

DuckDB binds a view or a macro by name each time it runs, so nothing has to be carried over when a live view is pointed
elsewhere; but what reads a column that is gone fails. DuckDB keeps no record of who reads what. So the new shape is
tried on them, in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import duckdb

from boardlift.destinations.duckdb.session import Run, Session
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
    """Every view and macro of this database but our live views: `ours` in the first of `namespaces`."""
    live, hidden = namespaces
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
        if schema != live or name not in ours
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


def _calls(session: Session, schema: str, name: str, kind: object, parameters: object) -> tuple[Composable, ...]:
    assert isinstance(parameters, list)
    head = SQL("EXPLAIN FROM {}({})") if kind == "table_macro" else SQL("EXPLAIN SELECT {}({})")
    target = session.at(schema, name)
    tries = [COMMA.join([argument] * len(parameters)) for argument in (_ARGUMENTS if parameters else _ARGUMENTS[:1])]
    return tuple(head.format(target, each) for each in tries)


def readers_of(names: Collection[str], objects: Sequence[PeoplesObject]) -> list[PeoplesObject]:
    """Those whose text speaks of one of these names, or of another object that does; rather too many than too few."""
    words = {_as_written(name) for name in names}
    found: dict[str, PeoplesObject] = {}
    while True:
        fresh = {
            str(each): each
            for each in objects
            if str(each) not in found and any(word in each.text.casefold() for word in words)
        }
        if not fresh:
            return [each for each in objects if str(each) in found]
        found |= fresh
        words |= {_as_written(each.name.partition(".")[2]) for each in fresh.values()}


def _as_written(name: str) -> str:
    return name.replace('"', '""').casefold()


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
