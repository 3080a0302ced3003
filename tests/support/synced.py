"""One account and one destination, synced again and again; after each run every cell is held against the account."""

from __future__ import annotations

from pathlib import Path

from boardlift.app import App
from boardlift.clock import Clock
from boardlift.normalize.boards import BoardPlan
from boardlift.normalize.columns.family import Refresh
from boardlift.reports import RunReport
from boardlift.sandbox import Account, Sandbox
from boardlift.settings import AccountSettings, DefaultSettings
from support.apps import make_app
from support.truth import compare_account


class Synced:
    """One account and one destination, synced again and again."""

    def __init__(self, sandbox: Sandbox, destination: str, folder: Path, **defaults: object) -> None:
        self.sandbox, self.account = sandbox, sandbox.account
        self.clock: Clock | None = None
        self._make = lambda url: make_app(
            sandbox,
            destination,
            folder,
            clock=self.clock,
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


def modes(report: RunReport) -> dict[str, str]:
    return {board.record.board_id: board.record.mode.value for board in report.boards}


def of_board(report: RunReport, board: int, account: Account) -> tuple[str, int | None, int | None, int | None]:
    """How the board was read, and how many items were added, changed and deleted."""
    key = str(account.boards[board].id)
    record = next(each.record for each in report.boards if each.record.board_id == key)
    return record.mode.value, record.added, record.changed, record.deleted
