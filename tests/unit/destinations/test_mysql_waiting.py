"""The bound of a swap in MySQL is on waiting for others, not on its own work."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from boardlift.clock import SystemClock
from boardlift.destinations.mysql.engine import MySQL
from boardlift.destinations.mysql.errors import read_url
from boardlift.destinations.mysql.session import Session
from boardlift.destinations.mysql.wait import SwapPolicy, Waiting
from boardlift.shape.sql import SQL
from support.generations import live_name, promoted, staged
from support.mariadb import Admin

BUSY = SwapPolicy(lock_budget_ms=30, attempts=1000, patience=120.0)
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


@pytest.mark.parametrize("server_counts", [None, False], ids=["by the server", "by KILL QUERY"])
def test_queries_that_all_take_longer_than_the_first_budget_do_not_keep_a_swap_out(
    mariadb_url: str, server_counts: bool | None
) -> None:
    """Readers that ask for 80 ms without pause: with 30 ms the swap never gets in, with three times as much it does."""
    destination = MySQL(mariadb_url, "monday", policy=replace(BUSY, server_counts=server_counts))
    destination.prepare()
    promoted(destination, 1)
    group, stop = staged(destination, 2), threading.Event()

    def read() -> None:
        reader = Admin(mariadb_url)
        while not stop.is_set():
            reader.run("SELECT SLEEP(0.08) FROM monday.planning LIMIT 1")
        reader.close()

    # The first attempt meets a reader for certain: this one is in a transaction.
    holder = Admin(mariadb_url)
    holder.run("BEGIN")
    holder.run("SELECT 1 FROM monday.planning LIMIT 1")
    threads = [threading.Timer(0.4, holder.close), *(threading.Thread(target=read) for _ in range(4))]
    for thread in threads:
        thread.start()
    try:
        outcome = destination.promote("run-2", [group])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert live_name(destination) == "g2"
    assert outcome.attempts > 1
    destination.close()
