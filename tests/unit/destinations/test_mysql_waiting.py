"""The bound of a swap in MariaDB and MySQL is on waiting for others, not on its own work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boardlift.destinations.mysql.engine import MySQL
from boardlift.destinations.mysql.wait import SwapPolicy
from support.generations import PLANNING, staged
from support.mariadb import Admin

HASTY = SwapPolicy(lock_budget_ms=1, attempts=3, patience=3.0)


@pytest.mark.parametrize("server_counts", [None, False], ids=["by the server", "by KILL QUERY"])
def test_work_that_takes_longer_than_anybody_may_wait_is_done(mariadb_url: str, server_counts: bool | None) -> None:
    """A RENAME that has its locks is not cut short, else no try would succeed: tables with full-text indexes are slow."""
    destination, admin = MySQL(mariadb_url, "monday", policy=replace(HASTY, server_counts=server_counts)), None
    destination.prepare()
    tables = [replace(PLANNING, name=f"board_{number}") for number in range(3)]
    for generation in (1, 2):
        groups = [staged(destination, generation, table=table, group=table.name) for table in tables]
        outcome = destination.promote(f"run-{generation}", groups)
        if admin is None:
            admin = Admin(mariadb_url)
            for table in tables:
                admin.run(f"CREATE FULLTEXT INDEX words ON monday.{table.name} (name)")
            admin.close()
    assert outcome.blocked_ms > HASTY.lock_budget_ms
    assert {(g.group, g.number) for g in destination.generations()} == {(t.name, n) for t in tables for n in (1, 2)}
    destination.close()
