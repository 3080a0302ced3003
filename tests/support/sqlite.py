"""A SQLite destination for tests, and a person beside it who works on the same file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.sqlite.engine import SQLite
from boardlift.shape.table import Table
from support.generations import PLANNING, staged

Person = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.db"


@pytest.fixture
def destination(path: Path) -> Iterator[SQLite]:
    opened = SQLite(f"sqlite:///{path}", "monday")
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def person(path: Path, destination: SQLite) -> Iterator[Person]:
    """Somebody else with the file open, who minds foreign keys."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        yield lambda sql, *values: connection.execute(sql, values).fetchall()


def promoted(destination: SQLite, *generations: int, replace: Replace = Replace.SWAP, table: Table = PLANNING) -> None:
    for generation in generations:
        group = staged(destination, generation, table=table)
        destination.promote(f"run-{generation}", [StagedGroup(group.group, generation, group.tables, replace)])


def name_of(run: Person) -> object:
    ((name,),) = run("SELECT DISTINCT name FROM monday__planning")
    return name


def schema(run: Person) -> list[tuple[object, ...]]:
    """Every object of people, and every live table."""
    return run(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE '%boardlift%'"
        " AND tbl_name NOT LIKE '%boardlift%' ORDER BY type, name"
    )
