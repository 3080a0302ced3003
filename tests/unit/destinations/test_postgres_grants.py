"""A table that was gone and comes back is open to those, and only those, to whom it was open when it left."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from boardlift.destinations.interface import Replace
from boardlift.destinations.postgres.engine import Postgres
from support.people import admin, ask, destination, go, run, table

__all__ = ["admin", "destination"]  # fixtures


@pytest.fixture
def reader(admin: psycopg.Connection) -> Iterator[str]:
    name = f"reader_{time.time_ns()}"
    run(admin, f"CREATE ROLE {name}")
    yield name
    run(admin, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_table_that_comes_back_has_the_grants_that_it_left_with(
    destination: Postgres, admin: psycopg.Connection, reader: str, way: Replace
) -> None:
    """What was revoked stays revoked, what was granted stays granted, whichever generation the table comes from."""
    held = f"SELECT has_table_privilege('{reader}', 'monday.link', '{{}}')"
    go(destination, 1, table(), table("link"), way=way)
    run(admin, f"GRANT SELECT ON monday.link TO {reader}")
    go(destination, 2, table(), table("link"), way=way)
    run(admin, f"REVOKE SELECT ON monday.link FROM {reader}; GRANT INSERT ON monday.link TO {reader}")
    go(destination, 3, way=way)
    destination.rollback("back", [("1", 1)])
    assert ask(admin, held.format("SELECT")) == [(False,)]
    assert ask(admin, held.format("INSERT")) == [(True,)]
    run(admin, f"REVOKE ALL ON monday.link FROM {reader}")
    destination.rollback("forward", [("1", 3)])
    destination.rollback("back", [("1", 2)])
    assert ask(admin, held.format("INSERT")) == [(False,)]
    run(admin, f"GRANT SELECT (name) ON monday.link TO {reader}")
    destination.rollback("forward", [("1", 3)])
    go(destination, 4, table(), table("link"), way=way)
    assert ask(admin, f"SELECT has_column_privilege('{reader}', 'monday.link', 'name', 'SELECT')") == [(True,)]
    assert ask(admin, held.format("INSERT")) == [(False,)]


def test_a_table_that_comes_back_without_a_trace_gets_the_default_grants(
    destination: Postgres, admin: psycopg.Connection, reader: str
) -> None:
    run(admin, f"ALTER DEFAULT PRIVILEGES IN SCHEMA monday GRANT SELECT ON TABLES TO {reader}")
    go(destination, 1, table(), table("link"))
    run(admin, f"REVOKE SELECT ON monday.link FROM {reader}")
    go(destination, 2)
    destination.retain("1", 1)
    go(destination, 3, table(), table("link"))
    assert ask(admin, f"SELECT has_table_privilege('{reader}', 'monday.link', 'SELECT')") == [(True,)]
