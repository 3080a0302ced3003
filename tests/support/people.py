"""Small boards whose rows tell their generation, and what people do around them, for tests on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
import pytest

from boardlift.destinations.interface import Replace, StagedGroup
from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.swap import SwapPolicy
from boardlift.errors import DependentObject
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.arrow import Rows


@pytest.fixture
def destination(postgres_url: str) -> Iterator[Postgres]:
    opened = Postgres(postgres_url, "monday", policy=SwapPolicy(patience=1))
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET client_min_messages = error")
        yield connection


def table(
    name: str = "planning", columns: Sequence[str] = ("name", "status"), key: Sequence[str] = ("item_id",)
) -> Table:
    fields = (Column("item_id", BIGINT, nullable=False), *(Column(column, TEXT) for column in columns))
    return Table(name, fields, key=tuple(key))


def go(destination: Postgres, number: int, *tables: Table, way: Replace = Replace.SWAP) -> None:
    """Stage and promote generation `number`: ten rows, whose keys begin with it."""
    staged = []
    for one in tables or (table(),):
        ref = destination.stage("1", number, one)
        values = ", ".join(f"'{column.name} ' || range" for column in one.columns[1:])
        staged.append((ref, destination.append(ref, Rows(f"SELECT range + {number}, {values} FROM range(10)"))))
    destination.promote("run", [StagedGroup("1", number, tuple(staged), way)])


def run(admin: psycopg.Connection, statements: str) -> None:
    admin.execute(statements.encode())


def ask(admin: psycopg.Connection, statement: str) -> list[tuple[object, ...]]:
    return admin.execute(statement.encode()).fetchall()


def newer(admin: psycopg.Connection, version: int) -> None:
    """Skip the test on a server older than this version."""
    if admin.info.server_version < version * 10_000:
        pytest.skip(f"PostgreSQL {version} or later")


def refused(destination: Postgres, *words: str, board: Table | None = None, way: Replace = Replace.SWAP) -> None:
    """Foreseen, refused before the swap, and named."""
    found = destination.replacements("1", [board or table()], way)
    said = " ".join(one for each in found for one in each.obstacles)
    assert [word for word in words if word not in said] == []
    with pytest.raises(DependentObject, match="Production was not changed") as caught:
        go(destination, 2, board or table(), way=way)
    assert [word for word in words if word not in caught.value.message] == []
