"""Boards read by their changes: after each run the tables hold what the account holds, to the cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from boardlift.normalize.columns.family import Refresh
from boardlift.sandbox import Account, Sandbox
from support.commands import CommandLine, configuration
from support.synced import Synced, modes, of_board
from support.warehouses import destination

__all__ = ["destination"]  # fixtures

ITEMS = 60


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    account = Account.many(boards=3, items=ITEMS, columns=8)
    with Sandbox(account) as running:
        yield running


ENGINES = ["duckdb", "sqlite", "postgresql", "postgresql in place"]


@pytest.fixture
def synced(sandbox: Sandbox, destination: str, tmp_path: Path) -> Synced:
    return Synced(sandbox, destination, tmp_path)


def test_the_first_run_is_full_and_a_quiet_one_changes_nothing(synced: Synced) -> None:
    """A board nobody touched costs a share of one call; its generation stays."""
    first = synced.run()
    assert set(modes(first).values()) == {"full"}
    assert all(board.record.reason for board in first.boards)
    before = synced.sandbox.stats()["calls"]
    second = synced.run()
    assert set(modes(second).values()) == {"unchanged"}
    assert second.outcome is None
    assert [b.record.generation for b in second.boards] == [1, 1, 1]
    assert int(str(synced.sandbox.stats()["calls"])) - int(str(before)) == 3  # boards, shapes, one glance at all three
    assert [b.record.rows for b in second.boards] == [ITEMS] * 3


def test_edits_additions_and_deletions_arrive(synced: Synced) -> None:
    """By the log and the newest items alone; the board that was left alone keeps its generation."""
    account = synced.account
    synced.run()
    one, two = account.boards[0], account.boards[1]
    account.rename_item(one.item_id(3), "renamed")
    account.rename_item(one.item_id(4), "renamed too")
    added = account.add_items(one.id, 2)
    gone = [one.item_id(10), one.item_id(11), one.item_id(12)]
    account.delete_item(gone[0])
    account.archive_item(gone[1])
    account.move_item(gone[2], board=two.id)
    report = synced.run()
    assert of_board(report, 0, account) == ("incremental", 2, 2, 3)
    assert of_board(report, 1, account) == ("incremental", 1, 0, 0)
    assert of_board(report, 2, account) == ("unchanged", 0, 0, 0)
    assert synced.tombstones(report) == [(gone[0], "deleted"), (gone[1], "archived"), (gone[2], "moved")]
    assert added
    quiet = synced.run()
    assert set(modes(quiet).values()) == {"unchanged"}
    account.move_item(gone[2], board=one.id)
    back = synced.run()
    assert of_board(back, 0, account) == ("incremental", 1, 0, 0)
    assert synced.tombstones(back) == [(gone[0], "deleted"), (gone[1], "archived")]


def test_items_that_left_without_a_word(synced: Synced) -> None:
    """The log has a gap, and an item came and one went, so that the counts are as before: the ids tell."""
    account = synced.account
    synced.run()
    board = account.boards[0]
    account.add_items(board.id, 1)
    account.delete_item(board.item_id(20))
    account.delete_item(account.boards[1].item_id(30))
    for each in account.boards:
        each.log.clear()
    report = synced.run()
    assert of_board(report, 0, account) == ("incremental", 1, 0, 1)
    assert of_board(report, 1, account) == ("incremental", 0, 0, 1)
    assert synced.tombstones(report) == [(board.item_id(20), "deleted")]


def test_a_full_read_keeps_tombstones(synced: Synced) -> None:
    """It finds by itself what has gone, and takes over what was known before."""
    account = synced.account
    synced.run()
    board = account.boards[0]
    account.delete_item(board.item_id(5))
    synced.run()
    account.archive_item(board.item_id(6))
    report = synced.run(full=True)
    assert of_board(report, 0, account) == ("full", 0, 0, 1)
    assert {each.record.reason for each in report.boards} == {"a full read was asked for"}
    assert synced.tombstones(report) == [(board.item_id(5), "deleted"), (board.item_id(6), "archived")]


def test_random_days_of_work(synced: Synced) -> None:
    """Edits, additions, deletions, moves to and fro, with a log that loses some of it: the truth after each run."""
    account, random = synced.account, Random(7)
    synced.run()
    for _ in range(5):
        for _ in range(random.randrange(12)):
            work(account, random)
        if random.random() < 0.4:
            log = account.boards[random.randrange(3)].log
            del log[len(log) // 2 :]
        synced.run(quiet=random.random() < 0.6)
    synced.run(full=True)


def work(account: Account, random: Random) -> None:
    """One thing that a user does."""
    board = random.choice(account.boards)
    item = board.item_id(random.choice(board.active()))
    what = random.choice(["rename", "rename", "add", "delete", "archive", "move", "group", "restore"])
    if what == "rename":
        account.rename_item(item, f"name {random.randrange(1000)}")
    elif what == "add":
        account.add_items(board.id, random.randrange(1, 4))
    elif what == "delete":
        account.delete_item(item)
    elif what == "archive":
        account.archive_item(item)
    elif what == "move":
        account.move_item(item, board=random.choice(account.boards).id)
    elif what == "group":
        account.move_item(item, group=random.choice(board.groups).id)
    elif gone := [place for place, edit in board.edits.items() if edit.state != "active"]:
        account._touch(board, gone[0]).state = "active"


def test_the_command_line_tells_how_boards_were_read(sandbox: Sandbox, tmp_path: Path) -> None:
    """Mode, reason and numbers of each board, in `plan`, `sync` and `runs`."""
    text = configuration(
        sandbox.url, f"duckdb:///{tmp_path / 'warehouse.duckdb'}", more="defaults: {mode: incremental}"
    )
    command = CommandLine(tmp_path, token=sandbox.token, text=text)
    planned = command.run("plan", "--json").document["boards"][0]
    assert (planned["mode"], planned["since"], planned["reason"]) == ("full", None, "no generation of it is live")
    assert set(planned["refresh"].values()) <= {rule.value for rule in Refresh}
    assert "read in full: board_0001: no generation of it is live" in command.run("sync").err
    sandbox.account.advance(600)
    quiet = command.run("sync", "--json").document
    assert quiet["swap"] is None
    assert {board["mode"] for board in quiet["boards"]} == {"unchanged"}
    sandbox.account.rename_item(sandbox.account.boards[0].item_id(1), "renamed")
    one, *others = sorted(command.run("plan", "--json").document["boards"], key=lambda board: -board["calls"])
    assert one["since"]
    assert (one["calls"], [board["calls"] for board in others]) == (1, [0, 0])
    assert 0 < one["points"] < 500
    said = command.run("sync")
    assert "incremental" in said.out
    (run,) = command.run("runs", quiet["run"], "--json").document["runs"]
    assert [board["mode"] for board in run["boards"]] == ["unchanged"] * 3
    full = command.run("sync", "--full", "--json").document
    assert {board["reason"] for board in full["boards"]} == {"a full read was asked for"}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_builds_what_a_full_read_builds(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Row by row, as the engine itself compares them, in all tables of the board."""
    if engine.startswith("postgresql"):
        url = str(request.getfixturevalue("postgres_url"))
    else:
        url = f"{engine}:///{tmp_path / 'warehouse'}"
    by_changes_and_in_full(url, tmp_path, replace="in_place" if "in place" in engine else "swap")


def test_mariadb_builds_what_a_full_read_builds(mariadb_url: str, tmp_path: Path) -> None:
    """So does a server that takes no part in our transactions."""
    by_changes_and_in_full(mariadb_url, tmp_path)


def by_changes_and_in_full(url: str, folder: Path, **defaults: object) -> None:
    """Two runs by changes, one in full, and a comparison of the last two generations."""
    account = Account.many(boards=1, items=ITEMS, columns=0)
    account.builder.columns(account.boards[0], "text numbers status date dropdown people checkbox")
    random, key = Random(3), str(account.boards[0].id)
    with Sandbox(account) as sandbox:
        synced = Synced(sandbox, url, folder, **defaults)
        with synced.app() as app:
            app.sync()
        for _ in range(2):
            for _ in range(15):
                work(account, random)
            account.advance(600)
            with synced.app() as app:
                (done,) = app.sync().boards
                assert done.record.mode.value == "incremental"
        with synced.app() as app:
            app.sync(full=True)
            assert app.destination.contents(key, 3) == app.destination.contents(key, 4)
