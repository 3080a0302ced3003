"""What happens between the examples of a page: somebody works on the boards, or a database stands in the way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg

from boardlift.clock import SystemClock
from boardlift.destinations.sqlite import file as sqlite_file
from boardlift.ledger import Holder, Ledger
from boardlift.sandbox import Account, Fault
from support.stage import Scene, Stage

INVENTORY, FACTORIES = 18400000202, 18400000101


def delete_items(stage: Stage) -> None:
    """Half of Inventory is deleted."""
    board = stage.sandbox.account.board(INVENTORY)
    for item in [board.item_id(place) for place in board.active()][::2]:
        stage.sandbox.account.delete_item(item)


def empty_board(stage: Stage) -> None:
    board = stage.sandbox.account.board(FACTORIES)
    for item in [board.item_id(place) for place in board.active()]:
        stage.sandbox.account.delete_item(item)


def rename_column(stage: Stage) -> None:
    stage.sandbox.account.rename_column(INVENTORY, "numbers", "Stock")


def add_column(stage: Stage) -> None:
    stage.sandbox.account.add_column(INVENTORY, "text", "Shelf", column_id="text_shelf")


def misfit(stage: Stage) -> None:
    """Somebody's integration writes words into a numbers column."""
    account: Account = stage.sandbox.account
    board = account.board(INVENTORY)
    account.misfit(board.item_id(board.active()[0]), "numbers")


def hide_board(stage: Stage) -> None:
    stage.sandbox.account.set_unreadable(FACTORIES)


def show_board(stage: Stage) -> None:
    stage.sandbox.account.set_unreadable(FACTORIES, unreadable=False)


def fault(kind: str, times: int | None = None) -> Scene:
    """The API fails this way until the faults are cleared."""

    def happens(stage: Stage) -> None:
        stage.sandbox.service.faults.add(Fault(kind, times=times))  # type: ignore[arg-type]

    return happens


def clear_faults(stage: Stage) -> None:
    stage.sandbox.service.faults.clear()


def other_run(stage: Stage) -> None:
    """Another run holds the lease until the page ends."""
    from boardlift.destinations.duckdb.file import read_url

    identity = read_url(f"duckdb:///{Path.cwd() / 'warehouse.duckdb'}", "monday").identity
    ledger = stage.stack.enter_context(Ledger.open(Path.cwd() / ".boardlift" / "ledger.sqlite", SystemClock()))
    stage.lease.enter_context(ledger.lease(identity, "monday", Holder.here("boardlift sync")))


def other_run_ends(stage: Stage) -> None:
    stage.lease.close()


def notebook(stage: Stage) -> None:
    """A notebook has the DuckDB file open for writing."""
    code = "import duckdb, sys; c = duckdb.connect('warehouse.duckdb'); print('open', flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline()
    stage.lease.callback(process.wait)
    stage.lease.callback(process.kill)


def sqlite_writer(stage: Stage) -> None:
    """A program is in the middle of writing to the SQLite file; boardlift has not half a minute to wait."""
    stage.patch.setattr(sqlite_file, "PATIENCE", sqlite_file.Patience(0.1))
    code = (
        "import sqlite3, sys; c = sqlite3.connect('warehouse.db', isolation_level=None);"
        " c.execute('BEGIN IMMEDIATE'); print('writing', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline()
    stage.lease.callback(process.wait)
    stage.lease.callback(process.kill)


def foreign_table(_stage: Stage) -> None:
    """Somebody made a table where boardlift wants to put one."""
    with duckdb.connect("warehouse.duckdb") as base:
        base.execute("CREATE SCHEMA IF NOT EXISTS monday; DROP VIEW IF EXISTS monday.factories")
        base.execute("CREATE TABLE monday.factories (id INTEGER)")


def no_foreign_table(_stage: Stage) -> None:
    with duckdb.connect("warehouse.duckdb") as base:
        base.execute("DROP TABLE monday.factories")


def roles(stage: Stage) -> None:
    """Roles belong to the whole server; those of an earlier page go."""
    with psycopg.connect(stage.postgres, autocommit=True) as connection:
        for role in ("etl", "analyst"):
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


SCENES: dict[str, Callable[[Stage], None]] = {
    "half of Inventory is deleted": delete_items,
    "all factories are deleted": empty_board,
    "the column Quantity is renamed to Stock": rename_column,
    "the column Shelf is added": add_column,
    "words are written into Quantity": misfit,
    "Factories is no longer shared": hide_board,
    "Factories is shared again": show_board,
    "the daily limit is reached": fault("daily_limit"),
    "the API is down": fault("5xx"),
    "a page comes incomplete": fault("partial_page"),
    "the API works again": clear_faults,
    "another run is at work": other_run,
    "the other run ends": other_run_ends,
    "a notebook has the file open": notebook,
    "the notebook is closed": other_run_ends,
    "a program writes to the SQLite file": sqlite_writer,
    "that program ends": other_run_ends,
    "somebody makes a table called factories": foreign_table,
    "that table is dropped": no_foreign_table,
    "no roles yet": roles,
}
