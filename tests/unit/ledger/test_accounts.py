"""What the ledger knows of accounts: their plan, their calls of the day, and who reads them now."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from boardlift.ledger import BoardRecord, Ledger, ReadAs, RunKind, RunStatus, digest_of

READ = 'reader = ledger.begin_reading("7", "another process")\nsay("reading")\ntime.sleep(60)'


def test_what_monday_told_is_there_at_the_next_run(ledger: Ledger, path: Path, clock) -> None:
    """Plan, calls a day, and what the run measured; the token is nowhere in the file."""
    digest = digest_of("https://api.monday.com/v2", "a-secret-token")
    assert ledger.account(digest) is None
    ledger.record_account(digest, "7", "pro", 10_000)
    ledger.record_measures(digest, 32, 1.7)
    with Ledger.open(path, clock) as again:
        found = again.account(digest)
    assert found is not None
    assert (found.account_id, found.tier, found.calls_per_day) == ("7", "pro", 10_000)
    assert (found.at_once, found.seconds_per_call) == (32, 1.7)
    assert found.seen_at == clock.now()
    for file in path.parent.iterdir():
        assert not file.is_file() or b"a-secret-token" not in file.read_bytes()


def test_asking_again_keeps_what_was_measured(ledger: Ledger) -> None:
    """A plan that has changed says nothing of how fast the server is."""
    ledger.record_account("0" * 16, "7", "basic", None)
    ledger.record_measures("0" * 16, 12, 0.4)
    ledger.record_account("0" * 16, "7", "pro", 10_000)
    found = ledger.account("0" * 16)
    assert found is not None
    assert (found.tier, found.calls_per_day, found.at_once) == ("pro", 10_000, 12)


def test_two_tokens_or_two_addresses_are_two_digests() -> None:
    """A sandbox and the real account never share what is known."""
    digests = {digest_of(url, token) for url in ("http://a", "http://b") for token in ("x", "y")}
    assert len(digests) == 4


def test_calls_are_counted_until_midnight_utc(ledger: Ledger, path: Path, clock) -> None:
    """By account, by all who have the file open, and from zero on the next day."""
    ledger.add_calls("7", 100)
    with Ledger.open(path, clock) as other:
        other.add_calls("7", 23)
        other.add_calls("8", 5)
    assert ledger.calls_today("7") == 123
    clock.time += timedelta(hours=4)
    assert ledger.calls_today("7") == 0
    ledger.add_calls("7", 1)
    assert (ledger.calls_today("7"), ledger.calls_today("8")) == (1, 0)


def test_living_readers_count_and_dead_ones_do_not(ledger: Ledger, spawn, heard) -> None:
    """A process that was killed frees its part at once, without anybody's doing."""
    mine = ledger.begin_reading("7", "this process")
    assert ledger.readers("7") == 1
    other = spawn(READ)
    assert heard(other) == "reading"
    assert ledger.readers("7") == 2
    assert ledger.readers("8") == 0
    other.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    other.wait()
    assert ledger.readers("7") == 1
    ledger.end_reading(mine)
    assert ledger.readers("7") == 0


def test_a_ledger_that_is_closed_reads_no_more(ledger: Ledger, path: Path, clock) -> None:
    """Even if nobody has said so."""
    with Ledger.open(path, clock) as other:
        other.begin_reading("7", "gone soon")
        assert ledger.readers("7") == 1
    assert ledger.readers("7") == 0


def test_the_latest_cost_of_each_board(ledger: Ledger) -> None:
    """Of the run that read something last; a board that was empty then says nothing."""
    for rows, points in ((10, 3_200), (20, 6_400), (0, 20)):
        run = ledger.start_run(RunKind.SYNC, "duckdb", "monday", "test")
        for board in ("1", "2"):
            ledger.record_board(
                run.id, BoardRecord(board, "B", "b", rows, 30, 1, 1.0, calls=1, points=points + int(board))
            )
        ledger.finish_run(run.id, RunStatus.FAILED)
    costs = ledger.board_costs()
    assert {key: (cost.rows, cost.calls, cost.points) for key, cost in costs.items()} == {
        "1": (20, 1, 6_401),
        "2": (20, 1, 6_402),
    }


def test_a_board_read_by_its_changes_says_nothing_of_a_full_read(ledger: Ledger) -> None:
    """Else ten points an item would become a tenth of one, and the budget would set far too little aside."""
    for mode, points in ((ReadAs.FULL, 12_800), (ReadAs.INCREMENTAL, 42), (ReadAs.UNCHANGED, 10)):
        run = ledger.start_run(RunKind.SYNC, "duckdb", "monday", "test")
        record = BoardRecord("1", "B", "b", 400, 30, 1, 1.0, calls=1, points=points)
        ledger.record_board(run.id, replace(record, mode=mode))
        ledger.finish_run(run.id, RunStatus.FAILED)
    assert ledger.board_costs()["1"].points == 12_800
