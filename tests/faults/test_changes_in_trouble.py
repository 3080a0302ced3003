"""Boards read by their changes when monday fails on an item, a board or its log, and when somebody told of an item."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.ledger import RunStatus, Touched
from boardlift.monday import hints, queries
from boardlift.sandbox import Account, Fault, Sandbox
from support.clocks import FastClock
from support.meddler import meddling
from support.synced import Synced, modes, of_board

ITEMS = 150


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    account = Account.many(boards=2, items=ITEMS, columns=0)
    for board in account.boards:
        account.builder.columns(board, "text numbers status")
    with Sandbox(account) as running:
        yield running


@pytest.fixture
def synced(sandbox: Sandbox, tmp_path: Path) -> Synced:
    made = Synced(sandbox, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", tmp_path)
    made.clock = FastClock()
    made.run()
    return made


def always(synced: Synced, **where: object) -> None:
    synced.sandbox.service.faults.add(Fault("internal_error_200", times=None, **where))  # type: ignore[arg-type]


def run(synced: Synced):  # type: ignore[no-untyped-def]
    """A sync whose cells are not compared, for some cannot be read."""
    synced.account.advance(600)
    with synced.app() as app:
        return app.sync()


def test_a_tombstone_outlives_what_the_log_repeats(synced: Synced) -> None:
    """The event of a deletion stands in the overlap of the next run, too, which says nothing new."""
    account, board = synced.account, synced.account.boards[0]
    account.delete_item(board.item_id(5))
    synced.run(quiet=False)
    account.rename_item(board.item_id(6), "renamed")
    report = synced.run(quiet=False)
    assert of_board(report, 0, account)[0] == "incremental"
    assert synced.tombstones(report) == [(board.item_id(5), "deleted")]


@pytest.mark.parametrize("by_id", [False, True])
def test_a_cell_that_monday_fails_on(synced: Synced, by_id: bool) -> None:
    """It is empty and in quarantine; its item, and what changed beside it, arrive, and the log explains the rest."""
    account, board = synced.account, synced.account.boards[0]
    item, column = board.item_id(7), board.columns[2].id
    for place in (6, 7, 8):
        was = board.updated(place)
        account.move_item(board.item_id(place), group=board.groups[-1].id)
        if by_id:
            board.edit_of(place).updated_at = was
    always(synced, item=item, column=column)
    report = run(synced)
    assert of_board(report, 0, account)[0] == "incremental"
    plan = next(each.plan for each in report.boards if each.plan.key == str(board.id))
    with synced.app() as app:
        table, apart = app.destination.address(plan.table), app.destination.address(plan.quarantine.name)
        rows = app.destination.query(f"SELECT item_id FROM {table} WHERE group_id = '{board.groups[-1].id}'")[1]
        assert {board.item_id(place) for place in (6, 7, 8)} <= {row[0] for row in rows}
        assert app.destination.query(f"SELECT item_id, column_id FROM {apart} WHERE item_id = {item}")[1] == [
            (item, column)
        ]


def test_an_item_whose_fate_cannot_be_told(synced: Synced) -> None:
    """monday fails whenever it is asked for by its id: the board is read in full, and the run goes on."""
    account, (bad, good) = synced.account, synced.account.boards
    account.delete_item(bad.item_id(3))
    account.rename_item(good.item_id(3), "renamed")
    always(synced, operation="ItemsById", item=bad.item_id(3))
    report = synced.run()
    assert of_board(report, 0, account)[0] == "full"
    assert of_board(report, 1, account) == ("incremental", 0, 1, 0)
    assert synced.tombstones(report) == [(bad.item_id(3), "absent")]


def test_changes_of_one_board_that_cannot_be_read(synced: Synced) -> None:
    """It is read in full, for the reason that monday gave; the others are not held up."""
    account, (bad, good) = synced.account, synced.account.boards
    for board in (bad, good):
        account.rename_item(board.item_id(3), "renamed")
    always(synced, operation="NewestItems", board=bad.id)
    report = synced.run()
    assert of_board(report, 0, account)[0] == "full"
    assert of_board(report, 1, account) == ("incremental", 0, 1, 0)
    assert report.run.status is RunStatus.SUCCEEDED


def test_a_board_that_cannot_be_read_at_all_keeps_its_watermark(synced: Synced) -> None:
    """It stays as it was and is told; what changed on it arrives when it can be read again, and nothing is lost."""
    account, (bad, good) = synced.account, synced.account.boards
    for board in (bad, good):
        account.rename_item(board.item_id(3), "renamed")
    account.delete_item(bad.item_id(4))

    def mark() -> object:
        with synced.app() as app:
            return app.ledger.watermarks(app.destination.identity, app.namespace)[str(bad.id)]

    before = mark()
    for operation in ("NewestItems", "FirstItems", "ItemsById"):
        always(synced, operation=operation, board=bad.id)
    report = run(synced)
    assert [failure.plan.key for failure in report.failed] == [str(bad.id)]
    assert of_board(report, 1, account) == ("incremental", 0, 1, 0)
    assert mark() == before
    synced.sandbox.service.faults.clear()
    assert of_board(synced.run(), 0, account) == ("incremental", 0, 1, 1)


def test_a_log_that_breaks_off(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    """monday fails on the rest of a long log: the ids are compared instead."""
    monkeypatch.setattr(queries, "EVENTS_LIMIT", 4)
    monkeypatch.setattr(hints, "max", lambda *_: 4, raising=False)
    account, board = synced.account, synced.account.boards[0]
    for place in range(6):
        account.delete_item(board.item_id(place))
    always(synced, operation="BoardLog")
    assert of_board(synced.run(), 0, account) == ("incremental", 0, 0, 6)


def test_an_item_that_comes_twice(synced: Synced) -> None:
    """Edited between two pages, it may stand on both; it is one row."""
    account, board = synced.account, synced.account.boards[0]
    for place in range(40):
        account.rename_item(board.item_id(place), f"renamed {place}")
    board.log.clear()
    first: list[object] = []

    def meddle(asked: bytes, said: bytes) -> bytes:
        if b"NewestItems" not in asked:
            return said
        answer = json.loads(said)
        items = answer["data"]["boards"][0]["items_page"]["items"]
        items.insert(1, items[0])
        first.append(items[0]["id"])
        return json.dumps(answer).encode()

    with meddling(synced.sandbox, meddle) as url:
        assert of_board(synced.run(url=url), 0, account)[0] == "incremental"
    assert first


def test_so_many_changes_that_all_is_read(tmp_path: Path) -> None:
    """One reader goes through the changes, several through a whole board: from a fifth on, the latter is quicker."""
    account = Account.many(boards=1, items=700, columns=1)
    board = account.boards[0]
    with Sandbox(account) as sandbox:
        synced = Synced(sandbox, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", tmp_path)
        synced.run()
        for lose_log in (False, True):
            for place in range(600):
                account.rename_item(board.item_id(place), f"again {lose_log} {place}")
            if lose_log:
                board.log.clear()
            report = synced.run()
            assert "a full read is quicker" in report.boards[0].record.reason
            assert report.boards[0].record.changed == 600


def test_what_a_webhook_told_is_asked_for(synced: Synced) -> None:
    """monday's log may know of it later, and nothing else betrays a move between groups."""
    account, board = synced.account, synced.account.boards[0]
    was = board.updated(9)
    account.move_item(board.item_id(9), group=board.groups[-1].id)
    board.edit_of(9).updated_at = was
    board.log.clear()
    with synced.app() as app:
        told = Touched(str(board.id), str(board.id), str(board.item_id(9)), "move_pulse_into_group", "one")
        app.ledger.mark_dirty(app.destination.identity, app.namespace, [told])
    assert of_board(synced.run(), 0, account) == ("incremental", 0, 1, 0)
    assert set(modes(synced.run()).values()) == {"unchanged"}  # what has been brought over is not asked for again


def test_a_read_of_hours_counts_from_its_beginning(synced: Synced) -> None:
    """Else a full read a day would find, every second day, that a day has not passed."""
    clock = synced.clock
    assert clock is not None
    began = clock.now()
    synced.sandbox.service.faults.add(Fault("429_retry_in_seconds", operation="FirstItems", seconds=500))
    synced.run(full=True)
    assert (clock.now() - began).total_seconds() >= 500
    with synced.app() as app:
        for mark in app.ledger.watermarks(app.destination.identity, app.namespace).values():
            assert (mark.full_read_at - began).total_seconds() < 60
