"""One item, one cell, one column or one board that monday fails on: found, told, and nothing else suffers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.app import App
from boardlift.errors import SourceUnavailable
from boardlift.sandbox import Account, Fault, Sandbox
from boardlift.settings import AccountSettings, Loaded, Secret, Settings
from support.clocks import FastClock

ITEMS = 90


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Account.many(boards=3, items=ITEMS, columns=6)) as running:
        yield running


@pytest.fixture
def app(sandbox: Sandbox, tmp_path: Path) -> Iterator[App]:
    destination = f"duckdb:///{tmp_path / 'w.duckdb'}"
    account = AccountSettings(url=sandbox.url, retries=1, page_size=50, prefer="calls")
    settings = Settings(destination=destination, account=account)
    loaded = Loaded(settings, tmp_path, Secret(sandbox.token), Secret(destination))
    with App(loaded, clock=FastClock()) as opened:
        yield opened


def always(**where: int | str) -> Fault:
    return Fault("internal_error_200", times=None, **where)  # type: ignore[arg-type]


def test_a_cell_that_cannot_be_computed_is_empty_and_told(sandbox: Sandbox, app: App) -> None:
    """The item is there with all its other cells; the cell is in quarantine with what monday said."""
    board = sandbox.account.boards[0]
    item, column = board.item_id(37), board.columns[2].id
    sandbox.service.faults.add(always(item=item, column=column))
    report = app.sync()
    plan = next(each.plan for each in report.boards if each.plan.key == str(board.id))
    found = app.destination.query(f"SELECT item_id, column_id, value, reason FROM monday.{plan.quarantine.name}")[1]
    assert [(row[0], row[1], row[2]) for row in found if row[1] == column] == [(item, column, None)]
    assert "nternal server error" in str(found[0][3])
    total = app.destination.query(f"SELECT count(*), count(name) FROM monday.{plan.table}")[1]
    assert total == [(ITEMS, ITEMS)]
    name = next(each for each in plan.columns if each.source.id == column).facets[0].column.name
    beside = [each.facets[0].column.name for each in plan.columns if each.facets and each.source.id != column]
    row = app.destination.query(f"SELECT {name}, {', '.join(beside)} FROM monday.{plan.table} WHERE item_id = {item}")[
        1
    ]
    assert row[0][0] is None
    assert any(value is not None for value in row[0][1:])


def test_a_column_that_fails_everywhere_is_named(sandbox: Sandbox, app: App) -> None:
    """No table is live with an emptied column; the error says which, and how to leave it out. Other boards go live."""
    board = sandbox.account.boards[1]
    column = board.columns[3].id
    sandbox.service.faults.add(always(board=board.id, column=column))
    report = app.sync()
    assert [each.plan.key for each in report.failed] == [str(board.id)]
    assert column in report.failed[0].error.message
    assert "exclude: true" in report.failed[0].error.hint
    assert {each.plan.key for each in report.boards} == {str(each.id) for each in sandbox.account.boards} - {
        str(board.id)
    }


def test_a_board_that_fails_keeps_its_generation(sandbox: Sandbox, app: App) -> None:
    """What was live of it stays live, and the others move on."""
    app.sync()
    bad, good = sandbox.account.boards[0], sandbox.account.boards[1]
    for board in (bad, good):
        sandbox.account.rename_item(board.item_id(0), "renamed")
    sandbox.service.faults.add(always(board=bad.id, operation="NextItems"))
    sandbox.service.faults.add(always(board=bad.id, operation="FirstItems"))
    sandbox.service.faults.add(always(board=bad.id, operation="BundledItems"))
    report = app.sync()
    assert [each.plan.key for each in report.failed] == [str(bad.id)]
    live = {each.group: each.number for each in app.destination.generations() if each.state.value == "live"}
    assert live[str(bad.id)] == 1
    assert live[str(good.id)] == 2


def test_when_all_boards_fail_the_run_does(sandbox: Sandbox, app: App) -> None:
    """It is monday then, and nothing changes."""
    sandbox.service.faults.add(always(operation="FirstItems"))
    sandbox.service.faults.add(always(operation="BundledItems"))
    with pytest.raises(SourceUnavailable, match=r"^Board 184\d+ \('.*other 2 boards\. Production was not changed\.$"):
        app.sync()
    assert app.destination.generations() == []


def test_a_bundle_with_a_bad_board_reads_the_others(sandbox: Sandbox, app: App) -> None:
    """Boards that share a call are asked for one by one when the call fails."""
    bad = sandbox.account.boards[2]
    sandbox.service.faults.add(always(board=bad.id, operation="BundledItems"))
    report = app.sync()
    assert len(report.boards) == 3
    assert report.failed == ()
