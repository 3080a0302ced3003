"""Under the locks PostgreSQL says which live relations are not as they were, and sends nothing about the others."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.session import Session
from boardlift.destinations.postgres.watch import Watch
from boardlift.shape.sql import SQL
from boardlift.shape.table import Table
from support.generations import PLANNING, promoted, staged

HERE, THERE = ("monday", "planning"), ("monday", "other")


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def watch(postgres_url: str) -> Iterator[Watch]:
    destination = Postgres(postgres_url, "monday")
    destination.prepare()
    promoted(destination, 1)
    destination.promote("run", [staged(destination, 1, table=Table("other", PLANNING.columns), group="2")])
    destination.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in ("json", "jsonb"):
            connection.adapters.register_loader(name, psycopg.types.string.TextLoader)
        session = Session(connection)
        session.send(SQL("SET search_path = pg_catalog"))
        yield Watch(session.ask, "monday", ["planning", "other"])


def test_nothing_is_sent_of_what_is_as_it_was(watch: Watch) -> None:
    """No row at all, however many tables there are."""
    changed, now = watch.changed()
    assert (changed, now.entries) == (set(), ())


@pytest.mark.parametrize(
    "statement",
    [
        "COMMENT ON COLUMN monday.planning.name IS 'theirs'",
        "ALTER TABLE monday.planning ADD COLUMN note text",
        "ALTER TABLE monday.planning ALTER COLUMN status SET STATISTICS 7",
        "CREATE INDEX ON monday.planning (status)",
        "GRANT SELECT ON monday.planning TO PUBLIC",
        "ALTER TABLE monday.planning ADD CHECK (item_id >= 0)",
        "DROP TABLE monday.planning",
    ],
)
def test_what_changes_is_named_and_told(watch: Watch, admin: psycopg.Connection, statement: str) -> None:
    """All that is said of the table now, and nothing of the other."""
    admin.execute(statement.encode())
    changed, now = watch.changed()
    assert changed == {HERE}
    assert {entry.place for entry in now.entries} == (set() if "DROP TABLE" in statement else {HERE})
    assert {entry.key for entry in watch.snapshot.entries if entry.place == HERE} - {e.key for e in now.entries} == (
        {entry.key for entry in watch.snapshot.entries if entry.place == HERE} if "DROP TABLE" in statement else set()
    )


def test_a_view_that_is_new_is_found(watch: Watch, admin: psycopg.Connection) -> None:
    """It was not there before, so no digest of it is known."""
    admin.execute("CREATE VIEW public.theirs AS SELECT name FROM monday.planning")
    changed, now = watch.changed()
    assert changed == {("public", "theirs")}
    assert [entry.kind for entry in now.entries if entry.kind == "view"] == ["view"]


def test_what_is_not_calm_is_read_whatever_is_said(watch: Watch) -> None:
    """A relation that must change is compared in full."""
    changed, now = watch.changed([THERE])
    assert changed == {HERE}
    assert {entry.place for entry in now.entries} == {HERE}
