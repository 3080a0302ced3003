"""Whatever happens to a listener, no event that was answered with 200 is lost."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from boardlift.cli.errors import OK
from boardlift.clock import SystemClock
from boardlift.destinations.duckdb.file import read_url
from boardlift.ledger import Holder, Ledger
from boardlift.sandbox import Account, Fault, Sandbox
from support.commands import CommandLine, configuration
from support.listening import command, event, listening, sandbox, select, template, wait_until

KILLS = int(os.environ.get("BOARDLIFT_LISTEN_KILLS", "2"))
"""How many listeners are killed. The promise was tested with 40."""

__all__ = ["command", "sandbox", "template"]  # fixtures


class Board:
    """A board whose first item gets a new name, which is found in its table after a sync."""

    def __init__(self, sandbox: Sandbox, number: int) -> None:
        self._account = sandbox.account
        held = sandbox.account.boards[number]
        self.id, self.item, self.title = held.id, held.item_id(0), held.name

    def rename(self, name: str) -> dict[str, object]:
        """Changes the account; out: the webhook that tells of it."""
        self._account.rename_item(self.item, name)
        return event(self.id, self.item)

    def live(self, command: CommandLine) -> str:
        table = self.title.lower().replace(" ", "_")
        (name,) = select(command, f"SELECT name FROM monday.{table} WHERE item_id = {self.item}")
        return str(name)


def dirty(command: CommandLine) -> list[str]:
    with closing(sqlite3.connect(command.folder / ".boardlift" / "ledger.sqlite")) as ledger:
        return [row[0] for row in ledger.execute("SELECT DISTINCT board_id FROM dirty_boards ORDER BY 1")]


def test_an_event_during_a_sync_starts_the_next(sandbox: Sandbox, command: CommandLine) -> None:
    """The change comes after the page with the item was read: the first sync misses it, the second has it."""
    board = Board(sandbox, 0)
    with listening(command, "--quiet-for", "0.1") as running:
        sandbox.service.faults.add(Fault("slow", seconds=4, operation="NextItems"))
        running.post(board.rename("first"))
        wait_until(lambda: running.told("board_started"))
        assert running.post(board.rename("second")).json() == {"status": "recorded"}
        assert running.told("synced") == []
        wait_until(lambda: len(running.told("synced")) == 2)
        assert board.live(command) == "second"
        assert running.health()["dirty_boards"] == 0
        order = [record["event"] for record in running.log if record["event"] in ("sync", "synced")]
        assert order == ["sync", "synced", "sync", "synced"]


def test_a_killed_listener_loses_nothing(sandbox: Sandbox, command: CommandLine) -> None:
    """`kill -9` between the answer and the sync; nobody sends the event again."""
    board = Board(sandbox, 0)
    with listening(command, "--quiet-for", "60", "--at-most", "60") as running:
        assert running.post(board.rename("before the crash")).status_code == 200
        running.kill()
    assert board.live(command) != "before the crash"
    assert dirty(command) == [str(board.id)]
    with listening(command, "--quiet-for", "60", "--at-most", "60") as running:
        wait_until(lambda: running.told("synced"))
        assert running.told("left_over")
        assert board.live(command) == "before the crash"
        assert running.stop() == OK
    assert dirty(command) == []


def test_a_listener_killed_in_a_sync_loses_nothing(sandbox: Sandbox, command: CommandLine) -> None:
    board = Board(sandbox, 0)
    sandbox.service.faults.add(Fault("slow", seconds=3, operation="NextItems"))
    with listening(command, "--quiet-for", "0") as running:
        assert running.post(board.rename("in the crash")).status_code == 200
        wait_until(lambda: running.told("board_started"))
        running.kill()
    assert dirty(command) == [str(board.id)]
    with listening(command) as running:
        wait_until(lambda: running.told("synced"))
        assert board.live(command) == "in the crash"
        running.stop()
    assert dirty(command) == []


@pytest.mark.timeout(900)
def test_killed_at_any_moment_no_answered_event_is_lost(sandbox: Sandbox, command: CommandLine) -> None:
    """People edit and webhooks come while listeners are killed; what the last of them was told, the tables have."""
    moments = random.Random(20261123)
    both = [Board(sandbox, 0), Board(sandbox, 1)]
    told: dict[int, str] = {}
    for kill in range(KILLS):
        with listening(command, "--quiet-for", "0.05") as running:
            for number in range(6):
                board = moments.choice(both)
                name = f"{kill}.{number}"
                assert running.post(board.rename(name)).status_code == 200
                told[board.id] = name
                time.sleep(moments.uniform(0, 0.4))
            running.kill()
    with listening(command, "--quiet-for", "0.05") as running:
        wait_until(lambda: not dirty(command))
        running.stop()
    assert {board.id: board.live(command) for board in both if board.id in told} == told


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_a_sync_is_quick_and_loses_nothing(sandbox: Sandbox, command: CommandLine, number: int) -> None:
    """Exit code 0, production as it was, and the next start syncs."""
    board = Board(sandbox, 0)
    sandbox.service.faults.add(Fault("slow", seconds=40, operation="NextItems"))
    with listening(command, "--quiet-for", "0") as running:
        running.post(board.rename("not yet"))
        wait_until(lambda: running.told("board_started"))
        time.sleep(0.3)
        began = time.monotonic()
        running.process.send_signal(number)
        assert running.ended() == OK
        assert time.monotonic() - began < 20
    (stopped,) = running.told("stopped")
    assert "Production was not changed." in stopped["during_sync"]
    assert running.told("words") == []
    assert board.live(command) != "not yet"
    sandbox.service.faults.clear()
    with listening(command) as running:
        wait_until(lambda: running.told("synced"))
        assert board.live(command) == "not yet"


def test_a_locked_ledger_is_answered_with_come_again(sandbox: Sandbox, command: CommandLine) -> None:
    """In seconds, with 503, so that monday.com sends it again; health says so, and the second try counts."""
    board = Board(sandbox, 0)
    with listening(command, "--quiet-for", "0.1") as running:
        body = board.rename("told twice")
        with closing(sqlite3.connect(command.folder / ".boardlift" / "ledger.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            assert running.post(body).status_code == 503
            assert time.monotonic() - began < 20
            assert running.health()["status"] == "ledger"
            assert running.post(event(4711)).json() == {"status": "unknown board"}
            other.execute("ROLLBACK")
        wait_until(lambda: running.post(body).status_code == 200)
        wait_until(lambda: running.told("synced"))
        assert board.live(command) == "told twice"
        assert running.stop() == OK


def test_a_held_lease_is_waited_for(sandbox: Sandbox, command: CommandLine) -> None:
    """Another sync is at work: no sync fails for good, and the change is brought over once it is done."""
    board = Board(sandbox, 0)
    identity = read_url(f"duckdb:///{command.folder / 'warehouse.duckdb'}", "monday").identity
    with listening(command, "--quiet-for", "0.1") as running:
        with Ledger.open(command.folder / ".boardlift" / "ledger.sqlite", SystemClock()) as ledger:
            with ledger.lease(identity, "monday", Holder.here("boardlift sync")):
                running.post(board.rename("after the lease"))
                wait_until(lambda: len(running.told("sync_failed")) == 2)
            assert running.health()["last_sync"]["error"] == "LeaseHeld"
            assert running.health()["dirty_boards"] == 1
        wait_until(lambda: running.told("synced"))
        assert board.live(command) == "after the lease"
        waits = [record["again_in"] for record in running.told("sync_failed")]
        assert waits == sorted(waits)


def test_a_sync_of_another_process_counts(sandbox: Sandbox, command: CommandLine) -> None:
    """What a scheduled sync has brought over meanwhile is not synced again."""
    board = Board(sandbox, 0)
    with listening(command, "--quiet-for", "60", "--at-most", "60") as running:
        running.post(board.rename("by the schedule"))
        running.kill()
    assert command.run("sync", "--quiet").code == OK
    with listening(command) as running:
        time.sleep(1)
        assert running.told("sync") == []
        assert running.health()["dirty_boards"] == 0
    assert dirty(command) == []


def test_a_source_that_fails_for_a_while_is_tried_again(sandbox: Sandbox, command: CommandLine) -> None:
    board = Board(sandbox, 0)
    sandbox.service.faults.add(Fault("5xx", times=None))
    with listening(command, "--quiet-for", "0.1") as running:
        running.post(board.rename("after the storm"))
        wait_until(lambda: running.told("sync_failed"))
        assert dirty(command) == [str(board.id)]
        sandbox.service.faults.clear()
        wait_until(lambda: running.told("synced"))
        assert board.live(command) == "after the storm"


def test_one_bad_board_does_not_hold_up_the_others(sandbox: Sandbox, command: CommandLine) -> None:
    """Both changed, one cannot be read any more: the other is live soon, and the bad one stays dirty."""
    good, bad = Board(sandbox, 0), Board(sandbox, 1)
    for operation in ("BundledItems", "FirstItems"):
        sandbox.service.faults.add(Fault("internal_error_200", board=bad.id, operation=operation, times=None))
    with listening(command, "--quiet-for", "0.3") as running:
        running.post(event(bad.id, bad.item))
        running.post(good.rename("unharmed"))
        wait_until(lambda: running.told("synced"))
        assert good.live(command) == "unharmed"
        wait_until(lambda: dirty(command) == [str(bad.id)])
        wait_until(lambda: running.health()["dirty_boards"] == 1)
        running.stop()
    assert dirty(command) == [str(bad.id)]
    sandbox.service.faults.clear()


def test_a_board_that_is_not_chosen_any_more_waits_for_nothing(sandbox: Sandbox, command: CommandLine) -> None:
    """It had a table once, so its event is taken; it is dropped when it is clear that no sync can bring it over."""
    gone, chosen = Board(sandbox, 0), Board(sandbox, 1)
    with command.config.open("a", encoding="utf-8") as config:
        config.write(f"boards: [{{id: {chosen.id}}}]\n")
    with listening(command, "--quiet-for", "0.3") as running:
        assert running.post(event(gone.id, gone.item)).json() == {"status": "recorded"}
        running.post(chosen.rename("chosen"))
        wait_until(lambda: running.told("not_configured") and running.told("synced"))
        assert chosen.live(command) == "chosen"
        wait_until(lambda: running.health()["dirty_boards"] == 0)
        assert {record["boards"] for record in running.told("sync")} <= {
            f"{gone.id} {chosen.id}",
            f"{chosen.id} {gone.id}",
            str(gone.id),
            str(chosen.id),
        }
        assert running.post(event(gone.id, gone.item)).json() == {"status": "unknown board"}
    assert dirty(command) == []


def test_subitems_are_brought_over_with_the_board_above(tmp_path: Path) -> None:
    """The event is of the hidden board; the one that holds the parent items is synced."""
    with Sandbox(Account(size=0.02)) as sandbox:
        hidden = next(board for board in sandbox.account.boards if board.parent and board.active())
        assert hidden.parent
        parent = hidden.parent.id
        text = configuration(
            sandbox.url, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", more=f"boards: [{{id: {parent}}}]"
        )
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        assert command.run("sync", "--quiet").code == OK
        item = hidden.item_id(hidden.active()[0])
        with listening(command, "--quiet-for", "0.1") as running:
            sandbox.account.rename_item(item, "a subitem by another name")
            running.post(event(hidden.id, item, parentItemBoardId=str(parent)))
            wait_until(lambda: running.told("synced"))
            assert [record["boards"] for record in running.told("sync")] == [str(parent)]
        with Ledger.open(tmp_path / ".boardlift" / "ledger.sqlite", SystemClock()) as ledger:
            table = ledger.bound_tables()[str(hidden.id), "", ""]
        assert "a subitem by another name" in select(command, f"SELECT name FROM monday.{table}")
        assert dirty(command) == []


def test_a_pass_over_all_boards_does_not_clean_what_it_did_not_bring(sandbox: Sandbox, command: CommandLine) -> None:
    """A board that went out of boardlift.yaml while it was dirty is asked for alone, and only then dropped."""
    gone, chosen = Board(sandbox, 0), Board(sandbox, 1)
    with listening(command, "--quiet-for", "60", "--at-most", "60") as running:
        running.post(event(gone.id, gone.item))
        running.post(chosen.rename("by the pass"))
        running.kill()
    with command.config.open("a", encoding="utf-8") as config:
        config.write(f"boards: [{{id: {chosen.id}}}]\n")
    with listening(command, "--every", "1h") as running:
        wait_until(lambda: running.told("not_configured"))
        assert [record["boards"] for record in running.told("sync")] == ["all", str(gone.id)]
        assert chosen.live(command) == "by the pass"
        wait_until(lambda: not dirty(command))


def test_a_board_that_fails_beside_its_subitems_stays_dirty(tmp_path: Path) -> None:
    """The run succeeds, for the subitems went live; the event is not forgotten, and the board is tried again."""
    with Sandbox(Account(size=0.02)) as sandbox:
        hidden = next(board for board in sandbox.account.boards if board.parent and board.active())
        assert hidden.parent
        parent = hidden.parent
        text = configuration(
            sandbox.url,
            f"duckdb:///{tmp_path / 'warehouse.duckdb'}",
            account="retries: 0",
            more=f"boards: [{{id: {parent.id}}}]",
        )
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        assert command.run("sync", "--quiet").code == OK
        item = parent.item_id(parent.active()[0])
        with listening(command, "--quiet-for", "0.1") as running:
            sandbox.account.rename_item(item, "a parent by another name")
            for operation in ("FirstItems", "BundledItems"):
                sandbox.service.faults.add(
                    Fault("internal_error_200", times=None, operation=operation, board=parent.id)
                )
            running.post(event(parent.id, item))
            wait_until(lambda: running.told("board_failed"))
            assert running.told("board_failed")[0]["board"] == str(parent.id)
            assert dirty(command) == [str(parent.id)]
            sandbox.service.faults.clear()
            wait_until(lambda: dirty(command) == [])
        with Ledger.open(tmp_path / ".boardlift" / "ledger.sqlite", SystemClock()) as ledger:
            table = ledger.bound_tables()[str(parent.id), "", ""]
        assert "a parent by another name" in select(command, f"SELECT name FROM monday.{table}")
