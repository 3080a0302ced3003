"""An account whose every state has a number, and a look at a database that needs no boardlift."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import psycopg

from boardlift.sandbox import Sandbox


class Rounds:
    """Before each sync one item of every board gets the name `round <n>`, so that any table tells its generation."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.number = 0

    def next(self) -> int:
        self.number += 1
        for board in self.sandbox.account.boards:
            self.sandbox.account.rename_item(board.item_id(0), f"round {self.number}")
        return self.number


@contextmanager
def reading(destination: str) -> Iterator[Any]:
    """A connection of the engine itself: `.execute(sql).fetchall()`."""
    if destination.startswith("duckdb"):
        with duckdb.connect(destination.removeprefix("duckdb:///"), read_only=False) as file:
            yield file
    else:
        with psycopg.connect(destination, autocommit=True) as connection:
            yield connection


def tables(connection: Any, namespace: str) -> list[str]:
    found = connection.execute(
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{namespace}' ORDER BY 1"
    ).fetchall()
    return [name for (name,) in found]


def rounds_live(destination: str) -> set[int]:
    """The rounds that live tables are of: one number, if all are of the same run and none is torn."""
    with reading(destination) as connection:
        found = set()
        for table in tables(connection, "monday"):
            if "__" in table:
                continue
            names = connection.execute(f"SELECT name FROM monday.{table} WHERE name LIKE 'round %'").fetchall()
            assert len(names) == 1, f"{table} holds {names}"
            found.add(int(names[0][0].removeprefix("round ")))
        return found


def strays(destination: str) -> list[str]:
    """Tables of the hidden namespace that its catalogue does not know."""
    with reading(destination) as connection:
        hidden = set(tables(connection, "monday__boardlift")) - {"generations"}
        known = {
            name for (name,) in connection.execute("SELECT hidden_name FROM monday__boardlift.generations").fetchall()
        }
        # PostgreSQL keeps live tables in the live namespace under their live names.
        return sorted(hidden - known)
