"""Values that do not fit are set aside, not lost; types nobody knows arrive as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.cli.errors import OK
from boardlift.sandbox import Account, Sandbox
from support.commands import CommandLine, configuration
from support.meddler import meddling
from support.rounds import reading
from support.warehouses import destination

__all__ = ["destination"]  # fixtures


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    account = Account.many(boards=1, items=12, columns=0)
    board = account.boards[0]
    account.rename_board(board.id, "Planning")
    account.add_column(board.id, "numbers", "Amount", column_id="amount", filled=1.0)
    account.add_column(board.id, "date", "Due", column_id="due", filled=1.0)
    account.add_column(board.id, "text", "Note", column_id="note", filled=1.0)
    for place in range(12):
        values = {"amount": f"{place}.5", "due": {"date": "2026-06-15"}, "note": f"note {place}"}
        account.change_item(board.item_id(place), values)
    with Sandbox(account) as running:
        yield running


def test_misfits_are_set_aside_with_their_reason(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """Item, column, value and reason lie in `planning__quarantine`; the cell is NULL; the run says so."""
    board = sandbox.account.boards[0]
    amount, due = board.item_id(3), board.item_id(7)
    sandbox.account.misfit(amount, "amount")
    sandbox.account.misfit(due, "due")
    command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination))
    ended = command.run("sync", "--json")
    assert ended.code == OK, ended.err
    assert ended.document["boards"][0]["quarantined"] == 2
    with reading(destination) as connection:
        rows = connection.execute(
            "SELECT item_id, column_id, column_name, value, reason FROM monday.planning__quarantine ORDER BY item_id"
        ).fetchall()
        cells = connection.execute(
            f"SELECT item_id, amount, due FROM monday.planning WHERE item_id IN ({amount}, {due}) ORDER BY item_id"
        ).fetchall()
        others = connection.execute(
            "SELECT count(*) FROM monday.planning WHERE amount IS NOT NULL AND due IS NOT NULL"
            f" AND item_id NOT IN ({amount}, {due})"
        ).fetchall()
    assert [(row[0], row[1], row[2]) for row in rows] == [(amount, "amount", "amount"), (due, "due", "due")]
    assert rows[0][3] == "n/a"
    assert "2026-02-31" in rows[1][3]
    assert all(row[4].startswith("not a") for row in rows)
    assert cells[0][1] is None and cells[0][2] is not None
    assert cells[1][2] is None and cells[1][1] is not None
    assert others[0][0] == 10
    told = command.run("sync")
    assert "quarantine: 2 values of planning" in told.err


def test_a_value_that_would_be_rounded_is_told(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """A narrower type keeps what it can; what it cannot keep whole is in quarantine."""
    board = sandbox.account.boards[0]
    for place, value in enumerate(("1.005", "12.50", "1e3", "123456789012.25")):
        sandbox.account.change_item(board.item_id(place), {"amount": value})
    for place in range(4, 12):
        sandbox.account.change_item(board.item_id(place), {"amount": None})
    more = f"boards:\n  - {{id: {board.id}, columns: {{amount: {{type: 'decimal(8,2)'}}}}}}"
    command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination, more=more))
    assert command.run("sync").code == OK
    with reading(destination) as connection:
        rows = connection.execute("SELECT value FROM monday.planning__quarantine ORDER BY value").fetchall()
    assert [value for (value,) in rows] == ["1.005", "123456789012.25"]


def test_a_column_of_a_type_nobody_knows(sandbox: Sandbox, destination: str, tmp_path: Path) -> None:
    """It becomes JSON under its own name; `plan` and `sync` report it."""

    def meddle(asked: bytes, said: bytes) -> bytes:
        if b"BoardShapes" in asked or b"BoardCounts" in asked:
            return said.replace(b'"type":"text"', b'"type":"hologram"')
        return said

    with meddling(sandbox, meddle) as url:
        command = CommandLine(tmp_path, token=sandbox.token, text=configuration(url, destination))
        planned = command.run("plan", "--json")
        ended = command.run("sync", "--json")
        told = command.run("sync")
    assert planned.document["boards"][0]["unknown_types"] == ["note (hologram)"]
    assert ended.code == OK, ended.err
    assert ended.document["boards"][0]["unknown_types"] == ["note (hologram)"]
    assert "'hologram', which this release does not know" in told.err
    with reading(destination) as connection:
        rows = connection.execute("SELECT CAST(note AS text) FROM monday.planning").fetchall()
    assert len(rows) == 12
    assert all(isinstance(json.loads(value), str) for (value,) in rows)
