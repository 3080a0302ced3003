"""Test mode: 500 records of each board in a namespace of their own, under the names they will have."""

from __future__ import annotations

from pathlib import Path

import pytest

from boardlift.cli.errors import OK
from boardlift.sandbox import Account, Sandbox
from support.commands import CommandLine, configuration
from support.rounds import reading, tables


@pytest.mark.parametrize("engine", ["duckdb", "postgresql"])
def test_test_mode_takes_500_and_touches_nothing(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The live namespace is as before, the test namespace has the same tables, and a sync afterwards is whole."""
    destination = (
        f"duckdb:///{tmp_path / 'w.duckdb'}" if engine == "duckdb" else str(request.getfixturevalue("postgres_url"))
    )
    with Sandbox(Account.many(boards=2, items=620, columns=3)) as sandbox:
        account = sandbox.account
        small = account.builder.board("Small", 7, lambda place: f"item {place}", ("Only",))
        account.builder.columns(small, "text status")
        command = CommandLine(tmp_path, token=sandbox.token, text=configuration(sandbox.url, destination))
        tested = command.run("sync", "--test", "--json")
        assert tested.code == OK, tested.err
        with reading(destination) as connection:
            assert tables(connection, "monday") == []
            names = tables(connection, "monday_test")
            counted = {
                name: connection.execute(f"SELECT count(*) FROM monday_test.{name}").fetchall()[0][0]
                for name in names
                if "__" not in name
            }
        assert sorted(counted.values()) == [7, 500, 500]
        assert {board["table"] for board in tested.document["boards"]} == {f"monday_test.{name}" for name in counted}
        assert command.run("sync").code == OK
        with reading(destination) as connection:
            assert tables(connection, "monday") == names
            whole = {
                name: connection.execute(f"SELECT count(*) FROM monday.{name}").fetchall()[0][0] for name in counted
            }
            before = connection.execute("SELECT max(generation) FROM monday__boardlift.generations").fetchall()
        assert sorted(whole.values()) == [7, 620, 620]
        assert command.run("sync", "--test").code == OK
        with reading(destination) as connection:
            after = connection.execute("SELECT max(generation) FROM monday__boardlift.generations").fetchall()
        assert before == after
        kinds = [run["kind"] for run in command.run("runs", "--json").document["runs"]]
        assert kinds == ["test", "sync", "test"]
