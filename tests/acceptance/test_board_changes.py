"""Boards change while nobody looks, and while we look: names stay, shapes follow, and every shape can come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.cli.errors import FAILED, OK
from boardlift.sandbox import Account, Sandbox
from support.commands import CommandLine, configuration
from support.meddler import meddling
from support.rounds import reading, strays
from support.warehouses import destination

__all__ = ["destination"]  # fixtures


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    account = Account.many(boards=1, items=30, columns=0)
    board = account.boards[0]
    account.rename_board(board.id, "Planning")
    account.builder.columns(board, "text numbers status people")
    with Sandbox(account) as running:
        yield running


def shape(destination: str, table: str = "planning") -> dict[str, str]:
    """Column names and types of a live table."""
    with reading(destination) as connection:
        return dict(
            connection.execute(
                "SELECT column_name, data_type FROM information_schema.columns"
                f" WHERE table_schema = 'monday' AND table_name = '{table}' ORDER BY ordinal_position"
            ).fetchall()
        )


def count(destination: str, table: str = "planning") -> int:
    with reading(destination) as connection:
        return int(connection.execute(f"SELECT count(*) FROM monday.{table}").fetchall()[0][0])


def columns_by_type(sandbox: Sandbox) -> dict[str, str]:
    return {column.type: column.id for column in sandbox.account.boards[0].columns}


def test_every_change_of_a_board_and_back_again(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """Rename, add, delete, retype, rename the board: `plan` tells, `sync` follows, rollback and forward bring back."""
    account, board = sandbox.account, sandbox.account.boards[0]
    command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination))
    assert command.run("sync").code == OK
    first = shape(destination)
    ids = columns_by_type(sandbox)
    number = next(name for name, kind in first.items() if "decimal" in kind.lower() or "numeric" in kind.lower())

    account.rename_column(board.id, ids["text"], "Quite another title")
    account.rename_board(board.id, "Quite another board")
    renamed = command.run("plan", "--json").document["boards"][0]
    assert renamed["table"] == "monday.planning"
    assert command.run("sync").code == OK
    assert shape(destination) == first, "a title changed, and with it a name"

    account.add_column(board.id, "date", "Due date", column_id="due", filled=1.0)
    account.delete_column(board.id, ids["people"])
    account.retype_column(board.id, ids["numbers"], "date")
    planned = " ".join(command.run("plan", "--json").document["boards"][0]["changes"])
    gone = [name for name in first if f"column {name} is gone" in planned]
    assert "due_date" in planned, planned
    assert number in planned, planned
    assert len(gone) == 1, planned
    done = command.run("sync", "--json")
    assert done.code == OK, done.err
    assert " ".join(done.document["boards"][0]["changes"]) == planned
    third = shape(destination)
    assert third != first
    assert "due_date" in third
    assert not any("numeric" in kind.lower() or "decimal" in kind.lower() for kind in third.values())
    assert command.run("plan", "--json").document["boards"][0]["changes"] == []

    assert command.run("rollback", "planning").code == OK
    assert shape(destination) == first
    assert command.run("rollback", "planning", "--to", "1").code == OK
    assert shape(destination) == first
    assert command.run("rollback", "planning", "--forward").code == OK
    assert command.run("rollback", "planning", "--forward").code == OK
    assert shape(destination) == third
    assert count(destination) == 30
    assert command.run("sync").code == OK
    assert shape(destination) == third
    assert strays(destination) == []


def test_a_column_that_comes_back_has_its_old_name(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """A new column of a deleted one's title does not take its name: the name belongs to the id for ever."""
    account, board = sandbox.account, sandbox.account.boards[0]
    command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination))
    account.add_column(board.id, "text", "Budget", column_id="budget_old", filled=1.0)
    assert command.run("sync").code == OK
    account.delete_column(board.id, "budget_old")
    account.add_column(board.id, "text", "Budget", column_id="budget_new", filled=1.0)
    account.add_column(board.id, "numbers", "Budget", column_id="budget_two", filled=1.0)
    assert command.run("sync").code == OK
    names = set(shape(destination))
    assert "budget" not in names
    assert {"budget_budget_new", "budget_budget_two"} <= names
    account.add_column(board.id, "text", "Something else", column_id="budget_old", filled=1.0)
    assert command.run("sync").code == OK
    assert "budget" in shape(destination)


@pytest.mark.parametrize("change", ["delete", "retype"])
def test_a_column_that_goes_while_the_board_is_read(
    sandbox: Sandbox, destination: str, tmp_path: Path, change: str
) -> None:
    """The board is read again with its new shape in the same run; nothing of the first attempt remains."""
    account, board = sandbox.account, sandbox.account.boards[0]
    ids = columns_by_type(sandbox)
    done: list[bool] = []

    def meddle(asked: bytes, said: bytes) -> bytes:
        if b"NextItems" in asked and not done:
            done.append(True)
            if change == "delete":
                account.delete_column(board.id, ids["people"])
            else:
                account.retype_column(board.id, ids["people"], "numbers")
        return said

    with meddling(sandbox, meddle) as url:
        text = configuration(url, destination, account="page_size: 10")
        command = CommandLine(tmp_path, token=sandbox.token, text=text)
        ended = command.run("sync")
    assert ended.code == OK, ended.err
    assert done
    assert count(destination) == 30
    assert strays(destination) == [], "tables of the first attempt stayed behind"


def test_a_board_that_never_rests(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """When its columns change during the second reading too, the run fails, says which column, and changes nothing."""
    account, board = sandbox.account, sandbox.account.boards[0]
    kinds = {"text": "numbers", "numbers": "text"}
    column = columns_by_type(sandbox)["text"]

    def meddle(asked: bytes, said: bytes) -> bytes:
        if b"FirstItems" in asked:
            account.retype_column(board.id, column, kinds[board.column(column).type])
        return said

    command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination))
    assert command.run("sync").code == OK
    before = shape(destination)
    with meddling(sandbox, meddle) as url:
        command.config.write_text(configuration(url, destination, account="page_size: 10"))
        ended = command.run("sync")
    assert ended.code == FAILED
    assert "changed its column" in ended.err
    assert "Production was not changed." in ended.err
    assert shape(destination) == before


@pytest.mark.parametrize("change", ["add", "delete"])
def test_items_that_come_and_go_while_the_board_is_read(
    sandbox: Sandbox, destination: str, tmp_path: Path, change: str
) -> None:
    """People work while we read: the count is a range, the run succeeds, the key is unique."""
    account, board = sandbox.account, sandbox.account.boards[0]

    def meddle(asked: bytes, said: bytes) -> bytes:
        if b"FirstItems" in asked or b"NextItems" in asked:
            if change == "add":
                account.add_items(board.id, 2)
            else:
                account.delete_item(board.item_id(board.active()[-1]))
        return said

    with meddling(sandbox, meddle) as url:
        command = CommandLine(
            tmp_path, token=sandbox.token, text=configuration(url, destination, account="page_size: 10")
        )
        ended = command.run("sync")
    assert ended.code == OK, ended.err
    assert 27 <= count(destination) <= 36


def test_a_board_that_is_gone(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """A deleted board named by id is an error that names it; its table stays as it was."""
    board = sandbox.account.boards[0]
    text = configuration(sandbox.url, destination, more=f"boards:\n  - id: {board.id}")
    command = CommandLine(tmp_path, token=sandbox.token, text=text)
    assert command.run("sync").code == OK
    sandbox.account.delete_board(board.id)
    ended = command.run("sync")
    assert ended.code == FAILED, ended.said
    assert str(board.id) in ended.err
    assert "Production was not changed." in ended.err
    assert count(destination) == 30
