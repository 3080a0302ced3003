"""Views on live tables. They go by name, so a swap keeps them, unless it takes a column away that they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import pymysql

from boardlift.destinations.mysql.errors import code_of
from boardlift.destinations.mysql.session import Session
from boardlift.shape.sql import SQL, Composable, Literal

_UNKNOWN_COLUMN = 1054
_DENIED = (1044, 1142, 1143, 1227, 1345, 1370)
_COLUMN_IN_QUOTES = re.compile(r"'([^']*)'")


@dataclass(frozen=True)
class View:
    """A view and its query, as the server keeps it: names in backticks, columns by table."""

    namespace: str
    name: str
    query: str

    def __str__(self) -> str:
        return f"view {self.namespace}.{self.name}"


def on(session: Session, namespace: str, table: str) -> list[View]:
    """The views of any namespace that ask this table directly, as far as this user may see them."""
    rows = session.ask(
        SQL(
            "SELECT table_schema, table_name, view_definition FROM information_schema.views"
            " WHERE table_schema NOT IN ('sys', 'mysql', 'information_schema', 'performance_schema')"
            " AND instr(view_definition, {}) > 0 ORDER BY 1, 2"
        ).format(Literal(_path(namespace, table)))
    )
    return [View(str(schema), str(name), str(query)) for schema, name, query in rows]


def unreadable(session: Session) -> list[View]:
    """The views whose query the server keeps from this user, so that nobody can say what they ask for."""
    rows = session.ask(
        SQL(
            "SELECT table_schema, table_name FROM information_schema.views"
            " WHERE table_schema NOT IN ('sys', 'mysql', 'information_schema', 'performance_schema')"
            " AND coalesce(view_definition, '') = '' ORDER BY 1, 2"
        )
    )
    return [View(str(schema), str(name), "") for schema, name in rows]


def trouble(session: Session, view: View, namespace: str, table: str, columns: Iterable[str]) -> str:
    """Why a view would fail, or may fail, if the table had these columns, with the way out; empty when it works.

    The view's query is explained with an empty table of these columns in the place of the live one.
    """
    path = _path(namespace, table)
    stand_in = "SELECT " + ", ".join(f"NULL AS {_quoted(name)}" for name in columns)

    def put(found: re.Match[str]) -> str:
        return f"({stand_in}) {found[1] or _quoted(table)}"

    query = view.query.replace(f"{path}.", f"{_quoted(table)}.")
    query = re.sub(re.escape(path) + r"(?:\s+(`(?:[^`]|``)+`))?", put, query)
    # The server's text of a view is in its own dialect, whatever the session's.
    ((mode,),) = session.ask(SQL("SELECT @@SESSION.sql_mode"))
    session.run(SQL("SET SESSION sql_mode = ''"))
    try:
        session.ask(SQL("EXPLAIN ") + Composable(query))
    except pymysql.err.MySQLError as error:
        if code_of(error) == _UNKNOWN_COLUMN:
            found = _COLUMN_IN_QUOTES.search(str(error.args[1]))
            lost = found[1].rpartition(".")[2] if found else "a column"
            return f"which asks for {lost} of {table} (drop or change the view)"
        if code_of(error) in _DENIED:
            return "which cannot be checked (GRANT SELECT on all that it reads TO <user>, or drop the view)"
    finally:
        with suppress(pymysql.err.MySQLError):
            session.run(SQL("SET SESSION sql_mode = {}").format(Literal(str(mode))))
    return ""


def _path(namespace: str, table: str) -> str:
    return f"{_quoted(namespace)}.{_quoted(table)}"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
