"""What an incremental run cannot rely on: the log, the order, the last run, the table, and that it comes to its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.errors import BoardliftError, CheckFailed, SourceError
from boardlift.ledger import Ledger
from boardlift.load.validate import check_overrides
from boardlift.monday import hints, queries
from boardlift.sandbox import Account, Fault, Sandbox
from boardlift.shape.sql import SQL, Composable
from support.clocks import FastClock
from support.commands import CommandLine, configuration
from support.meddler import meddling
from support.synced import Synced, modes, of_board

ITEMS = 150


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    account = Account.many(boards=1, items=ITEMS, columns=0)
    account.builder.columns(account.boards[0], "text numbers status people")
    with Sandbox(account) as running:
        yield running


@pytest.fixture
def synced(sandbox: Sandbox, tmp_path: Path) -> Synced:
    made = Synced(sandbox, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", tmp_path)
    made.run()
    return made


def generations(synced: Synced) -> tuple[int, str]:
    """The live generation and the watermark's own words."""
    with synced.app() as app:
        (live,) = app.live().values()
        (mark,) = app.ledger.watermarks(app.destination.identity, app.namespace).values()
        return live.number, repr(mark)


def reason(synced: Synced, **how: object) -> str:
    """Why the next run reads in full."""
    (board,) = synced.run(**how).boards  # type: ignore[arg-type]
    assert board.record.mode.value == "full"
    return board.record.reason


def test_an_edit_in_the_second_of_the_last_read(synced: Synced) -> None:
    """Times are whole seconds: what changed in the very second of a watermark, before and after it, arrives."""
    account, board = synced.account, synced.account.boards[0]
    for number in range(3):
        account.rename_item(board.item_id(1), f"once {number}")
        synced.run(quiet=False)
        account.rename_item(board.item_id(1), f"twice {number}")
        account.rename_item(board.item_id(2), f"thrice {number}")
        synced.run(quiet=False)
    assert set(modes(synced.run()).values()) <= {"incremental", "unchanged"}
    assert set(modes(synced.run()).values()) == {"unchanged"}


def test_an_event_nobody_knows_has_the_ids_compared(synced: Synced) -> None:
    """The vendor adds names every month: what is not understood explains nothing."""
    account, board = synced.account, synced.account.boards[0]
    for place in range(5):
        account.delete_item(board.item_id(place))
    account.add_items(board.id, 5)
    for event in board.log:
        if event["event"] == "delete_pulse":
            event["event"], event["data"] = "vaporise", "{}"
    assert of_board(synced.run(), 0, account) == ("incremental", 5, 0, 5)


def test_a_log_too_long_to_be_read(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read page by page, and where that takes too many, the ids are compared."""
    monkeypatch.setattr(queries, "EVENTS_LIMIT", 4)
    monkeypatch.setattr(hints, "max", lambda *_: 4, raising=False)
    account, board = synced.account, synced.account.boards[0]
    for place in range(6):
        account.delete_item(board.item_id(place))
    before = synced.sandbox.stats()["operations"]
    assert of_board(synced.run(), 0, account) == ("incremental", 0, 0, 6)
    assert "FirstItems" not in new_operations(synced, before)
    for place in range(10, 30):
        account.rename_item(board.item_id(place), "more than the log tells")
    before = synced.sandbox.stats()["operations"]
    assert of_board(synced.run(), 0, account) == ("incremental", 0, 20, 0)
    assert "FirstItems" in new_operations(synced, before)


def new_operations(synced: Synced, before: object) -> set[str]:
    assert isinstance(before, dict)
    after = synced.sandbox.stats()["operations"]
    assert isinstance(after, dict)
    return {name for name in after if after[name].get("calls") != before.get(name, {}).get("calls")}


def test_an_old_item_that_appears(synced: Synced) -> None:
    """A duplicated board or a move can bring items with old dates; the count betrays them."""
    account, board = synced.account, synced.account.boards[0]
    (item,) = account.add_items(board.id, 1)
    place = board.place_of(item)
    assert place is not None
    board.edit_of(place).updated_at = board.edit_of(place).created_at = board.created(0)
    board.log.clear()
    assert of_board(synced.run(), 0, account) == ("incremental", 1, 0, 0)


def test_a_move_to_another_group_that_leaves_the_time(synced: Synced) -> None:
    """The log names the item; without the log the next sweep sees the group."""
    account, board = synced.account, synced.account.boards[0]
    for clear in (False, True):
        place = 7 + clear
        was = board.updated(place)
        account.move_item(board.item_id(place), group=board.groups[-1].id)
        board.edit_of(place).updated_at = was
        if clear:
            board.log.clear()
            account.add_items(board.id, 1)
            account.delete_item(board.item_id(100))
            board.log.clear()
        assert of_board(synced.run(), 0, account)[0] == "incremental"


def test_items_in_another_order_are_read_in_full(synced: Synced) -> None:
    """Nobody knows where the changed ones end, so all are read; the answer is checked, not believed."""
    account, board = synced.account, synced.account.boards[0]

    def meddle(asked: bytes, said: bytes) -> bytes:
        if b"NewestItems" not in asked:
            return said
        answer = json.loads(said)
        answer["data"]["boards"][0]["items_page"]["items"].reverse()
        return json.dumps(answer).encode()

    account.rename_item(board.item_id(3), "renamed")
    with meddling(synced.sandbox, meddle) as url:
        assert "newest first" in reason(synced, url=url)


def test_after_a_rollback_all_is_read(synced: Synced) -> None:
    """The live generation is not the one the watermark speaks of; forward again it is."""
    account, board = synced.account, synced.account.boards[0]
    account.rename_item(board.item_id(3), "second")
    synced.run()
    with synced.app() as app:
        app.rollback([str(board.id)], None, forward=False)
        assert "generation 1 is live" in app.plan()[0].reason
        app.rollback([str(board.id)], None, forward=True)
        assert app.plan()[0].since is not None
        app.rollback([str(board.id)], None, forward=False)
    account.rename_item(board.item_id(4), "third")
    assert "generation 1 is live, and the last read made generation 2" in reason(synced)
    account.rename_item(board.item_id(5), "fourth")
    assert of_board(synced.run(), 0, account) == ("incremental", 0, 1, 0)


def test_labels_groups_and_columns_that_change(synced: Synced) -> None:
    """A renamed label or group moves no item, so the board is read in full; a title alone makes a new generation."""
    account, board = synced.account, synced.account.boards[0]
    status = next(column for column in board.columns if column.type == "status")
    label = status.settings["labels"][0]  # type: ignore[index]
    label["label"] = "Called otherwise"
    status.forget()
    status.revision += 1
    assert f"labels of column {status.id}" in reason(synced)
    board.groups[0].title = "Another title"
    assert "has another title" in reason(synced)
    account.add_column(board.id, "text", "New column")
    assert "columns" in reason(synced)
    account.rename_column(board.id, status.id, "New title")
    (renamed,) = synced.run().boards
    assert (renamed.record.mode.value, renamed.record.changed) == ("incremental", 0)
    assert set(modes(synced.run()).values()) == {"unchanged"}


def test_the_brake_stops_a_mass_deletion(synced: Synced) -> None:
    """A tenth of the rows, and never fewer than 25: more needs a reason; production and watermark stay."""
    account, board = synced.account, synced.account.boards[0]
    for place in range(26):
        account.delete_item(board.item_id(place))
    account.add_items(board.id, 20)
    before = generations(synced)
    with pytest.raises(CheckFailed) as caught:
        synced.run()
    assert [result.check for result in caught.value.results if result.blocks] == ["mass_delete"]
    assert "Production was not changed." in caught.value.message
    assert generations(synced) == before
    with synced.app() as app:
        app.sync(overrides=check_overrides(["mass_delete"], "spring cleaning"))
    assert set(modes(synced.run()).values()) == {"unchanged"}


@pytest.mark.parametrize("operation", ["Glance", "NewestItems", "ItemsById", "BoardCounts"])
def test_a_run_that_fails_moves_nothing(synced: Synced, operation: str) -> None:
    """Whichever call it is that fails: what was live stays so, and the next run goes on from the same moment."""
    account, board = synced.account, synced.account.boards[0]
    account.rename_item(board.item_id(3), "renamed")
    account.delete_item(board.item_id(4))
    before = generations(synced)
    synced.sandbox.service.faults.add(Fault("unauthorized_401", operation=operation))
    with pytest.raises(SourceError):
        synced.run()
    assert generations(synced) == before
    assert of_board(synced.run(), 0, account) == ("incremental", 0, 1, 1)


@pytest.mark.parametrize("operation", ["NewestItems", "ItemsById", "BoardCounts"])
def test_a_process_that_is_killed(synced: Synced, tmp_path: Path, operation: str) -> None:
    """It leaves the live generation and the watermark behind as they were; the next run goes on from there."""
    account, board = synced.account, synced.account.boards[0]
    account.advance(600)
    account.rename_item(board.item_id(3), "renamed")
    account.delete_item(board.item_id(4))
    before = generations(synced)
    synced.sandbox.service.faults.add(Fault("slow", operation=operation, seconds=30))
    text = configuration(
        synced.sandbox.url, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", more="defaults: {mode: incremental}"
    )
    process = CommandLine(tmp_path, token=synced.sandbox.token, text=text).start("sync")
    faults = synced.sandbox.service.stats.faults
    while not faults["slow"] and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert generations(synced) == before
    assert of_board(synced.run(), 0, account) == ("incremental", 0, 1, 1)


def test_a_death_between_swap_and_watermark(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new generation is live, the old watermark speaks of another one: the next run reads all."""
    account, board = synced.account, synced.account.boards[0]
    account.rename_item(board.item_id(3), "renamed")
    with monkeypatch.context() as patch:

        def die(*_: object) -> None:
            raise BoardliftError("the power went")

        patch.setattr(Ledger, "set_watermarks", die)
        with pytest.raises(BoardliftError, match="the power went"):
            synced.run()
    assert generations(synced)[0] == 2
    assert "generation 2 is live" in reason(synced)


def test_rows_of_somebody_else_are_noticed(synced: Synced) -> None:
    """A generation is made of the one before only when that one is as boardlift left it."""
    account, board = synced.account, synced.account.boards[0]
    account.rename_item(board.item_id(3), "renamed")
    with synced.app() as app:
        (live,) = app.live().values()
        hidden = Composable(f'"monday__boardlift"."{live.tables[0].hidden_name}"')
        with app.destination._session.transaction("meddle") as run:  # type: ignore[attr-defined]
            run(SQL("DELETE FROM {} WHERE item_id = (SELECT min(item_id) FROM {})").format(hidden, hidden))
    assert "somebody else" in reason(synced)


@pytest.mark.parametrize("kind", ["cursor_expired", "internal_error_200", "429_retry_in_seconds", "reset"])
def test_faults_that_pass(synced: Synced, kind: str) -> None:
    """Each call fails once; the truth arrives."""
    synced.clock = FastClock()
    account, board = synced.account, synced.account.boards[0]
    for place in range(40):
        account.rename_item(board.item_id(place), f"renamed {place}")
    account.delete_item(board.item_id(50))
    board.log.clear()
    for operation in ("Glance", "NewestItems", "NextItems", "ItemsById", "FirstItems"):
        synced.sandbox.service.faults.add(Fault(kind, operation=operation))  # type: ignore[arg-type]
    report = synced.run()
    assert of_board(report, 0, account)[0] in {"incremental", "full"}


def test_people_who_work_while_changes_are_read(synced: Synced) -> None:
    """What changes between two answers is in this run or in the next, and never lost."""
    account, board = synced.account, synced.account.boards[0]
    left = list(range(60, 100))

    def meddle(asked: bytes, said: bytes) -> bytes:
        if any(name in asked for name in (b"Glance", b"NewestItems", b"NextItems", b"ItemsById")) and len(left) > 3:
            account.rename_item(board.item_id(left.pop()), "while it was read")
            account.delete_item(board.item_id(left.pop()))
            account.add_items(board.id, 1)
        return said

    with meddling(synced.sandbox, meddle) as url:
        for _ in range(3):
            account.rename_item(board.item_id(1), "begin")
            account.advance(600)
            with synced.app(url) as app:
                (report,) = app.sync().boards
                assert report.record.mode.value in {"incremental", "full"}
    synced.run()


def test_subitems_go_with_their_item(tmp_path: Path) -> None:
    """Their board's log says nothing of it; the count does."""
    account = Account(size=0.02)
    with Sandbox(account) as sandbox:
        synced = Synced(sandbox, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", tmp_path)
        synced.run()
        child = next(board for board in account.boards if board.type == "sub_items_board" and board.parents)
        assert child.parent is not None
        parent = child.parent_of(child.active()[0])
        assert parent is not None
        account.delete_item(parent)
        report = synced.run()
        assert modes(report)[str(child.id)] == "incremental"
        (record,) = [each.record for each in report.boards if each.record.board_id == str(child.id)]
        assert record.deleted
