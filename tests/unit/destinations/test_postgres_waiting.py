"""How long a swap in PostgreSQL waits for its locks, attempt by attempt."""

from __future__ import annotations

import threading

import psycopg

from boardlift.destinations.postgres.engine import Postgres
from boardlift.destinations.postgres.swap import SwapPolicy
from support.generations import live_name, promoted, staged


def test_budgets_grow_and_stay_below_what_a_reader_may_wait() -> None:
    """Up to four times the first."""
    policy = SwapPolicy()
    assert [policy.budget_ms(attempt) for attempt in (1, 9, 10, 20, 30, 50)] == [20, 20, 40, 60, 80, 80]


def test_queries_that_all_take_longer_than_the_first_budget_do_not_keep_a_swap_out(postgres_url: str) -> None:
    """Readers that ask for 45 ms without pause: within 20 ms the swap never gets in, within 80 ms it does."""
    destination = Postgres(postgres_url, "monday", policy=SwapPolicy(attempts=1000, patience=120.0, longest_pause=0.1))
    destination.prepare()
    promoted(destination, 1)
    group, stop = staged(destination, 2), threading.Event()

    def read() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as reader:
            while not stop.is_set():
                reader.execute("SELECT pg_sleep(0.045) FROM monday.planning LIMIT 1")

    # The first attempt meets a reader for certain: this one is in a transaction.
    holder = psycopg.connect(postgres_url)
    holder.execute("SELECT 1 FROM monday.planning LIMIT 1")
    threads = [threading.Timer(0.3, holder.close), *(threading.Thread(target=read) for _ in range(6))]
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
