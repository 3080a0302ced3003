"""What the command line says of replacing live tables: the plan, the refusal, the space, and the rehearsal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from boardlift.cli.errors import FAILED, OK, USAGE
from boardlift.sandbox import Account, Sandbox, SandboxOptions
from support.commands import CommandLine, configuration

BOARD = 18400000101
BOARDS = f"boards: [{{id: {BOARD}}}]"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account(size=0.02), SandboxOptions()) as running:
        yield running


def command(folder: Path, sandbox: Sandbox, more: str = BOARDS) -> CommandLine:
    text = configuration(sandbox.url, "duckdb:///warehouse.duckdb", more=more)
    return CommandLine(folder, token=sandbox.token, text=text)


def ask(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        return connection.execute(sql).fetchall()


def everything(folder: Path) -> list[object]:
    """Objects of the file, the catalogue and the rows of the live table."""
    return [
        ask(folder, "SELECT table_schema, table_name, table_type FROM information_schema.tables ORDER BY ALL"),
        ask(folder, "SELECT g::VARCHAR FROM monday__boardlift.generations AS g ORDER BY ALL"),
        ask(folder, "SELECT f::VARCHAR FROM monday.factories AS f ORDER BY ALL"),
    ]


def item_calls(sandbox: Sandbox) -> int:
    """Calls that read items, by what the account counted."""
    operations = sandbox.service.stats.record()["operations"]
    return sum(counts["calls"] for name, counts in operations.items() if name in {"FirstItems", "NextItems"})


def test_what_stands_in_the_way_is_told_before_an_item_is_read(tmp_path: Path, sandbox: Sandbox) -> None:
    """The plan lists it and what is kept; the sync names object and board, asks for no item, and changes nothing."""
    assert command(tmp_path, sandbox).run("sync", "-q").code == OK
    ask(tmp_path, "CREATE SCHEMA reports")
    ask(tmp_path, "CREATE VIEW reports.due AS SELECT due_date FROM monday.factories")
    ask(tmp_path, "CREATE VIEW reports.named AS SELECT name FROM monday.factories")
    before = everything(tmp_path)
    line = command(tmp_path, sandbox, f"boards: [{{id: {BOARD}, columns: {{date: {{exclude: true}}}}}}]")
    plan = line.run("plan")
    assert plan.code == FAILED
    assert "kept: monday.factories: view reports.named\n" in plan.err
    assert "obstacle: monday.factories: the view reports.due reads monday.factories" in plan.err
    (board,) = line.run("plan", "--json").document["boards"]
    found = {each["table"]: each for each in board["replacements"]}
    assert found["monday.factories"]["way"] == "swap"
    assert found["monday.factories"]["carried"] == ["view reports.named"]
    assert len(found["monday.factories"]["obstacles"]) == 1
    assert found["monday.factories__groups"]["obstacles"] == []
    read = item_calls(sandbox)
    sync = line.run("sync", "-q")
    assert sync.code == FAILED
    assert "board 18400000101 ('Factories'), table factories: the view reports.due" in sync.err
    assert "Production was not changed." in sync.err
    assert item_calls(sandbox) == read > 0
    assert everything(tmp_path) == before


def test_a_plan_before_the_first_sync_makes_no_file(tmp_path: Path, sandbox: Sandbox) -> None:
    """Planning changes nothing, not even where nothing is."""
    assert command(tmp_path, sandbox).run("plan").code == OK
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_in_place_is_refused_where_it_is_not_offered(tmp_path: Path, sandbox: Sandbox) -> None:
    """By the plan and by the sync, with the reason; before monday is asked for anything."""
    line = command(tmp_path, sandbox, f"defaults: {{replace: in_place}}\n{BOARDS}")
    for verb in ("plan", "sync"):
        ended = line.run(verb)
        assert ended.code == USAGE
        assert "DuckDB does not offer" in ended.err


def test_indexes_of_the_configuration_are_made(tmp_path: Path, sandbox: Sandbox) -> None:
    """By SQL name and by column id; one that cannot be is refused with what could be meant."""
    wanted = "[[name, item_id], {columns: [date], unique: false}]"
    assert command(tmp_path, sandbox, f"boards: [{{id: {BOARD}, indexes: {wanted}}}]").run("sync", "-q").code == OK
    made = ask(tmp_path, "SELECT expressions FROM duckdb_indexes() WHERE table_name = 'factories__g1' ORDER BY 1")
    assert [row[0] for row in made] == ["['\"name\"', item_id]", "[due_date]"]
    ended = command(tmp_path, sandbox, f"boards: [{{id: {BOARD}, indexes: [[colour]]}}]").run("plan")
    assert ended.code == USAGE
    assert "due_date" in ended.err


def test_a_rehearsal_tells_and_touches_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    """Rows, fingerprints and seconds of both ways; the file is as it was, and no run is recorded."""
    line = command(tmp_path, sandbox)
    for _ in range(2):
        assert line.run("sync", "-q").code == OK
    before, runs = everything(tmp_path), line.run("runs", "--json").document
    ended = line.run("rollback", "factories", "--rehearse", "--json")
    assert ended.code == OK, ended.err
    assert "into monday_rehearsal on the same server" in ended.err
    document = ended.document
    assert document["same"] is True
    assert {(t["step"], t["generation"]) for t in document["tables"]} == {("back", 1), ("forward", 2)}
    assert [t["rows"] for t in document["tables"] if t["table"] == "factories"] == [3, 3]
    assert all(t["stored"] == t["rehearsed"] and t["seconds"] >= 0 for t in document["tables"])
    assert everything(tmp_path) == before
    assert line.run("runs", "--json").document == runs
    assert line.run("rollback", "factories", "--rehearse", "--to", "7").code == FAILED
    assert line.run("rollback", "factories", "-c", "boardlift.yaml").code == OK
    (tmp_path / ".boardlift" / "ledger.sqlite").unlink()
    unknown = line.run("rollback", "factories", "--rehearse", "--forward")
    assert unknown.code == FAILED
    assert "does not know the tables of generation 2" in unknown.err


def test_nothing_live_is_said(tmp_path: Path, sandbox: Sandbox) -> None:
    """A rollback of everything, where there is nothing, is not a success."""
    line = command(tmp_path, sandbox)
    for extra in ([], ["--rehearse"]):
        ended = line.run("rollback", "--all", *extra)
        assert ended.code == FAILED
        assert "nothing to roll back" in ended.err


def test_space_and_waiting_are_shown(tmp_path: Path, sandbox: Sandbox) -> None:
    """Bytes of each generation, and how often each swap asked for its locks."""
    line = command(tmp_path, sandbox)
    assert line.run("sync", "-q").code == OK
    (generation,) = line.run("generations", "--json").document["generations"]
    assert generation["bytes"] > 50_000
    assert " kB " in line.run("generations").out
    (run,) = line.run("runs", "--json").document["runs"]
    assert (run["attempts"], run["blocked_ms"]) == (1, 0.0)
