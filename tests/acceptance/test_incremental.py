"""Boards read by their changes: after each run the tables hold what the account holds, to the cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.app import App
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.columns.family import Refresh
from boardlift.reports import RunReport
from boardlift.sandbox import Account, Sandbox
from boardlift.settings import AccountSettings, DefaultSettings
from support.apps import make_app
from support.truth import compare_account

ITEMS = 120


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    account = Account.many(boards=3, items=ITEMS, columns=12)
    with Sandbox(account) as running:
        yield running


@pytest.fixture(params=["duckdb", "postgresql"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "duckdb":
        return f"duckdb:///{tmp_path / 'warehouse.duckdb'}"
    return str(request.getfixturevalue("postgres_url"))


class Synced:
    """One account and one destination, synced again and again."""

    def __init__(self, sandbox: Sandbox, destination: str, folder: Path, **defaults: object) -> None:
        self.sandbox, self.account = sandbox, sandbox.account
        self._make = lambda url: make_app(
            sandbox,
            destination,
            folder,
            account=AccountSettings(url=url or sandbox.url, retries=1, timeout=20),
            defaults=DefaultSettings(**{"mode": "incremental", "sweep": "never", **defaults}),  # type: ignore[arg-type]
        )

    def app(self, url: str = "") -> App:
        return self._make(url)

    def run(self, *, url: str = "", full: bool = False, quiet: bool = True) -> RunReport:
        """Sync, and hold every cell against the account. `quiet` lets ten minutes pass first."""
        if quiet:
            self.account.advance(600)
        with self.app(url) as app:
            report = app.sync(full=full)
            found = compare_account(self.account, [board.plan for board in report.boards], app.destination)
            later = [] if full else [place for board in report.boards for place in shown_later(board.plan)]
            wrong = [each for each in found.differences if not any(place in each for place in later)]
            assert not wrong, wrong[:10]
        return report

    def tombstones(self, report: RunReport, board: int = 0) -> list[tuple[object, ...]]:
        plan = next(each.plan for each in report.boards if each.plan.key == str(self.account.boards[board].id))
        assert plan.tombstones is not None
        with self.app() as app:
            table = app.destination.address(plan.tombstones.name)
            return app.destination.query(f"SELECT item_id, state FROM {table} ORDER BY item_id")[1]


def shown_later(plan: BoardPlan) -> list[str]:
    """Where differences may stand until the next full read: what an item shows of others."""
    columns = [column for column in plan.columns if column.family.refresh is not Refresh.WITH_ITEM]
    names = [f"].{facet.column.name}:" for column in columns for facet in column.facets]
    links = [
        column.link_table.name for column in columns if column.link_table and column.family.refresh is Refresh.LATER
    ]
    return [*names, *links]


@pytest.fixture
def synced(sandbox: Sandbox, destination: str, tmp_path: Path) -> Synced:
    return Synced(sandbox, destination, tmp_path)


def modes(report: RunReport) -> dict[str, str]:
    return {board.record.board_id: board.record.mode.value for board in report.boards}


def of_board(report: RunReport, board: int, account: Account) -> tuple[str, int | None, int | None, int | None]:
    """How the board was read, and how many items were added, changed and deleted."""
    key = str(account.boards[board].id)
    record = next(each.record for each in report.boards if each.record.board_id == key)
    return record.mode.value, record.added, record.changed, record.deleted


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
