"""The bound of a swap in MySQL is on waiting for others, not on its own work."""

from __future__ import annotations

import time

from boardlift.clock import SystemClock
from boardlift.destinations.mysql.errors import read_url
from boardlift.destinations.mysql.session import Session
from boardlift.destinations.mysql.wait import SwapPolicy, Waiting
from boardlift.shape.sql import SQL

POLICY = SwapPolicy(lock_budget_ms=20, attempts=2, patience=2.0, server_counts=False)


def test_a_statement_at_work_is_not_cut_short(mariadb_url: str) -> None:
    """It has its locks; cut short, each further try would be, too. A RENAME of many tables takes long in MySQL."""
    address = read_url(mariadb_url)
    session = Session(address, "test")
    waiting = Waiting(session, lambda: Session(address, "test"), address, POLICY, SystemClock())
    granted = waiting.persist(SQL("DO SLEEP(0.4)"), "work", "monday", [])
    assert granted.attempts == 1
    assert granted.longest_ms >= 400
    session.close()


def test_what_is_done_around_a_statement_is_no_time_for_which_readers_wait(mariadb_url: str) -> None:
    """The second connection that watches is opened before the statement is sent; a slow server takes its time there."""
    address = read_url(mariadb_url)
    session = Session(address, "test")

    def slowly() -> Session:
        time.sleep(0.4)
        return Session(address, "test")

    granted = Waiting(session, slowly, address, POLICY, SystemClock()).persist(SQL("DO 0"), "work", "monday", [])
    assert granted.attempts == 1
    assert granted.longest_ms < 300
    session.close()
