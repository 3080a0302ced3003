"""Events become durable in few commits, and nobody waits for a ledger that is locked."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from boardlift.clock import SystemClock
from boardlift.errors import BoardliftError
from boardlift.ledger import Ledger, Touched
from boardlift.listen.intake import Intake, Receipt

PLACE = ("db", "monday")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", SystemClock()) as opened:
        yield opened


class Desk:
    """An intake over a ledger, with what it told."""

    def __init__(self, ledger: Ledger, patience: float = 5.0) -> None:
        self.commits: list[int] = []
        self.noticed: list[str] = []
        self.errors: list[BoardliftError] = []

        def record(events: Sequence[Touched]) -> list[bool]:
            self.commits.append(len(events))
            return ledger.mark_dirty(*PLACE, events)

        self.intake = Intake(record, self.noticed.extend, self.errors.append, patience=patience)


def touched(number: int, uuid: str = "") -> Touched:
    return Touched("1", "1", str(number), "create_pulse", uuid or f"u{number}")


def test_many_at_once_share_commits(ledger: Ledger) -> None:
    """All are on disk when their answers are given."""
    desk = Desk(ledger)
    desk.intake.start()
    with ThreadPoolExecutor(50) as pool:
        receipts = list(pool.map(lambda number: desk.intake.put(touched(number)), range(500)))
    assert set(receipts) == {Receipt.RECORDED}
    assert len(ledger.dirty_items(*PLACE, "1")) == 500
    assert sum(desk.commits) == 500
    assert len(desk.commits) < 400
    assert len(desk.noticed) == 500
    desk.intake.stop()


def test_a_repeated_delivery_is_told_apart_and_wakes_nobody(ledger: Ledger) -> None:
    desk = Desk(ledger)
    desk.intake.start()
    assert [desk.intake.put(touched(1, "u")) for _ in range(3)] == [Receipt.RECORDED, Receipt.SEEN, Receipt.SEEN]
    assert desk.noticed == ["1"]
    desk.intake.stop()


def test_nobody_waits_for_a_locked_ledger(ledger: Ledger) -> None:
    """Refused in time, also when many come; after it is free again events are recorded as before."""
    desk = Desk(ledger, patience=0.3)
    desk.intake.start()
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            receipts = set(pool.map(lambda number: desk.intake.put(touched(number)), range(40)))
        assert receipts == {Receipt.REFUSED}
        assert time.monotonic() - began < 10
        assert desk.intake.stuck
        began = time.monotonic()
        assert desk.intake.put(touched(99)) is Receipt.REFUSED
        assert time.monotonic() - began < 0.25
        other.execute("ROLLBACK")
    while desk.intake.stuck:
        time.sleep(0.01)
    assert desk.intake.put(touched(100)) is Receipt.RECORDED
    desk.intake.stop()


def test_an_event_the_ledger_refuses_is_not_called_recorded(tmp_path: Path) -> None:
    desk = Desk(Ledger.open(tmp_path / "ledger.sqlite", SystemClock()))
    desk.intake.start()
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as other:
        other.execute("CREATE TRIGGER no BEFORE INSERT ON dirty_items BEGIN SELECT RAISE(ABORT, 'no'); END")
    assert desk.intake.put(touched(1)) is Receipt.REFUSED
    assert len(desk.errors) == 1
    assert desk.noticed == []
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as other:
        assert other.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)
        other.execute("DROP TRIGGER no")
    assert desk.intake.put(touched(1)) is Receipt.RECORDED
    desk.intake.stop()


def test_what_waits_is_written_before_it_stops(ledger: Ledger) -> None:
    desk = Desk(ledger)
    putting = [threading.Thread(target=desk.intake.put, args=(touched(number),)) for number in range(20)]
    for thread in putting:
        thread.start()
    while desk.intake._line.qsize() < 20:
        time.sleep(0.01)
    desk.intake.start()
    desk.intake.stop()
    assert len(ledger.dirty_items(*PLACE, "1")) == 20
    for thread in putting:
        thread.join()
